"""What attacks leave behind in memory: each group is repeated, and after the first rounds, which fill what is kept for
good (buffers, pools, tables with bounds), a node must not grow with every round."""
import contextlib
import json
import os
import socket
import struct
import time

import pytest

from roostkit.nodes import Cluster
from roostkit.rest import register

pytestmark = pytest.mark.serial

# Rounds that fill what is kept for good, and rounds that are measured.
WARM, MEASURED = 3, 3
# Of growth in all measured rounds together. What an allocator keeps is up to 6 MiB; three rounds that kept what they send
# would add from 30 MiB upwards.
BOUND_KB = 12 * 1024


@pytest.fixture(scope="module")
def node():
    with Cluster(1, ("--registration", "open", "--rate-limits", "off", "--shards", "16")) as running:
        yield running.start().nodes[0]


def dial(node):
    s = socket.create_connection(("127.0.0.1", node.http_port), timeout=10)
    s.settimeout(10)
    return s


def drain(s):
    with contextlib.suppress(OSError):
        while s.recv(65536):
            pass


def upgraded(node):
    s = dial(node)
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += s.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer[:80]
    return s


def frame(payload, first=0x81, length=None):
    """A masked frame of a client; `length` is what it claims."""
    size = len(payload) if length is None else length
    head = bytes([first, 0x80 | 127]) + struct.pack(">Q", size) + b"\0\0\0\0"
    return head + payload


def slow_heads(node, _):
    """Heads that do not end: 16 MiB of them."""
    held = [dial(node) for _ in range(256)]
    for s in held:
        with contextlib.suppress(OSError):
            s.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 65536)
    for s in held:
        s.close()


def huge_frames(node, _):
    """Frames that claim a gibibyte, and frames of 1 MiB."""
    for _ in range(24):
        for payload, length in ((b"x" * 65536, 1 << 30), (b"x" * (1 << 20), None)):
            s = upgraded(node)
            with contextlib.suppress(OSError):
                s.sendall(frame(payload, length=length))
            drain(s)
            s.close()


def endless_fragments(node, _):
    """A message in parts that never ends."""
    for _ in range(24):
        s = upgraded(node)
        with contextlib.suppress(OSError):
            s.sendall(frame(b"x" * 8192, first=0x01))
            for _ in range(64):
                s.sendall(frame(b"x" * 8192, first=0x00))
        drain(s)
        s.close()


def many_sockets(node, eve):
    """Sockets that come, sign in and go without a word."""
    sign_in = frame(json.dumps({"type": "auth", "token": eve.token}).encode())
    held = []
    for number in range(200):
        s = upgraded(node)
        # More than sixteen of a session close the oldest.
        if number % 2:
            s.sendall(sign_in)
        held.append(s)
    for s in held:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


def deep_bodies(node, eve):
    """A mebibyte of brackets, signed in or not, and bodies beyond the bound."""
    for path, token in (("/auth/login", None), ("/v1/messages", eve.token), ("/v1/channels", eve.token)) * 6:
        for body in (b"[" * (1 << 20), b'{"a":' * 200_000, b'"' + b"\\u0000" * 170_000 + b'"', b"x" * (2 << 20)):
            s = dial(node)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            head += f"Authorization: Bearer {token}\r\n" if token else ""
            with contextlib.suppress(OSError):
                s.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
            drain(s)
            s.close()


def settled_kb(node, eve):
    """The memory in use when it has stopped falling, for at most ten seconds; the least that was seen."""
    least = node.rss_kb()
    still = 0
    for _ in range(40):
        time.sleep(0.25)
        assert eve.get("/v1/users/me").status_code == 200
        now = node.rss_kb()
        still = 0 if now < least - 256 else still + 1
        least = min(least, now)
        if still >= 8:
            break
    return least


@pytest.mark.parametrize("attack", [slow_heads, huge_frames, endless_fragments, many_sockets, deep_bodies],
                         ids=lambda attack: attack.__name__)
def test_attacks_that_are_repeated_leave_nothing_behind(node, attack):
    """Memory: three more rounds of an attack add less than 12 MiB."""
    eve = register(node)
    sizes = []
    for _ in range(WARM + MEASURED):
        attack(node, eve)
        sizes.append(settled_kb(node, eve))
    if os.environ.get("ROOST_PRINT"):
        print(attack.__name__, sizes)
    assert node.is_running(), node.tail()
    assert min(sizes[WARM:]) - max(sizes[:WARM]) < BOUND_KB and sizes[-1] - sizes[WARM - 1] < BOUND_KB, sizes
