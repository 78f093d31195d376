"""scripts/chaos: harms a real cluster by a seeded plan while real clients use it, and judges what they saw.

Exit status: 0 the run counts and everything held; 1 something did not; 2 wrong use; 3 can not run here;
4 the run does not count (too little load, or too few operations succeeded); 130 interrupted."""
import argparse
import contextlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path

from . import sandbox
from .executor import Executor
from .faults import FAULTS
from .journal import Journal
from .loads import make_load
from .plan import Mix, make
from .verdict import LEAST_RATE, LEAST_SHARE, gap_lines
from .world import World

ROOT = Path(__file__).resolve().parents[3]
WARM_UP = 8.0
PASSED, FAILED, CAN_NOT_RUN, DOES_NOT_COUNT, INTERRUPTED = 0, 1, 3, 4, 130


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the faults and the mixes, and what can not be done here")
    parser.add_argument("--nodes", type=int, default=3, metavar="N")
    parser.add_argument("--mix", default=None, help="a definition of cluster/chaos (default: all)")
    parser.add_argument("--faults", default=None, metavar="F1,F4", help="these faults instead of a mix")
    parser.add_argument("--seconds", type=float, default=120, help="how long faults go on")
    parser.add_argument("--heal", type=float, default=15, help="seconds of load after the last fault")
    parser.add_argument("--every", default=None, metavar="LO-HI", help="seconds between two steps of the plan")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--messages", type=int, default=None, help="end the faults early when so many are acknowledged")
    parser.add_argument("--rate", type=float, default=None, help="messages a second (default: 300; own load: 150)")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--shards", type=int, default=None, help="shards of the cluster (default: the program's)")
    parser.add_argument("--build", choices=["debug", "release"], default="debug")
    parser.add_argument("--world", choices=["auto", "namespaces", "loopback"], default="auto",
                        help="auto insists on namespaces; loopback runs what needs none, and says what it leaves out")
    parser.add_argument("--load", choices=["roost-load", "own"], default="roost-load")
    parser.add_argument("--link", choices=["plain", "tun"], default="plain",
                        help="tun: links made in user space, which delay, double and reorder too")
    parser.add_argument("--plan", action="store_true", help="print the plan of this seed and do nothing")
    parser.add_argument("--out", default=None, help="the folder for the run (default: a new one in chaos/)")
    parser.add_argument("--single", action="store_true", help="one fault at a time")
    parser.add_argument("--with", dest="fixed", action="append", default=[], metavar="NAME=VALUE",
                        help="fixes a parameter of every fault that has it, e.g. target=n2 or action=clone")
    parser.add_argument("--keep", action="store_true", help="keep the nodes' data, too")
    options = parser.parse_args(argv)
    options.seconds_most = WARM_UP + options.seconds + options.heal
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    if options.link == "tun" and options.world == "loopback":
        parser.error("--link tun: there are no links of our own on loopback")
    if not 1 <= options.nodes <= 7:
        parser.error("--nodes: 1 to 7")
    try:
        if options.faults:
            options.kinds = [FAULTS[f.strip()] for f in options.faults.split(",")]
            options.title = options.faults.replace(",", "-").replace(" ", "")
            every, always = (10, 30), {}
        else:
            mix = Mix.named(options.mix or "all")
            options.kinds = [FAULTS[f] for f in mix.faults]
            options.title = mix.name
            every, always = mix.every, mix.fixed
        options.every = tuple(float(x) for x in options.every.split("-")) if options.every else every
        options.fixed = {**always, "": dict(fixed(text) for text in options.fixed)}
        if len(options.every) != 2 or not 0 < options.every[0] <= options.every[1]:
            raise ValueError("--every: two numbers, LO-HI")
    except KeyError as error:
        parser.error(f"there is no fault {error}; see --list")
    except FileNotFoundError as error:
        parser.error(f"there is no mix {error.filename}; see --list")
    except ValueError as error:
        parser.error(str(error))
    return options


def fixed(text):
    """One `--with`: a name, and a value that is JSON where it can be read as such."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--with: '{text}' is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def list_everything():
    missing = sandbox.missing()
    print("faults:")
    for kind in FAULTS.values():
        print(f"  {kind.id:<4} {kind.name:<28} {kind.about}"
              + (f"\n       needs {', '.join(kind.needs)}" if kind.needs else ""))
    print("mixes (cluster/chaos):")
    for mix in Mix.all():
        print(f"  {mix.name:<12} {mix.about}\n               {' '.join(mix.faults)}")
    print(f"here: {'namespaces can be made' if missing is None else 'no namespaces: ' + missing}")
    return PASSED


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    options = parse(argv)
    if options.list:
        return list_everything()
    if options.plan:
        names = [f"n{i + 1}" for i in range(options.nodes)]
        print(f"seed {options.seed}")
        for planned in make(options.seed, options.kinds, names, options.seconds, options.every, options.fixed,
                            options.single):
            print(planned.line())
        return PASSED
    if sandbox.is_inside():
        sandbox.settle_in()
        return Run(options, Path(os.environ["ROOST_CHAOSKIT_WORK"])).play()
    missing = sandbox.missing() if options.world != "loopback" else None
    if missing:
        print(f"can not run here: {missing}")
        print("what needs no privileges runs with --world loopback")
        return CAN_NOT_RUN
    work = sandbox.make_work_folder()
    os.environ["ROOST_CHAOSKIT_WORK"] = str(work)
    if options.world == "loopback":
        try:
            return Run(options, work).play()
        finally:
            sandbox.remove(work, options.keep or (work / sandbox.EVIDENCE).exists())
    # The seed must be the same in there.
    argv = argv if "--seed" in argv else [*argv, "--seed", str(options.seed)]
    return sandbox.run_inside([sys.executable, "-m", "chaoskit", *argv], work, keep=options.keep)


class Interrupted(Exception):
    pass


class Run:
    def __init__(self, options, work):
        self.options, self.work = options, work
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.out = Path(options.out or ROOT / "chaos" / f"{stamp}-{options.title}").resolve()
        self.began = time.monotonic()
        self.executor = None
        self.load = None
        self._say_lock = threading.Lock()
        self.interrupted = False

    def say(self, *words):
        line = " ".join(str(w) for w in words)
        with self._say_lock:
            print(f"{time.monotonic() - self.began:7.1f}  {line}", flush=True)
            with open(self.out / "runner.log", "a") as log:
                log.write(f"{time.monotonic() - self.began:.3f} {line}\n")

    def play(self):
        self.out.mkdir(parents=True)
        (self.out / "nodes").mkdir()
        self._point_latest()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)
        self.journal = Journal(self.out / "faults.jsonl")
        world = None
        try:
            kinds = self.options.kinds
            world = World(self.work, self.out, self.journal, self.say, self.options.nodes, self.options.shards,
                          clocks=any("faketime" in k.needs for k in kinds), link=self.options.link)
            usable, unavailable = self._sort_out(world, kinds)
            if not usable:
                print("can not run here: " + "; ".join(f"{k}: {r}" for k, r in unavailable.items()))
                return CAN_NOT_RUN
            return self._play(world, usable, unavailable)
        except sandbox.CanNotRun as reason:
            print(f"can not run here: {reason}")
            return CAN_NOT_RUN
        except Interrupted:
            self.say("interrupted; everything is taken down")
            return INTERRUPTED
        except Exception as error:
            self.say(f"the run itself broke down: {error!r}")
            traceback.print_exc()
            return FAILED
        finally:
            if self.load is not None:
                self.load.stop()
            if world is not None:
                world.close()
            self.journal.close()

    def _point_latest(self):
        latest = self.out.parent / "latest"
        with contextlib.suppress(FileNotFoundError):
            latest.unlink()
        latest.symlink_to(self.out.name)

    def _interrupt(self, number, _frame):
        self.interrupted = True
        raise Interrupted(signal.Signals(number).name)

    def _sort_out(self, world, kinds):
        usable, unavailable = [], {}
        for kind in kinds:
            reasons = [r for r in (world.lacks(need) for need in kind.needs) if r]
            if kind.least_nodes > len(world.nodes):
                reasons.append(f"needs {kind.least_nodes} nodes")
            if reasons:
                unavailable[f"{kind.id} {kind.name}"] = "; ".join(reasons)
            else:
                usable.append(kind)
        for name, reason in unavailable.items():
            self.say(f"left out: {name}: {reason}")
        return usable, unavailable

    def _play(self, world, usable, unavailable):
        o = self.options
        names = [n.name for n in world.nodes]
        plan = make(o.seed, usable, names, o.seconds, o.every, o.fixed, o.single)
        self.say(f"seed {o.seed}; {len(plan)} faults of {len(usable)} kinds in {o.seconds:.0f} s; "
                 f"{'namespaces' if sandbox.is_inside() else 'loopback, no namespaces'}, "
                 f"disks: {world.nodes[0].disk.kind}; folder {self.out}")
        self._write_run(world, plan, unavailable, None)
        world.start()
        ailment = world.wait_whole(120)
        if ailment:
            world.find(f"the cluster never became whole before the first fault: {ailment}")
            return self._conclude(world, plan, unavailable, None, 0.0)
        self.say(f"{len(names)} nodes, every shard replicated and led")

        load = self.load = make_load(o, world, self.out).start()
        time.sleep(WARM_UP - 3)
        before = load.acked()
        time.sleep(3)
        warm = (load.acked() - before) / 3
        self.say(f"load: {warm:.0f} acked a second before the first fault")

        # One at a time nothing is lost by waiting; many at once would pile up.
        self.executor = Executor(world, self.journal, self.say, patience=30.0 if o.single else 0.0)
        runner = threading.Thread(target=self.executor.run, args=(plan,), daemon=True)
        runner.start()
        while runner.is_alive():
            runner.join(0.5)
            if o.messages and load.acked() >= o.messages:
                self.executor.stop()
        self.say("healed: every fault is taken back")
        healed = time.monotonic()
        ailment = world.wait_whole(90, quiet=True)
        if ailment:
            world.find(f"90 s after the last fault: {ailment}")
        else:
            self.say(f"whole again {time.monotonic() - healed:.1f} s after the last fault")
        time.sleep(max(0.0, o.heal - (time.monotonic() - healed)))
        load.finish(120)
        return self._conclude(world, plan, unavailable, load, warm)

    def _conclude(self, world, plan, unavailable, load, warm):
        lines, bad, counted = [], list(world.findings), True
        if load is not None:
            counts = load.counts()
            broken = load.verdict()
            bad += broken
            if broken:
                (self.work / sandbox.EVIDENCE).touch()
                lines.append(f"the nodes' data stay in {self.work}")
            lines.append("  ".join(f"{k} {v}" for k, v in counts.items()))
            share = load.share()
            if warm < LEAST_RATE:
                counted = False
                lines.append(f"does not count: {warm:.0f} acked a second before the first fault, "
                             f"{LEAST_RATE} are needed")
            if share < LEAST_SHARE:
                counted = False
                lines.append(f"does not count: {share:.0%} of the operations succeeded, {LEAST_SHARE:.0%} are needed")
            goals = {f"{k.id} {k.name}": k.goal for k in FAULTS.values()}
            lines += gap_lines(load.gaps(self.journal.records), goals)
        lines.append(f"faults done {self.executor.done if self.executor else 0}, "
                     f"skipped {len(self.executor.skipped) if self.executor else 0}, "
                     f"left out as impossible here {len(unavailable)}")
        lines += [f"VIOLATION: {text}" for text in dict.fromkeys(bad)][:40]
        status = FAILED if bad else PASSED if counted else DOES_NOT_COUNT
        word = {PASSED: "passed", FAILED: "FAILED", DOES_NOT_COUNT: "does not count"}[status]
        again = [*sys.argv[1:]] + ([] if "--seed" in sys.argv else ["--seed", str(self.options.seed)])
        again = shlex.join(["scripts/chaos", *again])
        lines.append(f"{word}   {self.out}" + ("" if status == PASSED else f"\nthe same plan: {again}"))
        self._write_run(world, plan, unavailable, {"status": word, "violations": bad, "warm_rate": warm})
        with open(self.out / "chaos.txt", "w") as file:
            file.write("\n".join(lines) + "\n")
        for line in lines:
            print(line, flush=True)
        if load is not None:
            load.picture()
        return status

    def _write_run(self, world, plan, unavailable, result):
        o = self.options
        run = {
            "name": self.out.name, "seed": o.seed, "title": o.title, "nodes": [n.name for n in world.nodes],
            "world": "namespaces" if sandbox.is_inside() else "loopback", "disk": world.nodes[0].disk.kind,
            "load": o.load, "binary": os.environ.get("ROOST_BIN"), "revision": revision(),
            "plan": [vars(p) for p in plan], "left_out": unavailable,
            "skipped": self.executor.skipped if self.executor else [], "exits": world.exits, "result": result}
        with open(self.out / "chaos.json", "w") as file:
            json.dump(run, file, indent=1)


def revision():
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or None
