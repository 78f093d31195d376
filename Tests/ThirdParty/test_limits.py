"""What strangers and limits do to a node: few file descriptors, and clients that reset their connections."""
import base64
import contextlib
import json
import os
import random
import re
import select
import shutil
import socket
import struct
import threading
import time

import httpx
import pytest

from roostkit import cleartext
from roostkit.load import until
from roostkit.nodes import Cluster, free_ports
from roostkit.rest import register

OPTIONS = ("--registration", "open", "--rate-limits", "off", "--shards", "16")


def metric(node, name):
    """The sum of a metric's series. Over a connection of its own, which the node must let in."""
    text = cleartext.get(node.http + "/metrics", timeout=5).text
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)", text, re.M))


def descriptors(node):
    return len(os.listdir(f"/proc/{node.pid}/fd"))


def knock(node, seconds=2.0):
    """One connection: the socket where it is let in, else how it was turned away."""
    s = socket.create_connection(("127.0.0.1", node.http_port), timeout=seconds)
    try:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = s.recv(4096)
    except (ConnectionError, socket.timeout) as error:
        s.close()
        return type(error).__name__
    if answer.startswith(b"HTTP/1.1 200"):
        return s
    s.close()
    return answer.split(b"\r\n")[0].decode() if answer else "closed"


@contextlib.contextmanager
def few_descriptors(limit):
    """One node that may have so many descriptors, soft and hard."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit is not installed")
    with Cluster(1, OPTIONS) as cluster:
        node = cluster.nodes[0]
        plain = node.command
        node.command = lambda: [prlimit, f"--nofile={limit}:{limit}", *plain()]
        node.start().wait_ready()
        yield cluster, node


def test_a_node_that_runs_out_of_file_descriptors_refuses_and_goes_on_and_recovers():
    with few_descriptors(400) as (cluster, node):
        ada = register(node)
        channel = ada.channel()["id"]
        before = descriptors(node)
        held, refusals = [], []
        try:
            for _ in range(600):
                found = knock(node)
                (refusals if isinstance(found, str) else held).append(found)
            assert len(held) > 100, f"{len(held)} let in, {set(refusals)}"
            assert len(refusals) > 100
            # Somebody who keeps a connection is served as before, on a node that is full.
            with cleartext.Client(base_url=node.http) as kept_out:
                with pytest.raises(httpx.HTTPError):
                    kept_out.get("/health").raise_for_status()
            assert "HTTP/1.1 503 Service Unavailable" in refusals
            # Internal work finds descriptors all the time: what it needs is never given to clients.
            assert descriptors(node) < 400 - 40
            held[0].sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
            ready = held[0].recv(65536)
            assert b"200 OK" in ready and b'"refused":' in ready, ready
        finally:
            for s in held:
                s.close()
        assert node.is_running(), node.tail()
        until(lambda: descriptors(node) <= before + 5, 10, "closing what the clients closed")
        until(lambda: not isinstance(knock(node), str), 5, "letting clients in again")
        assert metric(node, "roost_descriptors_refused_total") >= len(refusals) - 20
        assert ada.say(channel, "after the rush")["text"] == "after the rush"
        assert "Few file descriptors are left" in (node.folder / "log").read_text()


def test_a_flood_of_connections_at_once_does_not_take_the_last_descriptor():
    with few_descriptors(400) as (cluster, node):
        ada = register(node)
        channel = ada.channel()["id"]
        peak = []
        over = threading.Event()

        def watch():
            while not over.is_set():
                peak.append(descriptors(node))
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        flood = []
        try:
            for _ in range(1000):
                s = socket.socket()
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    s.connect(("127.0.0.1", node.http_port))
                flood.append(s)
            time.sleep(3)
        finally:
            for s in flood:
                s.close()
            over.set()
            watcher.join()
        assert node.is_running(), node.tail()
        assert max(peak) < 400 - 8, f"{max(peak)} of 400 were in use"
        until(lambda: not isinstance(knock(node), str), 10, "letting clients in again")
        assert ada.say(channel, "after the flood")["seq"] >= 1


def test_the_first_checkpoints_wait_for_descriptors():
    """Each shard's first one opens its folder, in the first seconds of a node's life."""
    import resource
    with Cluster(1, OPTIONS) as cluster:
        node = cluster.nodes[0].start().wait_ready()
        old = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
        # Lower than any number that its spares give back.
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (3, old[1]))
        waits = "No file descriptor for a checkpoint"
        until(lambda: not node.is_running() or waits in node.tail(200), 20, "a checkpoint")
        assert node.is_running(), node.tail()
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, old)
        ada = register(node)
        assert ada.say(ada.channel()["id"], "with room again")["seq"] >= 1


def test_a_limit_lowered_under_a_running_node_to_what_it_has_open_does_not_end_it():
    import resource
    with Cluster(1, OPTIONS) as cluster:
        node = cluster.nodes[0].start().wait_ready()
        ada = register(node)
        channel = ada.channel()["id"]
        old = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (descriptors(node), old[1]))
        end = time.monotonic() + 5
        answers = set()
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                answers.add(str(knock(node, 0.2)) if node.is_running() else "dead")
        assert node.is_running(), node.tail()
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, old)
        until(lambda: not isinstance(knock(node), str), 5, "letting clients in again")
        assert ada.say(channel, "with room again")["seq"] >= 1


def test_a_full_node_lets_its_peers_in_when_it_refuses_clients():
    """A node that came back would otherwise stay outside for as long as clients fill another one."""
    with Cluster(3, OPTIONS) as cluster:
        prlimit = shutil.which("prlimit")
        if prlimit is None:
            pytest.skip("prlimit is not installed")
        full, _, other = cluster.nodes
        plain = full.command
        full.command = lambda: [prlimit, "--nofile=500:500", *plain()]
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        held = []
        try:
            while not isinstance(found := knock(full), str):
                held.append(found)
            other.kill()
            other.start().wait_ready()
            report = until(
                lambda: next((r for r in [cluster.report(ada.token, cluster.nodes[1])]
                              if all(n["gossip"] in ("alive", "") for n in r["nodes"])), None), 20, "three alive nodes")
            assert len(report["nodes"]) == 3
            assert isinstance(knock(full), str)
            lag = [r["lag"] for s in report["shards"] for r in s["replicas"]]
            assert all(x is not None for x in lag)
        finally:
            for s in held:
                s.close()


def test_clients_that_reset_their_connections_while_they_are_served_do_not_end_a_node():
    """Once a socket left its room in the middle of a delivery, and the next event went beyond the room's end.

    What it takes: runs of several events, served one by one, as they are to an author of one of them, and a connection
    that is reset after the node's loop has looked at it and before it writes. So many authors send at once, and each
    goes when the first of the events arrives."""
    with Cluster(1, OPTIONS) as cluster:
        node = cluster.nodes[0].start().wait_ready()
        ada = register(node)
        channel = ada.channel()["id"]
        people = [ada] + [register(node) for _ in range(3)]
        for person in people[1:]:
            assert person.post(f"/v1/channels/{channel}/join").status_code < 300
        rng = random.Random(14)
        heard = 0
        for turn in range(20):
            crowd = [listen(node, people[number % len(people)].token) for number in range(32)]
            for number, s in enumerate(crowd):
                s.sendall(b"".join(message(channel, f"{turn}-{number}-{i}") for i in range(12)))
            waiting = set(crowd)
            end = time.monotonic() + 5
            while waiting and time.monotonic() < end:
                for s in select.select(list(waiting), [], [], 0.5)[0]:
                    waiting.discard(s)
                    heard += 1
                    # One in three stays for the others to be served beside.
                    if rng.random() < 0.67:
                        reset(s)
            for s in crowd:
                reset(s)
            assert node.is_running(), node.tail()
        assert heard > 300
        # What was on its way when its connection was reset may come after it.
        said = ada.say(channel, "all here")
        assert [m["text"] for m in ada.history(channel) if m["seq"] == said["seq"]] == ["all here"]


def frame(text):
    """A masked text frame; a mask of zeros leaves the bytes as they are."""
    return bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big") + bytes(4) + text


def message(channel, key):
    return frame(json.dumps({"type": "send", "ref": key, "channel_id": channel, "text": f"line {key} " + "x" * 200,
                             "client_id": key}).encode())


def listen(node, token):
    """A WebSocket that has signed in and been told that it is ready."""
    s = socket.create_connection(("127.0.0.1", node.http_port), timeout=5)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall((f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
    assert b" 101 " in s.recv(1024)
    s.sendall(frame(json.dumps({"type": "auth", "token": token}).encode()))
    answer = b""
    while b'"ready"' not in answer:
        piece = s.recv(65536)
        assert piece, "closed before it was ready"
        answer += piece
    return s


def reset(s):
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
