"""The terminal clients: `roost chat` and `roost ctl`."""
import json
import os
import subprocess
import time

import pytest

from roostkit.nodes import Cluster, binary
from roostkit.rest import PASSWORD, register, unique


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


def chat(nodes, user, password_file, channel, text=None, seconds=30, extra=()):
    command = [binary(), "chat", "--user", user, "--password-file", str(password_file), "--channel", channel, "--register"]
    for node in nodes:
        command += ["--server", node.http]
    return subprocess.run(command + list(extra), input=text, capture_output=True, text=True, timeout=seconds)


def ctl(node, *arguments):
    return subprocess.run([binary(), "ctl", *map(str, arguments), "--server", node.http], capture_output=True, text=True,
                          timeout=30, stdin=subprocess.DEVNULL)


def test_lines_of_a_pipe_become_messages_in_order(cluster, password_file):
    room, name = unique("room"), unique("piper")
    ended = chat([cluster.nodes[0]], name, password_file, room, "one\ntwo\n\nthrée\n")
    assert ended.returncode == 0, ended.stderr
    listened = chat([cluster.nodes[1]], unique("reader"), password_file, room, "")
    assert listened.returncode == 0, listened.stderr


def test_two_people_talk_and_go_on_when_a_node_dies(password_file, tmp_path):
    with Cluster(3) as cluster:
        cluster.start()
        admin = register(cluster.nodes[0])
        cluster.wait_replicated(admin.token)

        def start(name, nodes):
            command = [binary(), "chat", "--user", name, "--password-file", str(password_file), "--channel", "general",
                       "--register"] + [x for n in nodes for x in ("--server", n.http)]
            out = open(tmp_path / name, "w")
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True,
                                    bufsize=1)

        def wait_for(name, text):
            end = time.monotonic() + 20
            while text not in (tmp_path / name).read_text():
                assert time.monotonic() < end, f"{name} never saw {text!r}:\n{(tmp_path / name).read_text()}"
                time.sleep(0.05)

        one, two, three = cluster.nodes
        people = [start("ada", [one, three])]
        ada = people[0]
        try:
            wait_for("ada", "to leave)")
            ben = start("ben", [two, three])
            people.append(ben)
            wait_for("ada", "* ben joined")
            ada.stdin.write("hello ben\n")
            wait_for("ben", "ada: hello ben")
            two.kill()
            ben.stdin.write("typed while my node was dead\n")
            wait_for("ada", "ben: typed while my node was dead")
            ada.stdin.write("and you resumed\n")
            wait_for("ben", "ada: and you resumed")
            for person in (ada, ben):
                person.stdin.write("/quit\n")
                assert person.wait(15) == 0
            lines = [line for line in (tmp_path / "ben").read_text().splitlines() if ": " in line and line[0].isdigit()]
            assert [line[9:] for line in lines] == [
                "ada: hello ben", "ben: typed while my node was dead", "ada: and you resumed"]
        finally:
            for person in people:
                person.kill()
                person.wait()


def test_control_characters_of_others_do_not_reach_the_terminal(cluster, ada, password_file):
    channel = ada.channel()
    ada.say(channel["id"], "\x1b[2Jgone\x07")
    ended = chat([cluster.nodes[0]], unique("reader"), password_file, channel["name"], "hi\n")
    assert "\x1b" not in ended.stdout and "gone" in ended.stdout


def test_chat_says_why_it_fails(cluster, password_file):
    name = unique("someone")
    register(cluster.nodes[0], name, "another good password")
    ended = chat([cluster.nodes[0]], name, password_file, "general", "hi\n")
    assert ended.returncode == 1 and "invalid_credentials" in ended.stderr
    password_file.chmod(0o644)
    ended = chat([cluster.nodes[0]], name, password_file, "general", "hi\n")
    assert ended.returncode == 1 and "0600" in ended.stderr


def test_ctl_shows_the_cluster_as_tables_and_as_json(cluster, admin, tmp_path):
    token = tmp_path / "token"
    token.write_text(admin.token)
    os.chmod(token, 0o600)
    status = ctl(cluster.nodes[1], "status", "--token-file", token)
    assert status.returncode == 0, status.stderr
    assert "\nshards 33" in status.stdout and "without leader 0" in status.stdout and "under-replicated 0" in status.stdout
    assert sum(" active " in line for line in status.stdout.splitlines()) == 3
    data = json.loads(ctl(cluster.nodes[2], "status", "--json", "--token-file", token).stdout)
    assert data["shards"]["shards"] == 33 and data["shards"]["under_replicated"] == 0
    assert sum(data["shards"]["leaders"].values()) == data["shards"]["shards"]
    assert len(json.loads(ctl(cluster.nodes[0], "nodes", "--json", "--token-file", token).stdout)) == 3
    assert len(json.loads(ctl(cluster.nodes[0], "shards", "--json", "--token-file", token).stdout)) == data["shards"]["shards"]
    assert len(ctl(cluster.nodes[0], "shards", "--token-file", token).stdout.splitlines()) == data["shards"]["shards"] + 1


def test_ctl_signs_in_with_a_password_and_refuses_who_is_no_admin(cluster, ada, password_file):
    assert ctl(cluster.nodes[0], "nodes", "--user", "admin", "--password-file", password_file).returncode == 0
    refused = ctl(cluster.nodes[0], "nodes", "--user", ada.name, "--password-file", password_file)
    assert refused.returncode == 1 and "403" in refused.stderr
