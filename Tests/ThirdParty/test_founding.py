"""How nodes find each other, and how they come back."""
import itertools
import random
import re
import shutil
import subprocess
import time

import httpx
import pytest

from roostkit import cleartext
from roostkit.nodes import Cluster, binary
from roostkit.rest import login, register, unique


def test_one_node_without_seeds_founds_at_once_and_serves(alone):
    ada = register(alone)
    channel = ada.channel()
    sent = ada.say(channel["id"], "hello")
    assert [m["id"] for m in ada.history(channel["id"])] == [sent["id"]]


def test_the_first_account_is_the_admin_and_the_second_is_not(alone):
    first, second = register(alone), register(alone)
    assert first.get("/v1/users/me").json()["role"] == "admin"
    assert second.get("/v1/users/me").json()["role"] == "member"


def test_two_more_join_by_the_first_ones_address_and_groups_grow_to_three_voters():
    with Cluster(1) as cluster:
        first = cluster.nodes[0]
        first.start().wait_ready()
        ada = register(first)
        channel = ada.channel()
        said = [ada.say(channel["id"], f"alone {i}")["id"] for i in range(20)]
        for _ in range(2):
            cluster.add([first.peer]).start().wait_ready()
        cluster.wait_replicated(ada.token, voters=3)
        report = cluster.report(ada.token)
        assert sorted(n["state"] for n in report["nodes"]) == ["active"] * 3
        for node in cluster.nodes:
            assert [m["id"] for m in ada.on(node).history(channel["id"])] == said
        # Three voters mean that any one may go, the founder too.
        first.kill()
        there = ada.on(cluster.nodes[1])
        for attempt in range(100):
            answer = there.post("/v1/messages", {"channel_id": channel["id"], "text": "still here",
                                                 "client_id": "after-the-founder"})
            if answer.status_code == 202:
                break
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) >= 0
            time.sleep(0.1)
        assert answer.status_code == 202
        assert [m["text"] for m in there.history(channel["id"])][-1] == "still here"


@pytest.mark.parametrize("seed", [1, 2])
def test_all_killed_and_started_in_any_order_come_back_with_every_message(seed):
    orders = list(itertools.permutations(range(3)))
    rng = random.Random(seed)
    with Cluster(3) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        channel = ada.channel()
        said = []
        for order in rng.sample(orders, 2):
            said += [ada.on(cluster.nodes[i % 3]).say(channel["id"], unique("word"))["id"] for i in range(10)]
            for node in cluster.nodes:
                node.kill()
            for i in order:
                cluster.nodes[i].start()
            for node in cluster.nodes:
                node.wait_ready(90)
            again = login(cluster.nodes[order[0]], ada.name)
            for node in cluster.nodes:
                assert [m["id"] for m in again.on(node).history(channel["id"])] == said


def test_one_of_three_alone_founds_nothing_and_is_not_ready(tmp_path):
    with Cluster(3) as cluster:
        last = cluster.nodes[2].start()
        for _ in range(20):
            assert last.is_running(), last.tail()
            assert last.ready_line() is None
            try:
                assert cleartext.get(last.http + "/ready", timeout=1).status_code == 503
            except httpx.TransportError:
                pass
        for node in cluster.nodes[:2]:
            node.start()
        for node in cluster.nodes:
            node.wait_ready(90)


def test_a_wiped_node_comes_back_as_a_new_one_under_its_old_address():
    with Cluster(3) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        before = cluster.wait_replicated(ada.token)
        channel = ada.channel()
        said = [ada.say(channel["id"], f"kept {i}")["id"] for i in range(20)]
        wiped = cluster.nodes[2]
        wiped.kill()
        subprocess.run(["rm", "-rf", str(wiped.data)], check=True)
        wiped.start().wait_ready(90)
        report = cluster.wait_replicated(ada.token, node=cluster.nodes[0])
        current = {n["id"] for n in report["nodes"] if n["state"] == "active"}
        assert len(current) == 3
        assert len(current & {n["id"] for n in before["nodes"]}) == 2, "the wiped node kept its id"
        assert [m["id"] for m in ada.on(wiped).history(channel["id"])] == said


def test_a_node_without_any_option_serves_on_the_documented_ports(tmp_path):
    """Only where 8080 and 7400 are free."""
    import socket
    for port in (8080, 7400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is in use")
    process = subprocess.Popen([binary(), "serve"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("ready node=") and "http=127.0.0.1:8080 peers=127.0.0.1:7400" in line
        assert (tmp_path / "roost-data").is_dir()
    finally:
        process.kill()
        process.wait()


def test_an_operator_founds_by_hand_where_a_seed_is_gone_for_good():
    """The first seed waits for ever; `roost node init` with the right hash, and only with that, makes it found."""
    with Cluster(2) as cluster:
        first = cluster.nodes[0].start()
        deadline = time.monotonic() + 30
        found = None
        while not found and time.monotonic() < deadline:
            time.sleep(0.2)
            found = re.search(r"seeds\.hash=([0-9a-f]{16})", (first.folder / "log").read_text(errors="replace"))
        assert found, "the log does not say the hash of the seed list"
        assert cleartext.get(first.http + "/ready").status_code == 503

        def init(confirm):
            return subprocess.run([binary(), "node", "init", "--data", str(first.data), "--confirm", confirm],
                                  capture_output=True, text=True, timeout=30)

        assert init("nonsense").returncode == 2
        assert init("0" * 16).returncode == 1
        assert not first.ready_line()
        done = init(found.group(1))
        assert done.returncode == 0, done.stderr
        first.wait_ready()
        register(first)
        assert init(found.group(1)).returncode == 1, "a member founds again"


def test_a_wiped_first_seed_that_founds_anew_stops_when_its_old_cluster_claims_it():
    """Seeds that name only oneself found at once, also after a wipe; the old cluster's members then dial in."""
    with Cluster(1) as cluster:
        first = cluster.nodes[0]
        first.start().wait_ready()
        ada = register(first)
        cluster.add([first.peer]).start().wait_ready()
        cluster.add([first.peer]).start().wait_ready()
        cluster.wait_replicated(ada.token, voters=3)
        first.kill()
        shutil.rmtree(first.data)
        first.start()
        deadline = time.monotonic() + 30
        while first.is_running() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not first.is_running(), "two clusters stand side by side"
        assert first.process.returncode == 1
        assert "wiped member" in first.tail()
        others = cluster.nodes[1:]
        assert ada.on(others[0]).get("/v1/users/me").status_code == 200
