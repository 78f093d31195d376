"""Faults of processes: killed, stopped, starved, out of memory, out of files."""
import base64
import contextlib
import json
import os
import signal
import socket
import time

import httpx
from roostkit.rest import register, unique

from ..cgroups import Group
from .base import Fault, Skip, running


class Kill(Fault):
    id, name = "F1", "kill -9"
    about = "SIGKILL for one node, preferably the one that leads most; started again after a while"
    seconds = (1.0, 12.0)
    goal = 2.0

    def begin(self, world, nodes):
        running(nodes)[0].halt()

    def end(self, world, nodes):
        nodes[0].start()


class KillMany(Fault):
    id, name = "F2", "kill -9 of a majority"
    about = "two nodes killed one after the other, now and then all; no writes meanwhile, all of them afterwards"
    seconds = (2.0, 8.0)
    least_nodes = 3

    @classmethod
    def draw(cls, rng, names):
        victims = rng.sample(names, len(names))
        return {"victims": victims[:len(names) // 2 + 1] if rng.random() < 0.6 else victims,
                "apart": round(rng.uniform(0, 5), 2)}

    def targets(self, world):
        return [world.named(n) for n in self.params["victims"]]

    def begin(self, world, nodes):
        for i, node in enumerate(running(nodes)):
            if i:
                time.sleep(self.params["apart"] / (len(nodes) - 1))
            node.halt()

    def end(self, world, nodes):
        for node in nodes:
            node.start()


class Stop(Fault):
    id, name = "F4", "SIGSTOP"
    about = "a node stands still as under a long pause, then goes on as if no time had passed"
    seconds = (0.2, 20.0)
    goal = 3.0

    def begin(self, world, nodes):
        running(nodes)[0].send_signal(signal.SIGSTOP)

    def end(self, world, nodes):
        nodes[0].send_signal(signal.SIGCONT)


class Starve(Fault):
    id, name = "F10", "CPU starved"
    about = "a control group leaves a node a tenth to a third of one CPU"
    needs = ("cpu",)
    aspect = "cpu"
    seconds = (5.0, 30.0)

    @classmethod
    def draw(cls, rng, names):
        return {"target": cls.draw_target(rng, names), "percent": rng.choice([10, 20, 30])}

    def begin(self, world, nodes):
        running(nodes)
        self._group = Group("cpu", world.work.name, nodes[0].name)
        self._group.cpu_percent(self.params["percent"])
        self._group.hold(nodes[0].pid)

    def end(self, world, nodes):
        self._group.cpu_percent(None)
        self._group.close()


class Memory(Fault):
    id, name = "F17", "memory bounded, slow consumers"
    about = "a control group bounds a node's memory while many sockets subscribe and never read"
    needs = ("memory",)
    seconds = (8.0, 30.0)

    @classmethod
    def draw(cls, rng, names):
        return {"target": rng.choice(names), "megabytes": rng.choice([512, 768]), "sockets": rng.choice([100, 300])}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        before = node.rss_kb() >> 10
        try:
            accounts = deaf_accounts(node, world, self.params["sockets"])
        except (AssertionError, httpx.HTTPError) as error:
            raise Skip(f"accounts for slow consumers could not be made: {str(error)[:80]}") from error
        self._group = Group("memory", world.work.name, node.name)
        # A debug build starts out larger than the bound is meant for: what it has, and half of the bound on top.
        bound = max(self.params["megabytes"], before + self.params["megabytes"] // 2)
        self._group.memory_bytes(bound << 20)
        self._group.hold(node.pid)
        self._sockets = open_deaf(node, accounts, self.params["sockets"])
        return f"RSS {before} MB, bound {bound} MB, {len(self._sockets)} sockets that do not read"

    def end(self, world, nodes):
        for s in self._sockets:
            s.close()
        peak = self._group.memory_peak() >> 20
        self._group.memory_bytes(None)
        self._group.close()
        return f"peak {peak} MB"


class Files(Fault):
    id, name = "F18", "file descriptors exhausted"
    about = "a node has room for a few more files, and more clients than that knock"
    aspect = "files"
    seconds = (3.0, 10.0)

    @classmethod
    def draw(cls, rng, names):
        return {"target": cls.draw_target(rng, names), "room": rng.choice([0, 8, 32])}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        self._limits = node.limit_files(self.params["room"])
        self._sockets = []
        for _ in range(100):
            with contextlib.suppress(OSError):
                self._sockets.append(socket.create_connection((node.address, node.http_port), timeout=0.2))
        return f"room for {self.params['room']} files, {len(self._sockets)} connections"

    def end(self, world, nodes):
        for s in self._sockets:
            s.close()
        nodes[0].restore_files(self._limits)


SOCKETS_A_SESSION = 15


def deaf_accounts(node, world, sockets):
    """Accounts for so many sockets, in the public channels. A session may have 16 sockets."""
    channels = world.admin.on(node).get("/v1/channels").json().get("items", [])
    accounts = [register(node, unique("deaf")) for _ in range(-(-sockets // SOCKETS_A_SESSION))]
    for someone in accounts:
        for channel in channels[:20]:
            someone.post(f"/v1/channels/{channel['id']}/join")
    return accounts


def open_deaf(node, accounts, count):
    """WebSockets that sign in, so that they subscribe to all channels of their account, and never read again."""
    opened = []
    for i in range(count):
        with contextlib.suppress(OSError):
            opened.append(_deaf(node, accounts[i // SOCKETS_A_SESSION].token))
    return opened


def _deaf(node, token):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(3)
    connection.connect((node.address, node.http_port))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall((f"GET /ws HTTP/1.1\r\nHost: {node.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
    connection.recv(1024)
    body = json.dumps({"type": "auth", "token": token}).encode()
    # A masked text frame; a mask of zeros leaves the bytes as they are.
    connection.sendall(bytes([0x81, 0xFE]) + len(body).to_bytes(2, "big") + bytes(4) + body)
    return connection
