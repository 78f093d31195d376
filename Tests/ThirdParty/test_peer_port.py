"""The peer port under abuse: nothing but TLS with the cluster's key is parsed, and nobody without it costs much."""
import concurrent.futures
import os
import socket
import ssl
import subprocess
import time

import pytest

from roostkit import cleartext
from roostkit.nodes import Cluster, Node, binary, free_ports
from roostkit.rest import register


def pour(node, data, seconds=5, drain=True):
    """Sends bytes to the peer port and reads until the node closes. True where it closed in time."""
    with socket.create_connection(("127.0.0.1", node.peer_port), 5) as connection:
        connection.settimeout(seconds)
        try:
            connection.sendall(data)
            while drain and connection.recv(65536):
                pass
            return True
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False


@pytest.fixture(scope="module")
def target():
    with Cluster(1) as cluster:
        node = cluster.start().nodes[0]
        node.admin = register(node)
        yield node
        assert node.is_running(), node.tail()


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), b"\x00" * 65536, b"\xff" * 65536,
    b"\x16\x03\x01\xff\xff" + b"A" * 70000, b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x00\x02", b"SSH-2.0-x\r\n",
])
def test_garbage_is_closed_and_the_node_lives(target, data):
    assert pour(target, data, 15)
    assert cleartext.get(target.http + "/health").status_code == 200


def test_silence_is_closed(target):
    assert pour(target, b"", 20), "an unauthenticated connection may stay open"


def tls(target, context):
    """Whether the node lets a TLS client past the handshake: TLS 1.3 tells the client only with the first read."""
    try:
        with socket.create_connection(("127.0.0.1", target.peer_port), 5) as plain:
            with context.wrap_socket(plain, server_hostname="x") as secure:
                secure.settimeout(10)
                secure.sendall(b"\x00\x00\x00\x10" + b"x" * 16)
                return secure.recv(4096) != b""
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return False


def test_tls_without_a_certificate_and_old_tls_are_refused(target):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    assert not tls(target, context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not tls(target, context)


def test_tls_with_a_foreign_certificate_is_refused(target, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-days", "1", "-subj", "/CN=roost"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    assert not tls(target, context)


def test_hundreds_of_hostile_connections_cost_little(target):
    before = target.rss_kb()

    def abuse(i):
        return pour(target, [b"\x16\x03\x01\x40\x00" + b"A" * 16384, os.urandom(2000), b""][i % 3], 20)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        list(pool.map(abuse, range(400)))
    time.sleep(1)
    assert target.rss_kb() - before < 32 << 10, f"{(target.rss_kb() - before) >> 10} MiB more"
    assert target.admin.get("/v1/users/me").status_code == 200


def test_a_node_with_another_key_does_not_join(target, tmp_path):
    other = tmp_path / "other.key"
    subprocess.run([binary(), "key", "new", "--out", other], check=True, capture_output=True)
    http, peer = free_ports(2)
    stranger = Node(tmp_path / "stranger", "stranger", http, peer, ["--registration", "open"], [target.peer], other)
    stranger.start()
    try:
        for _ in range(50):
            time.sleep(0.1)
            assert stranger.ready_line() is None, "it joined with another key"
        report = target.admin.get("/v1/cluster").json()
        assert len(report["nodes"]) == 1
    finally:
        stranger.kill()


def test_a_member_of_another_cluster_with_the_same_key_does_not_join(tmp_path):
    """One key used for two clusters by mistake: the cluster ids tell them apart."""
    with Cluster(1, folder=tmp_path / "a") as left:
        right_http, right_peer = free_ports(2)
        right = Node(tmp_path / "b", "b", right_http, right_peer, left.options, None, left.key_file)
        left.start()
        right.start()
        try:
            right.wait_ready()
            admin = register(left.nodes[0])
            foreign = register(right)
            right.terminate()
            right.seeds = [left.nodes[0].peer, right.peer]
            right.start()
            time.sleep(5)
            assert len(admin.get("/v1/cluster").json()["nodes"]) == 1
            if right.is_running() and right.ready_line():
                ids = {n["id"] for n in foreign.get("/v1/cluster").json()["nodes"]}
                assert len(ids) == 1, "two clusters became one"
        finally:
            right.kill()
