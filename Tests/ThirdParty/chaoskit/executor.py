"""Carries a plan out: each fault on a thread of its own, none on what another one holds."""
import itertools
import threading
import time
import traceback

from .faults import FAULTS, Skip


class Executor:
    def __init__(self, world, journal, say, patience=0.0):
        """A fault that cannot begin is tried again for `patience` seconds before it is skipped."""
        self.world, self.journal, self.say, self.patience = world, journal, say, patience
        self.skipped = []
        self.done = 0
        self._held = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self, plan):
        """Until the last fault of the plan has ended, or `stop`."""
        began = time.monotonic()
        threads = []
        for planned in plan:
            if self._over.wait(max(0.0, began + planned.at - time.monotonic())):
                break
            thread = threading.Thread(target=self._one, args=(planned,), name=planned.fault, daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def stop(self):
        """Ends all faults now; `run` returns when they are taken back."""
        self._over.set()

    def _one(self, planned):
        fault = FAULTS[planned.fault](planned.params)
        deadline = time.monotonic() + self.patience
        try:
            while True:
                try:
                    return self._try(fault, planned)
                except Skip as reason:
                    if time.monotonic() > deadline or self._over.wait(0.5):
                        self.skipped.append({"fault": fault.title, "at": planned.at, "reason": str(reason)})
                        self.say(f"skipped {fault.title}: {reason}")
                        return None
        except Exception as error:
            # A fault that broke down leaves the world in no known state: the run must not pass.
            self.world.find(f"{fault.title} broke down: {error!r}\n{traceback.format_exc(limit=-3)}")

    def _try(self, fault, planned):
        if fault.destroys and not self.world.destroying.acquire(blocking=False):
            raise Skip("another node's data is still being restored")
        claims = []
        try:
            if fault.destroys:
                ailment = self.world.ailing()
                if ailment:
                    raise Skip(f"takes durable data away, and the cluster is not whole: {ailment}")
            nodes = fault.targets(self.world)
            claims = self._claim(fault.claims(nodes))
            with fault.excuses:
                self._play(fault, nodes, planned)
        finally:
            with self._lock:
                self._held.difference_update(claims)
            if fault.destroys:
                self.world.destroying.release()

    def _claim(self, wanted):
        with self._lock:
            taken = [c for c in wanted if c in self._held]
            if taken:
                raise Skip(f"{taken[0][0]}'s {taken[0][1]} is held by another fault")
            self._held.update(wanted)
        return wanted

    def _play(self, fault, nodes, planned):
        names = [n.name for n in nodes]
        number = next(self._numbers)
        for name in names:
            self.journal.write(number, fault.title, name, "begin")
        detail = None
        try:
            detail = fault.begin(self.world, nodes)
            self.say(f"{fault.title} {' '.join(names)}{f': {detail}' if detail else ''}")
            self._over.wait(planned.seconds)
        except Skip:
            self._close(number, fault, names, "did not begin")
            raise
        except Exception:
            self._close(number, fault, names, "broke down")
            raise
        try:
            after = fault.end(self.world, nodes)
        except Exception:
            self._close(number, fault, names, "broke down at its end")
            raise
        self.done += 1
        self._close(number, fault, names, "; ".join(t for t in (detail, after) if t) or None)
        if after:
            self.say(f"{fault.title} {' '.join(names)} over: {after}")

    def _close(self, number, fault, names, detail):
        for name in names:
            self.journal.write(number, fault.title, name, "end", detail)
