#!/usr/bin/env python3
"""How reading grows with what is kept: three nodes, 1,000 channels, messages of 256 bytes made of words.

  million.py [--counts 10000,100000,1000000] [--shards 32] [--requests 400] [--json FILE]

For each count a fresh cluster is filled below the edge by `roost-load log --count`; then one client, one request at a
time over one kept connection, asks one node: pages of 50 at random places of random channels, the newest 20 that have a
frequent, a rarer and a rare word, the list of 200 joined channels. At last that node is stopped with SIGTERM and started
again. Times are the client's, in milliseconds: Python and loopback are in them (a request that the node answers from
nothing, /health, is timed too, to be compared). `at_node` is the node's own figure: the bound of its histogram of
requests, in milliseconds, that 99 of 100 stay below; the bounds are 1, 2 and 5 times powers of ten."""
import argparse
import http.client
import json
import random
import re
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Tests" / "ThirdParty")]

from roostkit.nodes import Cluster, binary  # noqa: E402
from roostkit.rest import register  # noqa: E402

CHANNELS = 1000
WORDS = 4096


def word(number):
    """The same words as LoadTexts.swift makes."""
    left, letters = number + 75, ""
    while left > 0:
        letters += "bdfghklmnprstvz"[left % 75 // 5] + "aeiou"[left % 5]
        left //= 75
    return letters


class Client:
    def __init__(self, node, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        began = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            sys.exit(f"GET {path}: {answer.status} {body[:300]}")
        return took, json.loads(body) if body.startswith(b"{") else None


def figures(times):
    times = sorted(times)
    return {"p50": times[len(times) // 2], "p99": times[min(len(times) - 1, len(times) * 99 // 100)], "max": times[-1]}


def spread(client):
    """How many requests the node has answered within each bound of its histogram, in seconds."""
    client.connection.request("GET", "/metrics", headers=client.headers)
    answer = client.connection.getresponse()
    text = answer.read().decode()
    rows = re.findall(r'^roost_http_request_seconds_bucket\{le="([^"]+)"\} (\d+)$', text, re.M)
    if answer.status != 200 or not rows:
        sys.exit(f"GET /metrics: {answer.status} {text[:300]}")
    return {float(bound): int(count) for bound, count in rows}


def at_node(before, after):
    count = after[float("inf")] - before[float("inf")]
    return next(bound * 1000 for bound in sorted(after) if (after[bound] - before[bound]) * 100 >= count * 99)


def searched(client, requests, rank):
    """A word near `rank` of those that are in use, another one each time."""
    times, found = [], 0
    before = spread(client)
    for i in range(requests):
        took, page = client.get("/v1/search/messages", q=word(rank + i % 8), limit=20)
        times.append(took)
        found += len(page["items"])
    return {**figures(times), "found": found / requests, "at_node": at_node(before, spread(client))}


def settle(cluster):
    """Until the nodes have done what filling left behind: index, merges, checkpoints. A minute at most."""
    def used():
        return sum(sum(map(int, Path(f"/proc/{n.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
                   for n in cluster.nodes)
    for _ in range(30):
        before = used()
        time.sleep(2)
        # Hundredths of a second: less than a tenth of one core.
        if used() - before < 20:
            return


def measure(count, shards, requests):
    options = ["--registration", "open", "--rate-limits", "off", "--shards", str(shards), "--log-level", "warning"]
    with Cluster(3, options=options) as cluster:
        cluster.start()
        someone = register(cluster.nodes[0])
        cluster.wait_replicated(someone.token)
        load = Path(binary()).with_name("roost-load")
        filled = json.loads(subprocess.run(
            [load, "log", "--servers", ",".join(f"127.0.0.1:{n.http_port}" for n in cluster.nodes),
             "--peers", ",".join(n.peer for n in cluster.nodes), "--cluster-key-file", cluster.key_file,
             "--shards", str(shards), "--channels", str(CHANNELS), "--count", str(count), "--words", str(WORDS)],
            check=True, capture_output=True, text=True).stdout)
        node = cluster.nodes[1]
        client = Client(node, someone.token)
        channels, cursor = [], None
        while True:
            _, page = client.get("/v1/channels", limit=200, **({"cursor": cursor} if cursor else {}))
            channels += [item["id"] for item in page["items"] if item["name"].startswith("load-")]
            cursor = page["next_cursor"]
            if not cursor:
                break
        # The index follows; what is measured is a search beside nothing else.
        behind = time.monotonic()
        while time.monotonic() - behind < 600:
            _, _ = client.get("/health")
            client.connection.request("GET", "/v1/search/messages?q=nothing", headers=client.headers)
            answer = client.connection.getresponse()
            answer.read()
            if answer.status == 200:
                break
            time.sleep(0.5)
        behind = time.monotonic() - behind
        settle(cluster)
        rows = {"count": count, "filled": filled, "index_behind_s": behind}
        rows["health"] = figures([client.get("/health")[0] for _ in range(requests)])
        each = count // CHANNELS

        def pages(**parameters):
            before = spread(client)
            row = figures([
                client.get("/v1/messages", channel_id=random.choice(channels), before=random.randint(2, max(each, 3)),
                           **parameters)[0]
                for _ in range(requests)])
            return {**row, "at_node": at_node(before, spread(client))}

        rows["page"] = pages(limit=50)
        rows["page_local"] = pages(limit=50, consistency="local")
        rows["page_of_one"] = pages(limit=1)
        rows["frequent"] = searched(client, requests // 4, 0)
        rows["rarer"] = searched(client, requests // 4, 128)
        rows["rare"] = searched(client, requests // 4, WORDS - 512)
        for channel in channels[:200]:
            assert someone.post(f"/v1/channels/{channel}/join").status_code == 204
        rows["sidebar"] = figures([client.get("/v1/users/me/channels", limit=200)[0] for _ in range(requests // 4)])
        rows["rss_mb"] = node.rss_kb() / 1024
        rows["stop_s"] = node.terminate()
        began = time.monotonic()
        node.start().wait_ready()
        rows["start_s"] = time.monotonic() - began
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = []
    for count in options.counts.split(","):
        table.append(measure(int(count), options.shards, options.requests))
        print(json.dumps(table[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1))
    print("\n| messages | page of 50 p50 / p99 | newest 20, frequent word | rarer | rare | 200 channels p99 | start s | MB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in table:
        cells = [f"{row['count']:,}"]
        cells += [f"{row[key]['p50']:.1f} / {row[key]['p99']:.1f} (node {row[key]['at_node']:.1f})" for key in ("page", "frequent", "rarer", "rare")]
        cells += [f"{row['sidebar']['p99']:.1f}", f"{row['start_s']:.1f}", f"{row['rss_mb']:.0f}"]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
