"""The world of a run: nodes on a network, each on a disk; someone who starts again what ended; what was found out."""
import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
from roostkit.nodes import binary
from roostkit.rest import login, register

from . import cgroups, node as nodes_module
from .disks import LoopDisk, PlainFolder, loop_devices_missing
from .journal import now_us
from .network import Loopback, Network, ShapedNetwork
from .node import ChaosNode
from .sandbox import is_inside

DISK_MEGABYTES = 4096
OPTIONS = ["--registration", "open", "--rate-limits", "off", "--log-level", "info"]


class World:
    """Makes everything in `work`, writes logs into `out`. `findings` are what the nodes did that they must not."""

    def __init__(self, work, out, journal, say, size, shards=None, clocks=False, link="plain", options=()):
        self.work, self.out, self.journal, self.say = Path(work), Path(out), journal, say
        self.options = OPTIONS + (["--shards", str(shards)] if shards else []) + list(options)
        self.findings = []
        self.exits = []
        self.nodes = []
        self.clocks = clocks
        self.network = (ShapedNetwork if link == "tun" else Network)() if is_inside() else Loopback()
        self.no_loop_devices = loop_devices_missing(work) if is_inside() else "not in namespaces"
        self.key_file = self.work / "cluster.key"
        subprocess.run([binary(), "key", "new", "--out", str(self.key_file)], check=True, stdout=subprocess.DEVNULL)
        self._numbers = iter(range(1, 200))
        self.admin = None
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.destroying = threading.Lock()
        self.founders = []
        self.has_control = self._probe_control()
        self.founders = [self.add() for _ in range(size)]
        for node in self.founders:
            node.seeds = [n.peer for n in self.founders]

    # Nodes

    def add(self):
        """A further node, not started; it knows the first nodes as seeds."""
        number = next(self._numbers)
        name = f"n{number}"
        folder = self.work / name
        if self.no_loop_devices:
            disk = PlainFolder(folder)
        else:
            disk = LoopDisk(self.work / f"{name}.img", folder, DISK_MEGABYTES)
        clock = None
        if self.clocks:
            clock = self.work / f"{name}.clock"
            clock.write_text("+0\n")
        logs = self.out / "nodes"
        logs.mkdir(exist_ok=True)
        self.network.add(name, number)
        node = ChaosNode(name, self.network, disk, logs / f"{name}.log", self.options, self.key_file, clock)
        node.seeds = [n.peer for n in self.founders]
        node.has_control = self.has_control
        self.nodes.append(node)
        return node

    def _probe_control(self):
        """Whether this build has the chaos control: a build without it does not start, or makes no socket."""
        folder = self.work / "probe"
        path = folder / "control.sock"
        folder.mkdir()
        environment = {**os.environ, "ROOST_CHAOS_SOCKET": str(path), "SWIFT_BACKTRACE": "enable=no"}
        with open(folder / "log", "wb") as log:
            probe = subprocess.Popen([binary(), "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0",
                                      "--peer-listen", "127.0.0.1:0", "--cluster-key-file", str(self.key_file)],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            for _ in range(200):
                if path.exists():
                    return True
                if probe.poll() is not None or b"ready " in (folder / "log").read_bytes():
                    return path.exists()
                time.sleep(0.05)
            return False
        finally:
            probe.kill()
            probe.wait()

    def named(self, name):
        return next(n for n in self.nodes if n.name == name)

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready(90)
        self.admin = register(self.nodes[0], "chaos-admin")
        self._admin_since = time.monotonic()
        self._keeper.start()

    def close(self):
        """Ends every process. The rest ends with the namespaces."""
        self._stop.set()
        for node in self.nodes:
            with contextlib.suppress(RuntimeError):
                if node.disk.kind == "loop":
                    node.disk.thaw()
        for node in self.nodes:
            if node.process is not None:
                node.wanted = False
                with contextlib.suppress(ProcessLookupError):
                    os.kill(node.pid, signal.SIGKILL)
                node.process.wait(timeout=30)
        if self._keeper.is_alive():
            self._keeper.join()
        self.network.close()

    def find(self, text):
        """Something that must not be. The run has failed."""
        self.findings.append(text)
        self.say(f"FOUND: {text}")

    # The keeper starts again what ended, as a service manager would

    def _keep(self):
        early = {}
        while not self._stop.wait(0.1):
            for node in list(self.nodes):
                with node.lock:
                    if not node.wanted or node.process is None or node.process.poll() is None:
                        continue
                    status = node.process.returncode
                    self._ended(node, status)
                    early[node.name] = early.get(node.name, 0) + 1 if not node.ready_line() else 0
                    node.wanted = False
                threading.Thread(target=self._revive, args=(node, min(1 + early[node.name], 10)),
                                 daemon=True).start()

    def _revive(self, node, seconds):
        self._stop.wait(seconds)
        with node.lock:
            if not node.is_running() and not self._stop.is_set():
                node.start()

    def _ended(self, node, status):
        word = f"signal {-status}" if status < 0 else f"status {status}"
        # Every one is asked: one may have to act on it.
        expected = any([excuse(status) for excuse in list(node.excuses)])
        self.exits.append({"t_us": now_us(), "node": node.name, "status": status, "expected": expected})
        if expected:
            self.say(f"{node.name} ended with {word}, as it may")
        else:
            self.find(f"{node.name} ended by itself with {word}:\n{node.last_words()}")

    # What the cluster says of itself

    def report(self):
        """GET /v1/cluster of whichever node answers, or None."""
        for node in self.nodes:
            if not node.is_running():
                continue
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                if time.monotonic() - self._admin_since > 600:
                    self.admin = login(node, "chaos-admin")
                    self._admin_since = time.monotonic()
                answer = httpx.get(node.http + "/v1/cluster", timeout=3,
                                   headers={"Authorization": f"Bearer {self.admin.token}"})
                if answer.status_code == 200:
                    return answer.json()
        return None

    def ids(self, report):
        """Node names by cluster id, by the addresses the report gives; only those that still count."""
        by_address = {n.peer: n for n in self.nodes}
        found = {}
        for row in report["nodes"]:
            node = by_address.get(row["address"])
            if node is not None and row["state"] in ("joining", "active", "draining"):
                found[row["id"]] = node
                node.known_id = row["id"]
        return found

    def leader_heavy(self):
        """The node that leads most shards just now; the first one where nobody can say."""
        report = self.report()
        counts = {}
        if report:
            names = self.ids(report)
            for shard in report["shards"]:
                if shard["leader"] in names:
                    name = names[shard["leader"]].name
                    counts[name] = counts.get(name, 0) + 1
        running = [n for n in self.founders if n.is_running()] or self.founders
        return max(running, key=lambda n: counts.get(n.name, 0))

    def ailing(self):
        """Why the cluster is not whole, or None: every founder up (whoever ended it, and whatever comes next), every
        shard led, replicated and caught up."""
        down = [n.name for n in self.nodes if (n.wanted or n in self.founders) and not n.is_running()]
        if down:
            return f"{', '.join(down)} not running"
        report = self.report()
        if report is None:
            return "no node reports on the cluster"
        names = self.ids(report)
        active = sum(r["state"] == "active" for r in report["nodes"])
        voters = min(3, len(self.founders))
        if active < voters:
            return f"{active} nodes are active"
        bad = {}
        for shard in report["shards"]:
            replicas = [r for r in shard["replicas"] if r["role"] == "voter"]
            if not shard["leader"]:
                bad["without a leader"] = bad.get("without a leader", 0) + 1
            elif len(replicas) < voters or any(r["node_id"] not in names for r in replicas):
                bad["not fully replicated"] = bad.get("not fully replicated", 0) + 1
            elif any((r.get("lag") is None or r["lag"] > 100) for r in replicas):
                bad["behind"] = bad.get("behind", 0) + 1
        return ", ".join(f"{count} shards {kind}" for kind, count in bad.items()) or None

    def wait_whole(self, seconds, quiet=False):
        """Until nothing ails, twice a second apart. Returns what still ails after that time, or None."""
        end = time.monotonic() + seconds
        good = 0
        reason = "not looked at"
        while time.monotonic() < end and not self._stop.is_set():
            reason = self.ailing()
            good = good + 1 if reason is None else 0
            if good == 2:
                return None
            time.sleep(1 if good else 0.5)
        if not quiet:
            self.say(f"after {seconds:.0f} s: {reason}")
        return reason or "only just whole"

    # What this world can not do

    def lacks(self, need):
        """Why a need of a fault cannot be met here, or None."""
        if need == "namespaces":
            return None if is_inside() else "needs network namespaces"
        if need == "loop":
            return self.no_loop_devices and f"needs a file system of its own: {self.no_loop_devices}"
        if need == "loop or control":
            return self.no_loop_devices and not self.has_control and (
                f"needs a file system of its own ({self.no_loop_devices}) or a build with the chaos control") or None
        if need == "faketime":
            return None if os.path.exists(nodes_module.FAKETIME) else "libfaketime is not installed"
        if need in ("cpu", "memory"):
            return cgroups.missing(need)
        if need == "control":
            return None if self.has_control else "this build of roost has no chaos control"
        raise ValueError(need)
