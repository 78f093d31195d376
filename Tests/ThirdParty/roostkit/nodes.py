"""Roost nodes as processes: started from the built binary on loopback, ended by their own pids only."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from roostkit import cleartext

ROOT = Path(__file__).resolve().parents[3]
READY_LINE = re.compile(r"^ready node=(\S+) http=(\S+) peers=(\S+)$", re.M)


def binary():
    """The program under test: ROOST_BIN, else what `swift build` made."""
    path = Path(os.environ.get("ROOST_BIN", ROOT / ".build" / "debug" / "roost"))
    if not path.exists():
        raise SystemExit(f"{path} does not exist: build it with `swift build --product roost`")
    return str(path)


class Ports:
    """Ports for this process alone, below those that Linux gives to outgoing connections (from 32768): a port that is
    bound, let go and given to a node later would go meanwhile to whoever connects or looks for one, and a port of a
    node that is down to a connection. So each process claims a block, with a name that the kernel frees at its end."""

    FIRST, SIZE, BLOCKS = 12_000, 500, 40

    def __init__(self):
        self._claim = socket.socket(socket.AF_UNIX)
        self._block = None
        self._next = 0

    def _claimed(self):
        if self._block is None:
            # Processes that start one after the other do not meet the connections that the last one has just closed.
            first = os.getpid()
            for block in ((first + i) % self.BLOCKS for i in range(self.BLOCKS)):
                with contextlib.suppress(OSError):
                    self._claim.bind(f"\0roost-ports-{block}")
                    self._block = block
                    break
            else:
                raise RuntimeError(f"all {self.BLOCKS} blocks of ports are in use")
        return self.FIRST + self._block * self.SIZE

    def take(self):
        """A port that this process has not had for the longest time and that nothing is bound to."""
        first = self._claimed()
        for _ in range(self.SIZE):
            port = first + self._next % self.SIZE
            self._next += 1
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
        raise RuntimeError(f"no port is free from {first} to {first + self.SIZE - 1}")


PORTS = Ports()


def free_ports(count):
    """Ports that nothing listens on and that no other process which asks here is given while this one lives."""
    return [PORTS.take() for _ in range(count)]


class Node:
    """One node: its folder and ports stay the same over any number of kills and starts."""

    def __init__(self, folder, name, http_port, peer_port, options=(), seeds=None, key_file=None):
        self.folder = Path(folder)
        self.name = name
        self.http_port = http_port
        self.peer_port = peer_port
        self.options = list(options)
        self.seeds = seeds
        self.key_file = key_file
        self.environment = {}       # what the process gets beside our own
        self.process = None
        self.starts = 0

    @property
    def http(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.http_port}/ws"

    @property
    def peer(self):
        return f"127.0.0.1:{self.peer_port}"

    @property
    def data(self):
        return self.folder / "data"

    def command(self):
        argv = [binary(), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.http_port}",
                "--peer-listen", self.peer]
        if self.seeds:
            argv += ["--seeds", ",".join(self.seeds)]
        if self.key_file:
            argv += ["--cluster-key-file", str(self.key_file)]
        return argv + self.options

    def start(self):
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.starts += 1
        self._out = self.folder / f"out.{self.starts}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
        environment.update(SWIFT_BACKTRACE="enable=no", **self.environment)
        with open(self._out, "wb") as out, open(self.folder / "log", "ab") as log:
            log.write(f"--- start {self.starts}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True,
                env=environment)
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def ready_line(self):
        """The ready line of the last start, or None."""
        return READY_LINE.search(self._out.read_text(errors="replace"))

    def wait_ready(self, seconds=60):
        """Until the node said so itself, and GET /ready agrees."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.is_running():
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            if self.ready_line():
                with contextlib.suppress(httpx.HTTPError):
                    if cleartext.get(self.http + "/ready", timeout=2).status_code == 200:
                        return self
            time.sleep(0.03)
        raise AssertionError(f"{self.name} is not ready after {seconds} s:\n{self.tail()}")

    def kill(self):
        """SIGKILL: the process gets no chance to say or write anything."""
        if self.is_running():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=35):
        """SIGTERM. Returns how long it took, in seconds; raises where it took longer than the given time."""
        began = time.monotonic()
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=seconds)
        return time.monotonic() - began

    def tail(self, lines=25):
        text = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    def rss_kb(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0


class Cluster:
    """Any number of nodes that share a key and a seed list. A context manager: leaving it ends every node."""

    def __init__(self, size=3, options=("--registration", "open", "--rate-limits", "off"), folder=None, seeds="all"):
        """`seeds` is `all` (the same list on every node) or `first` (the others know the first only)."""
        self.folder = Path(folder or tempfile.mkdtemp(prefix="roost-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keeps = folder is not None
        self.options = list(options)
        self.key_file = self.folder / "cluster.key"
        subprocess.run([binary(), "key", "new", "--out", str(self.key_file)], check=True, stdout=subprocess.DEVNULL)
        ports = free_ports(2 * size)
        self.nodes = []
        peers = [f"127.0.0.1:{p}" for p in ports[size:]]
        for i in range(size):
            listed = peers if seeds == "all" else [peers[0]]
            self.nodes.append(Node(self.folder / f"n{i + 1}", f"n{i + 1}", ports[i], ports[size + i], self.options,
                                   listed if size > 1 else None, self.key_file))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for node in self.nodes:
            if node.is_running():
                node.kill()
        if kind is None and not self.keeps:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif kind is not None:
            print(f"logs of the nodes are in {self.folder}")
        return False

    def start(self, seconds=90):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready(seconds)
        return self

    def others(self, node):
        """All nodes but this one, in their order: where to look for what was written on it."""
        return [other for other in self.nodes if other is not node]

    def add(self, seeds):
        """A new node, not started, that knows the given seeds."""
        http, peer = free_ports(2)
        name = f"n{len(self.nodes) + 1}"
        node = Node(self.folder / name, name, http, peer, self.options, seeds, self.key_file)
        self.nodes.append(node)
        return node

    def report(self, token, node=None):
        """GET /v1/cluster of one node."""
        answer = cleartext.get((node or self.nodes[0]).http + "/v1/cluster", timeout=10,
                               headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        return answer.json()

    def wait_replicated(self, token, voters=3, seconds=120, node=None):
        """Until every shard has that many voters and a leader."""
        end = time.monotonic() + seconds
        report = None
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                report = self.report(token, node)
                if report["shards"] and all(
                        s["leader"] and sum(r["role"] == "voter" for r in s["replicas"]) == voters
                        for s in report["shards"]):
                    return report
            time.sleep(0.2)
        counts = {}
        for s in (report or {"shards": []})["shards"]:
            kind = (sum(r["role"] == "voter" for r in s["replicas"]), bool(s["leader"]))
            counts[kind] = counts.get(kind, 0) + 1
        raise AssertionError(f"not every shard has {voters} voters and a leader after {seconds} s; "
                             f"(voters, led) -> shards: {counts}")
