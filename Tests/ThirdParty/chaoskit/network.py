"""The network between nodes: one namespace a node, a bridge in a namespace of its own, firewall rules for faults.

A rule stands in the namespace of whoever receives: `cut("n1", "n2")` drops what n2 would get from n1 and nothing else,
so one-way and half-connected networks are made of the same piece. The runner itself sits in the clients' namespace and
reaches every node whatever happens between them."""
import itertools
import json
import subprocess
import sys
import threading

from .sandbox import run

CLIENTS = "10.77.0.250"


class Network:
    """Plain wires from every node to the bridge."""

    shapes = False      # whether links can delay, double and reorder

    def __init__(self):
        self.addresses = {}     # node -> where clients reach it
        self.peers = {}         # node -> where other nodes reach it
        self._rules = {}        # node -> {token: rule}
        self._tokens = itertools.count(1)
        # Faults are on threads of their own: rules must reach the kernel in the order in which they were made.
        self._lock = threading.Lock()
        run("ip", "netns", "add", "switch")
        run("ip", "-n", "switch", "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", "switch", "link", "set", "bridge", "up")
        self._plug("clients", CLIENTS, inside=False)

    def add(self, name, number):
        """A namespace for a node, wired to the bridge."""
        self.addresses[name] = self.peers[name] = f"10.77.0.{number}"
        self._rules[name] = {}
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        self._plug(name, self.addresses[name], inside=True)

    def _plug(self, name, address, inside):
        where = ["netns", name] if inside else []
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", *where)
        run("ip", "link", "set", f"to-{name}", "netns", "switch")
        run("ip", "-n", "switch", "link", "set", f"to-{name}", "master", "bridge", "up")
        ip = ["ip", "-n", name] if inside else ["ip"]
        run(*ip, "address", "add", f"{address}/24", "dev", "eth0")
        run(*ip, "link", "set", "eth0", "up")

    def prefix(self, name):
        """What makes a command run in the node's namespace, under the same process id."""
        return ["nsenter", f"--net=/run/netns/{name}"]

    def close(self):
        """The namespaces go with the run."""

    # Faults

    def cut(self, source, target, verdict="drop"):
        """What `target` receives from `source` meets the verdict. Returns the token that `mend` takes."""
        token = next(self._tokens)
        with self._lock:
            self._rules[target][token] = f"ip saddr {self.peers[source]} {verdict}"
            self._apply(target)
        return target, token

    def mend(self, cut):
        target, token = cut
        with self._lock:
            del self._rules[target][token]
            self._apply(target)

    def slow(self, name, megabits):
        """Everything the node sends goes out at this rate, through a queue of 400 ms."""
        run("tc", "-n", name, "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", f"{megabits}mbit",
            "burst", "64k", "latency", "400ms")

    def unslow(self, name):
        run("tc", "-n", name, "qdisc", "delete", "dev", "eth0", "root")

    def _apply(self, name):
        rules = "\n".join(self._rules[name].values())
        # One transaction: there is no moment without the rules that stay.
        run(*self.prefix(name), "nft", "-f", "-", text=(
            "table inet chaos\ndelete table inet chaos\n"
            "table inet chaos {\nchain input {\ntype filter hook input priority 0;\n" + rules + "\n}\n}\n"))


class ShapedNetwork(Network):
    """Clients come by wire; nodes reach each other through a switch in user space."""

    shapes = True

    def __init__(self):
        super().__init__()
        self._switch = subprocess.Popen([sys.executable, "-m", "chaoskit.link"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def add(self, name, number):
        super().add(name, number)
        self.peers[name] = f"10.78.0.{number}"
        self._order({"add": name, "address": self.peers[name]})
        run("ip", "-n", name, "address", "add", f"{self.peers[name]}/24", "dev", "peers")
        run("ip", "-n", name, "link", "set", "peers", "mtu", "9000", "up")

    def shape(self, pairs, **shape):
        """What happens to packets of these pairs (from, to): see `link.Shape`. Without one the links are clean."""
        for source, target in pairs:
            self._order({"from": source, "to": target, **shape})

    def _order(self, order):
        with self._lock:
            self._switch.stdin.write(json.dumps(order) + "\n")
            self._switch.stdin.flush()
            answer = self._switch.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"the switch did not carry out {order}")

    def close(self):
        self._switch.stdin.close()
        self._switch.wait(10)


class Loopback:
    """No namespaces: every node has an address of its own in 127.0.0.0/8, and the network cannot be harmed."""

    shapes = False

    def __init__(self):
        self.addresses = {}
        self.peers = {}

    def add(self, name, number):
        self.addresses[name] = self.peers[name] = f"127.77.0.{number}"

    def prefix(self, name):
        return []

    def close(self):
        """There is nothing to take away."""
