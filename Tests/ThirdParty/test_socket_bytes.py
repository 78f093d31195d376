"""The socket as an attacker sees it: frames written byte by byte. Every one gets the close code of RFC 6455."""
import base64
import json
import os
import socket
import struct

import pytest

pytestmark = pytest.mark.neighbours

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9


class RawSocket:
    """A WebSocket without a library: what is sent is what was asked for."""

    def __init__(self, node, token=None, headers=b""):
        self.socket = socket.create_connection(("127.0.0.1", node.http_port), 10)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n" % (node.http_port, key, headers))
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self.head = head
        if token:
            self.send(TEXT, json.dumps({"type": "auth", "token": token}).encode())
            assert json.loads(self.message()[1])["type"] == "ready"

    def until(self, mark):
        while mark not in self.buffer:
            chunk = self.socket.recv(65536)
            assert chunk, "closed during the upgrade"
            self.buffer += chunk
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def send(self, opcode, payload=b"", fin=True, masked=True, rsv=0, length=None):
        first = (0x80 if fin else 0) | rsv << 4 | opcode
        size = len(payload) if length is None else length
        if size < 126:
            head = struct.pack(">BB", first, (0x80 if masked else 0) | size)
        elif size < 65536:
            head = struct.pack(">BBH", first, (0x80 if masked else 0) | 126, size)
        else:
            head = struct.pack(">BBQ", first, (0x80 if masked else 0) | 127, size)
        if masked:
            mask = os.urandom(4)
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
            head += mask
        self.socket.sendall(head + payload)

    def need(self, count):
        while len(self.buffer) < count:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError
            self.buffer += chunk
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def message(self):
        first, size = self.need(2)
        if size == 126:
            size, = struct.unpack(">H", self.need(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.need(8))
        return first & 0xF, self.need(size)

    def close_code(self, seconds=8):
        """The code of the server's close frame; None where the connection ends without one."""
        self.socket.settimeout(seconds)
        try:
            while True:
                opcode, payload = self.message()
                if opcode == CLOSE:
                    return struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return None

    def ended(self, seconds=8):
        """Whether the server closes the TCP connection in time."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@pytest.fixture
def raw(cluster, ada):
    opened = []

    def open_one(token=ada.token, node=None):
        opened.append(RawSocket(node or cluster.nodes[0], token))
        return opened[-1]
    yield open_one
    for one in opened:
        one.socket.close()


def test_an_unmasked_frame_is_1002(raw):
    r = raw()
    r.send(TEXT, b"{}", masked=False)
    assert r.close_code() == 1002
    assert r.ended()


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_reserved_bits_are_1002(raw, rsv):
    r = raw()
    r.send(TEXT, b"{}", rsv=rsv)
    assert r.close_code() == 1002


@pytest.mark.parametrize("opcode", [3, 4, 7, 11, 15])
def test_reserved_opcodes_are_1002(raw, opcode):
    r = raw()
    r.send(opcode, b"")
    assert r.close_code() == 1002


def test_fragmented_and_long_control_frames_are_1002(raw):
    r = raw()
    r.send(PING, b"x", fin=False)
    assert r.close_code() == 1002
    r = raw()
    r.send(PING, b"x" * 126)
    assert r.close_code() == 1002


def test_continuations_out_of_place_are_1002(raw):
    r = raw()
    r.send(0, b"tail")
    assert r.close_code() == 1002
    r = raw()
    r.send(TEXT, b"{", fin=False)
    r.send(TEXT, b"}")
    assert r.close_code() == 1002


def test_a_message_in_fragments_with_a_ping_between_is_one_message(raw):
    r = raw()
    r.send(TEXT, b'{"type":"pi', fin=False)
    r.send(PING, b"are you there")
    r.send(0, b'ng","ref":', fin=False)
    r.send(0, b'"f"}')
    answers = [r.message(), r.message()]
    assert (0xA, b"are you there") in answers
    assert {"type": "pong", "ref": "f"} in [json.loads(p) for o, p in answers if o == TEXT]


def test_binary_is_1003(raw):
    r = raw()
    r.send(BINARY, b"\x00\x01")
    assert r.close_code() == 1003


@pytest.mark.parametrize("payload", [b"\xff", b'{"a":"\xc3\x28"}', b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82"])
def test_bad_utf8_is_1007(raw, payload):
    r = raw()
    r.send(TEXT, payload)
    assert r.close_code() == 1007


def test_bad_utf8_split_over_fragments_is_1007_and_good_utf8_is_not(raw):
    r = raw()
    r.send(TEXT, b"\xe2", fin=False)
    r.send(0, b"\x28\xa1")
    assert r.close_code() == 1007
    r = raw()
    r.send(TEXT, b'{"type":"ping","ref":"\xe2', fin=False)
    r.send(0, b'\x82\xac"}')
    assert json.loads(r.message()[1])["ref"] == "€"


def test_more_than_64_kib_is_1009_also_in_fragments(raw):
    r = raw()
    r.send(TEXT, b"", length=65537)
    assert r.close_code() == 1009, "refused by its length, before the bytes"
    r = raw()
    r.send(TEXT, b"x" * 40000, fin=False)
    r.send(0, b"x" * 30000)
    assert r.close_code() == 1009


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, 1 << 40])
def test_an_absurd_length_is_refused_before_anything_is_reserved(cluster, raw, length):
    before = cluster.nodes[0].rss_kb()
    r = raw()
    r.send(TEXT, b"", length=length)
    assert r.close_code() in (1002, 1009)
    assert cluster.nodes[0].rss_kb() - before < 16 << 10


def test_a_length_that_is_not_minimal_is_refused(raw):
    r = raw()
    r.socket.sendall(bytes([0x81, 0x80 | 126, 0, 2]) + b"\0\0\0\0{}")
    assert r.close_code() == 1002


@pytest.mark.parametrize("payload", [b"\x03", struct.pack(">H", 1005), struct.pack(">H", 999), struct.pack(">H", 1006),
                                     struct.pack(">H", 1000) + b"\xff"])
def test_a_bad_close_frame_is_answered_and_the_connection_ends(raw, payload):
    r = raw()
    r.send(CLOSE, payload)
    assert r.close_code() in (1002, 1007)
    assert r.ended(6)


def test_a_good_close_is_echoed_and_the_connection_ends(raw):
    r = raw()
    r.send(CLOSE, struct.pack(">H", 1000))
    assert r.close_code() == 1000
    assert r.ended(6)


def test_compression_is_not_negotiated(cluster, ada):
    r = RawSocket(cluster.nodes[0], headers=b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
    assert b"sec-websocket-extensions" not in r.head.lower()
    r.socket.close()


def test_bytes_that_arrive_one_by_one_are_a_frame(cluster, ada):
    r = RawSocket(cluster.nodes[0], ada.token)
    payload = b'{"type":"ping","ref":"slow"}'
    r.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload:
        r.socket.sendall(bytes([byte]))
    assert json.loads(r.message()[1])["ref"] == "slow"
    r.socket.close()


@pytest.mark.parametrize("text", [
    '{"a":' * 10000 + "1" + "}" * 10000, "[" * 30000, '{"type":"ping","ref":1e309}', '{"type":"ping","ref":"\\ud800"}',
    '\ufeff{"type":"ping"}', "{" + ",".join(f'"k{i}":1' for i in range(5000)) + "}", '{"type":"ping","type":"ping"}', '{"type":7}',
    '{"type":"send","channel_id":{},"text":[]}', '{"type":"fetch","ref":1,"channel_id":"x","after":-1,"limit":99999999999999999999}'])
def test_hostile_json_never_ends_the_node(cluster, raw, text):
    r = raw()
    r.send(TEXT, text.encode())
    r.send(PING, b"alive")
    r.socket.settimeout(8)
    try:
        while True:
            opcode, payload = r.message()
            if opcode == 0xA:
                break
            if opcode == CLOSE:
                assert struct.unpack(">H", payload[:2])[0] in (4400, 1007, 1008, 1009)
                break
    except EOFError:
        pytest.fail("closed without a close frame")
