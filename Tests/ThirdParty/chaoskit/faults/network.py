"""Faults of the network between nodes. Clients reach every node all the time."""
import itertools

from .base import Fault, Skip


class NetworkFault(Fault):
    """Cuts and slow links. They claim no part of a node: rules add up."""

    needs = ("namespaces",)
    aspect = "network"
    least_nodes = 2

    def claims(self, nodes):
        return []

    def targets(self, world):
        return [world.named(n) for n in self.params.get("names", [])]

    def cut(self, world, pairs, verdict="drop"):
        self._cuts = [world.network.cut(source, target, verdict) for source, target in pairs]

    def end(self, world, nodes):
        for cut in self._cuts:
            world.network.mend(cut)


def both_ways(ones, others):
    return [pair for a, b in itertools.product(ones, others) for pair in ((a, b), (b, a))]


class Partition(NetworkFault):
    id, name = "F5", "partition"
    about = "a minority is cut off both ways by dropped packets"
    seconds = (2.0, 25.0)
    goal = 3.0

    @classmethod
    def draw(cls, rng, names):
        size = rng.randint(1, max(1, (len(names) - 1) // 2))
        return {"names": rng.sample(names, size)}

    def begin(self, world, nodes):
        minority = [n.name for n in nodes]
        self.cut(world, both_ways(minority, [n.name for n in world.nodes if n.name not in minority]))


class HalfPartition(NetworkFault):
    id, name = "F6", "one-way or half-connected"
    about = "some links carry only one way, or a pair does not see each other while both see the rest"
    seconds = (2.0, 20.0)
    goal = 5.0

    @classmethod
    def draw(cls, rng, names):
        shape = rng.choice(["deaf", "mute", "pair", "links"])
        chosen = rng.sample(names, min(2, len(names)))
        if shape == "deaf":
            pairs = [[other, chosen[0]] for other in names if other != chosen[0]]
        elif shape == "mute":
            pairs = [[chosen[0], other] for other in names if other != chosen[0]]
        elif shape == "pair":
            pairs = [chosen, chosen[::-1]]
        else:
            every = [list(p) for p in itertools.permutations(names, 2)]
            pairs = rng.sample(every, rng.randint(1, len(every) // 2))
        return {"shape": shape, "pairs": pairs, "names": sorted({p[1] for p in pairs})}

    def begin(self, world, nodes):
        self.cut(world, [tuple(p) for p in self.params["pairs"]])
        return f"{self.params['shape']}: " + ", ".join(f"{a} to {b}" for a, b in self.params["pairs"])


class Reset(NetworkFault):
    id, name = "F7", "connections reset"
    about = "the minority's packets are answered with TCP resets instead of silence"
    seconds = (2.0, 15.0)
    goal = 1.0

    @classmethod
    def draw(cls, rng, names):
        return {"names": [rng.choice(names)]}

    def begin(self, world, nodes):
        one = [n.name for n in nodes]
        pairs = both_ways(one, [n.name for n in world.nodes if n.name not in one])
        self.cut(world, pairs, "meta l4proto tcp reject with tcp reset")


class Loss(NetworkFault):
    id, name = "F8", "flaky link"
    about = "1 to 30 % of packets are lost on the links of one node or of all; with --link tun also delayed, doubled, reordered"
    seconds = (5.0, 30.0)

    @classmethod
    def draw(cls, rng, names):
        ones = names if rng.random() < 0.3 else [rng.choice(names)]
        return {"names": list(ones), "percent": rng.choice([1, 2, 5, 10, 20, 30]),
                "delay_ms": rng.choice([0, 5, 20, 50]), "doubled": rng.choice([0, 5]), "reordered": rng.choice([0, 5]),
                "seed": rng.getrandbits(32)}

    def begin(self, world, nodes):
        ones = [n.name for n in nodes]
        pairs = sorted(set(both_ways(ones, [n.name for n in world.nodes])))
        pairs = [p for p in pairs if p[0] != p[1]]
        p = self.params
        self._cuts = []
        if world.network.shapes:
            self._shape = [(a, b) for a, b in pairs]
            world.network.shape(self._shape, loss=p["percent"], delay_ms=p["delay_ms"], doubled=p["doubled"],
                                reordered=p["reordered"], seed=p["seed"])
            return f"{p['percent']} % lost, {p['delay_ms']} ms, {p['doubled']} % doubled, {p['reordered']} % reordered"
        self._shape = None
        self.cut(world, pairs, f"numgen random mod 100 < {p['percent']} drop")
        return f"{p['percent']} % lost"

    def end(self, world, nodes):
        super().end(world, nodes)
        if self._shape:
            world.network.shape(self._shape)


class Slow(NetworkFault):
    id, name = "F9", "slow link"
    about = "all that one node sends goes through 1 to 10 Mbit/s"
    seconds = (5.0, 30.0)

    @classmethod
    def draw(cls, rng, names):
        return {"names": [rng.choice(names)], "megabits": rng.choice([1, 2, 5, 10])}

    def claims(self, nodes):
        return [(n.name, "shaper") for n in nodes]

    def begin(self, world, nodes):
        if world.network.shapes:
            raise Skip("the slow link is made of a queue on plain links; run without --link tun")
        world.network.slow(nodes[0].name, self.params["megabits"])
        return f"{self.params['megabits']} Mbit/s"

    def end(self, world, nodes):
        world.network.unslow(nodes[0].name)
