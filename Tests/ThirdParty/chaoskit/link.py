"""A link between nodes that is made in user space: it delays, loses, doubles and reorders packets.

Kernels without the netem queue can only drop. Here every node's namespace has a TUN device instead of a wire to the
bridge, and one process, this one, carries packets from each to each. `python -m chaoskit.link` reads commands as JSON
lines on standard input, answers each with a line, and ends with its input:

  {"add": "n1", "address": "10.78.0.1"}
  {"from": "n1", "to": "n2", "delay_ms": 20, "jitter": 0.5, "loss": 2, "doubled": 5, "reordered": 5, "seed": 7}

Percentages are of packets. A reordered packet is held back by three further delays, at least 10 ms."""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
MTU = 9000
BATCH = 64


@dataclass
class Shape:
    """What one direction of one pair does to packets."""

    delay_ms: float = 0
    jitter: float = 0.5
    loss: float = 0
    doubled: float = 0
    reordered: float = 0
    rng: random.Random = field(default_factory=random.Random)

    def schedule(self, now):
        """When copies of a packet that comes in now go out: none, one or two times."""
        if self.rng.random() * 100 < self.loss:
            return []
        times = [self._leave(now)]
        if self.rng.random() * 100 < self.doubled:
            times.append(self._leave(now))
        return times

    def _leave(self, now):
        delay = self.delay_ms * (1 + self.jitter * (2 * self.rng.random() - 1))
        if self.rng.random() * 100 < self.reordered:
            delay += max(10, 3 * self.delay_ms)
        return now + delay / 1000


def open_tun(namespace):
    """A TUN device in a named namespace. The descriptor works from anywhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH14x", b"peers", IFF_TUN | IFF_NO_PI))
        return device
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


class Switch:
    """All devices, all shapes, and the packets that are on their way."""

    def __init__(self):
        self.devices = {}       # name -> descriptor
        self.by_address = {}    # packed address -> name
        self.names = {}         # descriptor -> name
        self.shapes = {}        # (from, to) -> Shape
        self.queue = []         # (time, number, descriptor, packet)
        self.numbers = 0
        self.poll = select.epoll()
        self.poll.register(0, select.EPOLLIN)
        os.set_blocking(0, False)
        self.input = b""

    def run(self):
        while True:
            timeout = max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None
            for descriptor, _ in self.poll.poll(timeout):
                if descriptor == 0:
                    if not self.commands():
                        return
                else:
                    self.carry(descriptor)
            self.release()

    def carry(self, descriptor):
        source = self.names[descriptor]
        for _ in range(BATCH):
            try:
                packet = os.read(descriptor, 65536)
            except BlockingIOError:
                return
            target = self.by_address.get(packet[16:20])
            # Only IPv4 to a node we know; the rest (neighbour discovery) has nowhere to go.
            if target is None or packet[0] >> 4 != 4:
                continue
            out = self.devices[target]
            shape = self.shapes.get((source, target))
            if shape is None:
                self.write(out, packet)
                continue
            for at in shape.schedule(time.monotonic()):
                self.numbers += 1
                heapq.heappush(self.queue, (at, self.numbers, out, packet))

    def release(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            _, _, out, packet = heapq.heappop(self.queue)
            self.write(out, packet)

    @staticmethod
    def write(descriptor, packet):
        try:
            os.write(descriptor, packet)
        except (BlockingIOError, OSError):
            pass    # A full device drops, as a wire does.

    def commands(self):
        piece = os.read(0, 65536)
        if not piece:
            return False
        self.input += piece
        *lines, self.input = self.input.split(b"\n")
        for line in lines:
            self.command(json.loads(line))
            print("ok", flush=True)
        return True

    def command(self, order):
        if "add" in order:
            name = order["add"]
            device = open_tun(name)
            self.devices[name] = device
            self.names[device] = name
            self.by_address[socket.inet_aton(order["address"])] = name
            self.poll.register(device, select.EPOLLIN)
            return
        pair = (order.pop("from"), order.pop("to"))
        seed = order.pop("seed", 0)
        if any(order.get(k) for k in ("delay_ms", "loss", "doubled", "reordered")):
            self.shapes[pair] = Shape(**order, rng=random.Random(f"{seed} {pair}"))
        else:
            self.shapes.pop(pair, None)


if __name__ == "__main__":
    Switch().run()
    sys.exit(0)
