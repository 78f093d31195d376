"""What a fault is: drawn from the plan's generator, begun, ended, and never surprised by another one on its node."""


import contextlib


class Skip(Exception):
    """The fault cannot begin just now; the text says why. It is written down, and the run goes on."""


class Fault:
    """One fault of a plan.

    `draw` makes its parameters, plain JSON values, from the plan's generator; nothing else may be random. `begin` does
    the harm and `end` takes it back; both run on a thread of the fault's own and may wait. `claims` are the parts of
    nodes that no other fault may touch meanwhile."""

    id = ""
    name = ""
    about = ""
    needs = ()
    aspect = "process"      # which part of its node it claims
    destroys = False        # takes durable bytes away: one node at a time, and only while the cluster is whole
    seconds = (2.0, 10.0)   # how long it lasts
    goal = None             # seconds that writes of a shard may stand still, reliability goals
    least_nodes = 1

    def __init__(self, params):
        self.params = params
        self.excuses = contextlib.ExitStack()   # ends with the fault

    def excuse(self, node, excuse=lambda status: True):
        """Until the fault has ended, the node's process may end, if `excuse(status)` says so."""
        self.excuses.enter_context(node.excused(excuse))

    @property
    def title(self):
        return f"{self.id} {self.name}"

    @classmethod
    def draw(cls, rng, names):
        return {"target": cls.draw_target(rng, names)}

    @staticmethod
    def draw_target(rng, names):
        """A node by name, or half of the time the one that leads most when the fault begins."""
        return rng.choice(["leader-heavy", rng.choice(names)])

    def targets(self, world):
        """The nodes it will harm."""
        return [self.resolve(world, self.params["target"])]

    @staticmethod
    def resolve(world, name):
        return world.leader_heavy() if name == "leader-heavy" else world.named(name)

    def claims(self, nodes):
        return [(n.name, self.aspect) for n in nodes]

    def begin(self, world, nodes):
        """Does it. Returns what the journal should say, or None."""
        raise NotImplementedError

    def end(self, world, nodes):
        """Takes it back. Returns what the journal should say, or None."""


def running(nodes):
    """Those of the nodes that have a process; no fault can be done to one without."""
    for node in nodes:
        if not node.is_running():
            raise Skip(f"{node.name} is not running")
    return nodes
