"""What is done to the cluster and when: made ahead, from the seed alone, so that a seed names a plan.

The rule is Jepsen's: every so many seconds a random set of faults that is not empty, and a quarter of the time none;
at the end everything is healed. What depends on the moment (who leads most shards, whether a node still mends) is
decided when a fault begins, and written down."""
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

MIXES = Path(__file__).resolve().parents[3] / "cluster" / "chaos"


@dataclass(frozen=True)
class Mix:
    name: str
    about: str
    faults: tuple
    every: tuple        # seconds between two steps, from and to
    fixed: dict         # fault -> parameters that are not drawn

    @staticmethod
    def named(name):
        with open(MIXES / f"{name}.toml", "rb") as file:
            read = tomllib.load(file)
        return Mix(name, read["about"], tuple(read["faults"]), tuple(read.get("every", (10, 30))),
                   read.get("fixed", {}))

    @staticmethod
    def all():
        return [Mix.named(path.stem) for path in sorted(MIXES.glob("*.toml"))]


@dataclass(frozen=True)
class Planned:
    at: float           # seconds after the first step
    seconds: float
    fault: str
    params: dict

    def line(self):
        params = " ".join(f"{k}={v}" for k, v in self.params.items() if k != "seconds")
        return f"{self.at:7.1f} s  for {self.seconds:5.1f} s  {self.fault:<4} {params}"


def make(seed, faults, names, total, every, fixed=None, single=False):
    """The plan for so many seconds. `faults` are classes, in any order; `names` the nodes of the start.
    `fixed` are parameters by fault, whatever is drawn for them; those of "" are for every fault that has them.
    `single` plans one fault at a time, which tells what each does by itself."""
    fixed = fixed or {}
    rng = random.Random(seed)
    usable = sorted((f for f in faults if f.least_nodes <= len(names)), key=lambda f: int(f.id[1:]))
    plan, at, first = [], 0.0, True
    # A short plan shows each of its faults before it shows one twice.
    bag = []
    while usable and at < total:
        length = rng.uniform(*every)
        if at and at + length > total:
            break
        length = min(length, total)
        quiet = rng.random() < 0.25
        if first or not quiet:
            count = 1 if single else rng.choices([1, 2, 3], [5, 3, 2])[0]
            for _ in range(min(count, len(usable))):
                if not bag:
                    bag = rng.sample(usable, len(usable))
                kind = bag.pop()
                lo, hi = kind.seconds
                begin = rng.uniform(0, min(1.0, length / 4))
                seconds = round(max(0.2, min(rng.uniform(lo, hi), length - begin)), 2)
                params = {**kind.draw(rng, names), "seconds": seconds}
                for which in (kind.id, ""):
                    params.update((k, v) for k, v in fixed.get(which, {}).items() if k in params)
                seconds = params["seconds"]
                plan.append(Planned(round(at + begin, 2), seconds, kind.id, params))
        first = False
        at += length
    return sorted(plan, key=lambda p: p.at)
