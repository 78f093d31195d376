"""The load of a run: `roost-load history`, which also checks and draws, or the small one of our own."""
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from roostkit.nodes import ROOT

from .own_load import OwnLoad
from .sandbox import CanNotRun
from .verdict import spans

PROGRESS = re.compile(r"acked=(\d+)")
SETTLE = 30
# Reading a million messages four times over takes minutes.
FINAL_READS = 300


def make_load(options, world, out):
    if options.load == "own":
        return OwnLoad(world, out, channels=min(options.channels, 8), senders=min(options.clients, 12),
                       rate=options.rate or 150.0, seed=options.seed)
    return RoostLoad(world, out, options)


def program():
    path = Path(os.environ.get("ROOST_LOAD_BIN", ROOT / ".build" / "debug" / "roost-load"))
    if not path.is_file():
        raise CanNotRun(f"{path} does not exist: build it with `swift build --product roost-load`, or say --load own")
    return str(path)


class RoostLoad:
    """`roost-load history` as a process in the clients' namespace; `check` and `picture` when it has ended."""

    def __init__(self, world, out, options):
        self.world, self.out = world, out
        self.problems = []
        self._acked = 0
        self._began = threading.Event()
        self._result = {}
        servers = ",".join(f"{n.name}={n.address}:{n.http_port}" for n in world.founders)
        self._command = [
            program(), "history", "--servers", servers, "--clients", str(options.clients),
            "--channels", str(options.channels), "--private", str(min(6, options.channels)),
            "--rate", str(options.rate or 300), "--settle", str(SETTLE), "--name", options.title,
            # It is told when to stop; this is only so that it never goes on for ever.
            "--seconds", str(int(options.seconds_most) + 600), "--out", str(out)]

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, start_new_session=True, env=environment)
        threading.Thread(target=self._listen, name="load", daemon=True).start()
        end = time.monotonic() + 90
        while not self._began.wait(0.2):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"roost-load did not begin: see {self.out}/load.log")
        return self

    def _listen(self):
        with open(self.out / "load.log", "w", buffering=1) as log:
            for line in self._process.stdout:
                log.write(line)
                if line.startswith("load began"):
                    self._began.set()
                progress = PROGRESS.search(line)
                if progress:
                    self._acked = int(progress[1])

    def acked(self):
        return self._acked

    def alive(self):
        return self._process.poll() is None

    def finish(self, seconds):
        """Ends the sending; the load then waits for open verdicts and reads every log from every node."""
        if not self.alive():
            self.problems.append(f"roost-load ended by itself with {self._process.returncode}; see load.log")
        else:
            self._process.send_signal(signal.SIGINT)
            try:
                if self._process.wait(seconds + 3 * SETTLE + FINAL_READS) != 0:
                    self.problems.append(f"roost-load ended with {self._process.returncode}; see load.log")
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.problems.append(f"roost-load did not come to its end within {seconds + 3 * SETTLE + FINAL_READS} s")
        done = subprocess.run([program(), "check", str(self.out)], capture_output=True, text=True, timeout=300)
        try:
            self._result = json.loads((self.out / "verdict.json").read_text())
        except (OSError, ValueError) as error:
            self.problems.append(f"no verdict: {error}; roost-load check said: {(done.stdout + done.stderr)[-500:]}")
            return
        if done.returncode != 0 and self._result.get("passed"):
            self.problems.append(f"roost-load check ended with {done.returncode}")

    def stop(self):
        """At once, without a verdict."""
        if self.alive():
            self._process.kill()
        self._process.wait()

    def counts(self):
        r = self._result
        return {k: r[k] for k in ("acked", "unknown", "retried", "lost", "doubled", "reordered", "phantom", "gaps",
                                  "deliveries", "reads", "operations", "operations_unknown", "sidebar_rows",
                                  "lively_messages", "reaction_groups", "member_lists", "thread_views", "pins",
                                  "inbox_entries") if k in r}

    def share(self):
        return self._result.get("success_share", 0.0)

    def verdict(self):
        found = [f"{v['rule']}: {v['text']}" + (f" (channel {v['channel']})" if "channel" in v else "")
                 for v in self._result.get("violations", [])]
        return found + self.problems

    def gaps(self, records):
        """fault -> [(seconds, alone)], of the shard that stood still longest."""
        # The checker lists the faults of the journal, node by node, in the order of their begins.
        lengths = [f.get("gap_max_ms") for f in self._result.get("faults", [])]
        void = {r["number"] for r in records if r.get("detail") == "did not begin"}
        begins = [r for r in records if r["phase"] == "begin" and r["number"] not in void]
        longest = {}
        for record, length in zip(begins, lengths):
            if length is not None:
                longest[record["number"]] = max(length, longest.get(record["number"], 0))
        found = {}
        for span in spans(records):
            if span.number in longest:
                found.setdefault(span.fault, []).append((longest[span.number] / 1000, span.alone))
        return found

    def picture(self):
        done = subprocess.run([program(), "picture", str(self.out)], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            print(f"no picture: {(done.stdout + done.stderr)[-300:]}", flush=True)
