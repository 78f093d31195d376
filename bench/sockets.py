#!/usr/bin/env python3
"""One node's memory for an idle socket, and what a delivery to many sockets of one channel costs it.

  sockets.py [--sockets 5000] [--members 1000] [--seconds 5]

An account has sixteen sockets, so that five thousand need 313 sign-ups, each a second of hashing at most: a few
minutes in all. The client is Python: it may be the limit of the rate, never of the CPU a delivery."""
import argparse
import base64
import json
import os
import select
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Tests" / "ThirdParty")]

from peerlib import cpu_s  # noqa: E402
from roostkit.nodes import Cluster  # noqa: E402
from roostkit.rest import register  # noqa: E402

SOCKETS_AN_ACCOUNT = 16


def frame(message):
    """A masked text frame; messages here are shorter than 64 KiB."""
    body = json.dumps(message).encode()
    mask = b"\1\2\3\4"
    length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE]) + struct.pack(">H", len(body))
    return b"\x81" + length + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(body))


def dial(port, token):
    """A signed-in socket."""
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: roost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
              + base64.b64encode(os.urandom(16)) + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += s.recv(4096) or sys.exit("the node hung up")
    s.sendall(frame({"type": "auth", "token": token}))
    seen = b""
    while b'"ready"' not in seen:
        seen += s.recv(65536) or sys.exit(f"the node hung up: {seen[:200]}")
    return s


def idle(node, people, count):
    before = node.rss_kb()
    sockets = [dial(node.http_port, people[i // SOCKETS_AN_ACCOUNT].token) for i in range(count)]
    time.sleep(3)
    after = node.rss_kb()
    print(f"{count} idle sockets: {before} to {after} KB, {(after - before) / count:.2f} KB each", flush=True)
    return sockets


def fan_out(node, sockets, members, sender, channel, window, seconds):
    """Keeps `window` messages of the sender unanswered and counts what arrives anywhere."""
    poll = select.epoll()
    by_number = {s.fileno(): s for s in [*sockets, sender]}
    for s in by_number.values():
        s.setblocking(False)
        poll.register(s.fileno(), select.EPOLLIN)
    message = frame({"type": "send", "ref": 1, "channel_id": channel, "text": "x" * 200})
    arrived = 0
    spent, began = cpu_s([node.pid]), time.monotonic()
    sender.sendall(message * window)
    while time.monotonic() - began < seconds:
        for number, _ in poll.poll(0.5):
            data = by_number[number].recv(1 << 18)
            if number == sender.fileno():
                sender.sendall(message * data.count(b'"type":"ok"'))
            else:
                arrived += data.count(b"message.created")
    took, spent = time.monotonic() - began, cpu_s([node.pid]) - spent
    print(f"{members} sockets of one channel, {window} in flight: {arrived / took:,.0f} deliveries/s, "
          f"{spent * 1e6 / max(arrived, 1):.2f} us of the node's CPU each", flush=True)
    poll.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=5000)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with Cluster(1, options=["--registration", "open", "--rate-limits", "off", "--log-level", "warning"]) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        owner = register(node)
        channel = owner.channel("fan-out")["id"]
        accounts = -(-options.sockets // SOCKETS_AN_ACCOUNT)
        with ThreadPoolExecutor(8) as pool:
            people = list(pool.map(lambda _: register(node), range(accounts)))
        for person in people[:-(-options.members // SOCKETS_AN_ACCOUNT)]:
            person.post(f"/v1/channels/{channel}/join").raise_for_status()
        time.sleep(3)
        sockets = idle(node, people, options.sockets)
        sender = dial(node.http_port, owner.token)
        for window in (1, 16):
            fan_out(node, sockets, options.members, sender, channel, window, options.seconds)


if __name__ == "__main__":
    main()
