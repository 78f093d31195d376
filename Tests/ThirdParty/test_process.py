"""The program as an operator meets it: options, exit statuses, files, signals."""
import json
import os
import signal
import subprocess
import time

import pytest

from roostkit import cleartext
from roostkit.nodes import Cluster, binary, free_ports
from roostkit.rest import register


def roost(*arguments, seconds=20, **more):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL, **more)


@pytest.mark.parametrize("arguments", [
    ["serve", "--no-such-option"], ["serve", "--listen", "nowhere"], ["serve", "--listen", "127.0.0.1:99999"],
    ["serve", "--peer-listen", "x:y"], ["serve", "--seeds", "no-port"], ["serve", "--registration", "perhaps"],
    ["serve", "--rate-limits", "maybe"], ["no-such-command"], ["key", "--bogus"], ["ctl", "--server", "::::", "status"],
    ["chat"], ["ctl", "status"], ["version", "--bogus"]])
def test_a_usage_error_exits_with_2_and_says_why(tmp_path, arguments):
    ended = roost(*arguments, cwd=tmp_path)
    assert ended.returncode == 2, (ended.returncode, ended.stdout, ended.stderr)
    assert ended.stderr.strip()
    assert not ended.stdout.strip()
    assert not list(tmp_path.iterdir()), "a usage error left files behind"


def test_version_prints_json_too():
    assert roost("version").stdout.startswith("roost ")
    assert json.loads(roost("version", "--json").stdout)["version"] == roost("version").stdout.split()[1]


def test_a_key_is_written_once_with_mode_0600(tmp_path):
    path = tmp_path / "cluster.key"
    made = roost("key", "new", "--out", path)
    assert made.returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().strip() not in made.stdout, "the secret was printed"
    assert roost("key", "fingerprint", path).stdout.strip() == made.stdout.strip()
    text = path.read_text()
    assert roost("key", "new", "--out", path).returncode == 1
    assert path.read_text() == text
    assert roost("key", "new").stdout != roost("key", "new").stdout


def test_a_key_file_readable_by_others_exits_with_2(tmp_path):
    path = tmp_path / "cluster.key"
    roost("key", "new", "--out", path)
    path.chmod(0o640)
    http, peer = free_ports(2)
    ended = roost("serve", "--data", tmp_path / "d", "--listen", f"127.0.0.1:{http}", "--peer-listen",
                  f"127.0.0.1:{peer}", "--cluster-key-file", path)
    assert ended.returncode == 2, ended.stderr
    assert str(path) in ended.stderr
    assert roost("key", "fingerprint", path).returncode == 2


def test_environment_stands_in_for_options_and_the_command_line_wins(tmp_path):
    http, peer, other = free_ports(3)
    environment = dict(os.environ, ROOST_DATA=str(tmp_path / "d"), ROOST_LISTEN=f"127.0.0.1:{other}",
                       ROOST_PEER_LISTEN=f"127.0.0.1:{peer}")
    process = subprocess.Popen([binary(), "serve", "--listen", f"127.0.0.1:{http}"], env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline().split()
        assert line[0] == "ready" and line[2] == f"http=127.0.0.1:{http}" and line[3] == f"peers=127.0.0.1:{peer}", line
        assert (tmp_path / "d").is_dir()
    finally:
        process.kill()
        process.wait()


def test_a_second_process_on_the_same_folder_is_refused(alone):
    http, peer = free_ports(2)
    ended = roost("serve", "--data", alone.data, "--listen", f"127.0.0.1:{http}", "--peer-listen", f"127.0.0.1:{peer}",
                  "--cluster-key-file", alone.key_file)
    assert ended.returncode in (1, 2), ended.stderr
    assert cleartext.get(alone.http + "/ready").status_code == 200


def test_a_port_in_use_exits_with_1(alone, tmp_path):
    peer, = free_ports(1)
    ended = roost("serve", "--data", tmp_path / "d", "--listen", f"127.0.0.1:{alone.http_port}", "--peer-listen",
                  f"127.0.0.1:{peer}")
    assert ended.returncode == 1 and ended.stderr.strip()


def test_only_the_ready_line_is_on_standard_output(alone):
    out = (alone.folder / "out.1").read_text()
    assert len(out.splitlines()) == 1 and alone.ready_line()


def test_sigterm_ends_a_node_within_30_seconds_and_it_comes_back(alone):
    ada = register(alone)
    channel = ada.channel()
    sent = ada.say(channel["id"], "before")
    assert alone.terminate(30) < 30
    assert alone.process.returncode == 0
    alone.start().wait_ready()
    assert [m["id"] for m in ada.history(channel["id"])] == [sent["id"]]


def test_sigterm_of_one_of_three_tells_its_sockets_and_hands_over():
    import websockets.sync.client as sync_ws
    with Cluster(3) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        channel = ada.channel()
        leaver = cluster.nodes[2]
        with sync_ws.connect(leaver.ws, proxy=None) as socket:
            socket.send(json.dumps({"type": "auth", "token": ada.token}))
            assert json.loads(socket.recv(10))["type"] == "ready"
            leaver.process.send_signal(signal.SIGTERM)
            frames = []
            with pytest.raises(Exception) as closed:
                while True:
                    frames.append(json.loads(socket.recv(30)))
            assert closed.value.rcvd.code in (1001, 1012)
            if closed.value.rcvd.code == 1001:
                assert "reconnect" in [f["type"] for f in frames]
        began = time.monotonic()
        leaver.process.wait(30)
        assert leaver.process.returncode == 0
        # The others write on at once: leadership was handed over, nobody waited for an election.
        for i in range(20):
            ada.say(channel["id"], f"word {i}")
        assert time.monotonic() - began < 10


def test_secrets_are_not_in_the_logs(alone):
    ada = register(alone, "quiet-ada", "a very particular password")
    channel = ada.channel()
    ada.say(channel["id"], "particular words nobody logs")
    cleartext.post(alone.http + "/auth/login", json={"username": "quiet-ada", "password": "wrong particular password"})
    log = (alone.folder / "log").read_text()
    for secret in ("particular", ada.token, ada.grant["refresh_token"], alone.key_file.read_text().strip()[13:]):
        assert secret not in log
