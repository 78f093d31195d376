"""Faults of disks while the node runs: power, stalls, errors, no space, failpoints."""
import functools
import re
import signal
import time

from roostkit.nodes import ROOT

from .base import Fault, Skip, running

POWER_LOST = 78


class PowerLoss(Fault):
    id, name = "F3", "power loss"
    about = "what was written and not synced is lost, torn or kept at random, and the process is gone; one, two or all"
    needs = ("control",)
    seconds = (1.0, 6.0)

    @classmethod
    def draw(cls, rng, names):
        count = rng.choice([1, 1, 2, len(names)])
        return {"victims": rng.sample(names, min(count, len(names))), "seed": rng.getrandbits(32)}

    def targets(self, world):
        victims = self.params["victims"]
        return list(world.founders) if victims == "all" else [world.named(n) for n in victims]

    def begin(self, world, nodes):
        running(nodes)
        for i, node in enumerate(nodes):
            with node.lock:
                node.wanted = False
            node.control(f"power-loss {self.params['seed'] + i}")
        for node in nodes:
            status = node.process.wait(timeout=20)
            if status != POWER_LOST:
                world.find(f"{node.name} ended with {status} at a power loss, not {POWER_LOST}")

    def end(self, world, nodes):
        for node in nodes:
            node.start()


class Stall(Fault):
    needs = ("loop or control",)
    id, name = "F11", "disk stands still"
    about = "no write or sync ends for a while; leaderships go after 1 s, the process after 10 s"
    seconds = (0.3, 14.0)
    goal = 4.0

    def begin(self, world, nodes):
        node = running(nodes)[0]
        # After 10 s without an answer from its disk a node ends itself; that is the rule, no finding.
        self.excuse(node)
        if node.disk.kind == "loop":
            node.disk.freeze()
            return "file system frozen"
        node.control(f"stall-fsync {int(self.params['seconds'] * 1000)}")
        return "syncs stalled by the chaos control"

    def end(self, world, nodes):
        node = nodes[0]
        if node.disk.kind == "loop":
            node.disk.thaw()
        # An end that the stall caused is seen within a second of the thaw.
        time.sleep(1.5)


class Full(Fault):
    needs = ("loop or control",)
    id, name = "F12", "disk full"
    about = "a file takes the free space; writes get 507 there, leaderships go elsewhere, and all is well after"
    aspect = "disk"
    seconds = (3.0, 20.0)

    @classmethod
    def draw(cls, rng, names):
        return {"target": cls.draw_target(rng, names), "leave_kb": rng.choice([0, 64, 4096, 80_000])}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        # A running node goes on. One that another fault ended can not start until there is room, and says so.
        self.excuse(node, lambda status: status == 1 and not node.ready_line()
                    and "No space left" in node.last_words())
        if node.disk.kind == "loop":
            node.disk.fill(self.params["leave_kb"] << 10)
            return f"{self.params['leave_kb']} KB left"
        node.control("enospc on")
        return "by the chaos control"

    def end(self, world, nodes):
        node = nodes[0]
        if node.disk.kind == "loop":
            node.disk.free()
        elif node.is_running():
            node.control("enospc off")


class Error(Fault):
    id, name = "F13", "EIO from fsync"
    about = "the disk answers with an error; the process ends with a named reason and never tries again"
    needs = ("control",)
    seconds = (1.0, 8.0)
    goal = 2.0

    def begin(self, world, nodes):
        node = running(nodes)[0]
        with node.lock:
            node.wanted = False
        node.control("eio fsync")
        try:
            status = node.process.wait(timeout=10)
        except Exception:
            world.find(f"{node.name} goes on 10 s after its disk answered EIO")
            node.halt()
            return None
        if status == 0:
            world.find(f"{node.name} ended with status 0 after EIO")
        return f"ended with {status}"

    def end(self, world, nodes):
        nodes[0].start()


class Failpoint(Fault):
    id, name = "F19", "failpoint"
    about = "the process ends at, or waits a second in, a named place of the code the next time it comes by"
    needs = ("control",)
    seconds = (3.0, 10.0)
    goal = 2.0

    @classmethod
    def draw(cls, rng, names):
        # Mostly a place that the process comes by, which only it can tell; now and then any place there is.
        return {"target": cls.draw_target(rng, names), "place": rng.random(), "any": rng.random() < 0.25,
                "point": rng.choice(all_failpoints()), "hit": rng.choice([1, 1, 2, 10]),
                "action": rng.choice(["crash", "crash", "sleep:1000"])}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        point = self.params["point"]
        if not self.params["any"]:
            passed = passed_failpoints(node)
            point = passed[int(self.params["place"] * len(passed))] if passed else point
        self.excuse(node)
        node.control(f"failpoint {point} {self.params['action']}@{self.params['hit']}")
        return f"{point} {self.params['action']}@{self.params['hit']}"

    def end(self, world, nodes):
        node = nodes[0]
        # One that was never passed would stay armed; a fresh process has none.
        if node.is_running():
            node.halt(signal.SIGKILL)
            node.start()


@functools.cache
def all_failpoints():
    """Every name there is, from the one module that lists them."""
    sources = (ROOT / "Sources" / "Core" / "Failpoints").glob("*.swift")
    names = {n for path in sources for n in re.findall(r'^ +case \w+ = "([a-z.-]+)"$', path.read_text(), re.M)}
    assert names, "no failpoints in Sources/Core/Failpoints"
    return sorted(names)


def passed_failpoints(node):
    """Those that the process has come by, as the control's `status` lists them: hits=name=count,…"""
    hits = re.search(r"\bhits=(\S*)", node.control("status"))
    return sorted(h.partition("=")[0] for h in hits[1].split(",") if h) if hits else []
