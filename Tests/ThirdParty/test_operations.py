"""What an operator does to a running cluster: grow, drain, remove, replace, upgrade, and go on after the worst."""
import re
import shutil
import signal
import subprocess
import time

import pytest

from roostkit import cleartext
from roostkit.load import Writers, until
from roostkit.nodes import Cluster, binary
from roostkit.rest import PASSWORD, register

pytestmark = pytest.mark.serial

OPTIONS = ("--registration", "open", "--rate-limits", "off", "--shards", "32")


def ctl(cluster, person, *words, node=None):
    """`roost ctl` as the admin; returns the finished process."""
    secret = cluster.folder / "password"
    if not secret.exists():
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
    return subprocess.run(
        [binary(), "ctl", *words, "--server", (node or cluster.nodes[0]).http, "--user", person.name,
         "--password-file", str(secret)], capture_output=True, text=True, timeout=60)


def record(cluster, person, node, asked=None):
    """What the registry says of a node now: the one at its address that is not removed."""
    nodes = cluster.report(person.token, asked)["nodes"]
    return next((n for n in nodes if n["address"] == node.peer and n["state"] != "removed"), None)


def voters(shard):
    return {r["node_id"] for r in shard["replicas"] if r["role"] == "voter"}


def settled(cluster, person, asked=None, active=None):
    """The report, once every group's voters are where they should be, and no replica is left over."""
    report = cluster.report(person.token, asked)
    if active is not None and sum(n["state"] == "active" for n in report["nodes"]) != active:
        return None
    for shard in report["shards"]:
        learners = [r for r in shard["replicas"] if r["role"] != "voter"]
        if not shard["leader"] or voters(shard) != set(shard["ideal"]) or (learners and shard["id"] != 0):
            return None
    return report


def replicas_made(nodes):
    """How many replicas leaders have begun to make, of all nodes since their starts."""
    total = 0
    for node in nodes:
        text = cleartext.get(node.http + "/metrics", timeout=5).text
        total += int(float(re.search(r"^roost_raft_learners_added_total (\S+)", text, re.M).group(1)))
    return total


def test_a_cluster_grows_from_one_to_three_to_five_and_shrinks_by_a_drain_under_load():
    with Cluster(1, OPTIONS) as cluster:
        first = cluster.nodes[0].start().wait_ready()
        ada = register(first)
        asked = list(cluster.nodes)
        with Writers(ada, lambda: asked) as writers:
            for size in (3, 5):
                before = settled(cluster, ada)
                made = replicas_made(cluster.nodes) if size == 5 else 0
                joining = [cluster.add([first.peer]).start() for _ in range(2)]
                for node in joining:
                    node.wait_ready(30)
                asked.extend(joining)
                after = until(lambda: settled(cluster, ada, active=size), 40, f"placement on {size} nodes")
                if size == 5:
                    # Both came within two seconds and cost one epoch; only what had to move was made anew.
                    ideal = sum(len(set(new["ideal"]) - set(old["ideal"]))
                                for old, new in zip(before["shards"], after["shards"]))
                    moved = replicas_made(cluster.nodes) - made
                    # The directory keeps a learner on every other node: those are no moves.
                    assert moved <= 1.2 * ideal + 2 * 2, f"{moved} replicas made where {ideal} had to be"
                    assert after["epoch"] == before["epoch"] + 1

            gone = cluster.nodes[2]
            asked.remove(gone)
            done = ctl(cluster, ada, "drain", gone.peer, "--wait")
            assert done.returncode == 0 and "removed" in done.stdout, done.stderr
            gone.process.wait(20)
            assert gone.process.returncode == 0, gone.tail()
            report = until(lambda: settled(cluster, ada, active=4), 20, "placement on four nodes")
            assert sorted(n["state"] for n in report["nodes"]) == ["active"] * 4 + ["removed"]
            assert all(len(voters(s)) == 3 for s in report["shards"])
        assert writers.count > 100
        writers.judge(ada)
        # Its data directory is of no use any more, and says so.
        gone.start()
        assert gone.process.wait(20) == 1
        assert "removed this node" in gone.tail()


def test_nodes_that_die_come_back_wiped_old_or_twice_are_told_apart():
    with Cluster(4, (*OPTIONS, "--dead-after", "3")) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        asked = list(cluster.nodes[:2])
        with Writers(ada, lambda: asked) as writers:
            # For good dead: given up, and its shards made anew on the other three.
            fourth = cluster.nodes[3]
            refused = ctl(cluster, ada, "remove", fourth.peer)
            assert refused.returncode == 1 and "conflict" in refused.stderr, "a live node was removed"
            fourth.kill()
            until(lambda: record(cluster, ada, fourth)["state"] == "dead", 30, "giving the node up")
            until(lambda: settled(cluster, ada, active=3), 30, "replacing the dead node")
            # Of three none is given up: two voters would be no better than three.
            fourth.start().wait_ready(30)
            assert record(cluster, ada, fourth)["state"] == "active"
            until(lambda: settled(cluster, ada, active=4), 30, "placement with the node back")

            # A data directory from before its last start.
            third = cluster.nodes[2]
            third.kill()
            shutil.copytree(third.data, third.folder / "old")
            third.start().wait_ready(30)
            third.kill()
            shutil.rmtree(third.data)
            shutil.copytree(third.folder / "old", third.data)
            third.start()
            assert third.process.wait(20) == 1
            assert "stale boot counter" in third.tail()
            # Wiped: a new node at the same address takes the place of the old one at once.
            old = record(cluster, ada, third)["id"]
            shutil.rmtree(third.data)
            third.start().wait_ready(30)
            states = {n["id"]: n["state"] for n in cluster.report(ada.token)["nodes"]}
            assert states[old] == "removed" and record(cluster, ada, third)["id"] != old
            until(lambda: settled(cluster, ada, active=4), 30, "placement with the wiped node")

            # A copy of a running node's directory, on another machine.
            copy = cluster.add([cluster.nodes[0].peer])
            copy.folder.mkdir()
            # Held for the moment of the copy, so that its files fit each other, as those of a snapshot of a disk do.
            cluster.nodes[1].process.send_signal(signal.SIGSTOP)
            shutil.copytree(cluster.nodes[1].data, copy.data)
            cluster.nodes[1].process.send_signal(signal.SIGCONT)
            copy.start()
            assert copy.process.wait(30) == 1
            assert "identity" in copy.tail() and "copy" in copy.tail()
            assert cluster.nodes[1].is_running()
        writers.judge(ada)


def test_after_two_of_three_are_gone_for_good_an_operator_goes_on_from_the_survivor():
    with Cluster(3, OPTIONS) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        channel = ada.channel()["id"]
        said = [ada.say(channel, f"kept {i}")["id"] for i in range(30)]
        survivor, *lost = cluster.nodes
        until(lambda: all(r["lag"] == 0 for s in cluster.report(ada.token)["shards"] for r in s["replicas"]), 10,
              "replication")
        for node in lost:
            node.kill()

        def force(*words):
            return subprocess.run([binary(), "node", "force-quorum", "--data", str(survivor.data), *words],
                                  capture_output=True, text=True, timeout=30)

        assert force("--shards", "all").returncode == 2, "without saying that data may be lost"
        assert force("--shards", "1-x", "--accept-data-loss").returncode == 2
        done = force("--shards", "all", "--accept-data-loss")
        assert done.returncode == 0 and done.stdout.startswith("33 groups"), done.stdout + done.stderr
        assert [m["id"] for m in ada.history(channel)] == said
        until(lambda: ada.post("/v1/messages", {"channel_id": channel, "text": "on", "client_id": "on"}).status_code
              == 202, 15, "writing on the survivor")
        # What was refused is no order; the order is one, and nobody's but of whoever may write into the data directory.
        noted = until(lambda: ada.get("/v1/admin/audit?action=group.").json().get("items"), 15, "the audit log")
        assert [(entry["action"], entry["actor_id"]) for entry in noted] == [("group.force_quorum", None)], noted
        assert noted[0]["target"] == record(cluster, ada, survivor)["id"]
        assert noted[0]["details"] == {"shards": "all", "result": done.stdout.strip()}, noted
        for node in lost:
            until(lambda: record(cluster, ada, node)["gossip"] == "dead", 20, "gossip")
            assert ctl(cluster, ada, "remove", node.peer).returncode == 0
        # A lost node that comes back after all is void; new ones make the cluster whole again.
        lost[0].start()
        assert lost[0].process.wait(20) == 1
        for node in (cluster.add([survivor.peer]).start(), cluster.add([survivor.peer]).start()):
            node.wait_ready(30)
        until(lambda: settled(cluster, ada, active=3), 30, "three voters again")
        for node in (survivor, *cluster.nodes[3:]):
            assert [m["id"] for m in ada.on(node).history(channel)][:30] == said


def test_a_lone_voter_that_has_lost_acknowledged_entries_is_refused_by_name_and_let_go_on_by_hand():
    """RUNBOOK.md, "The worst", `--damaged`."""
    with Cluster(1, OPTIONS) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        admin, *people = [register(node) for _ in range(4)]
        channel = admin.channel()["id"]
        log = min((node.data / "wal").glob("*.wal"))

        def written():
            return len(log.read_bytes().rstrip(b"\0"))
        before = written()
        for number in range(60):
            admin.say(channel, f"needle-{number:04} " + "x" * 4_000)
        node.kill()
        # Bits turn over in the middle of what was acknowledged; its bytes are masked there, so that no text is looked for.
        place = (before + written()) // 2
        with log.open("r+b") as file:
            file.seek(place)
            turned = bytes(byte ^ 0xFF for byte in file.read(64))
            file.seek(place)
            file.write(turned)
        node.start()

        def refused():
            metrics = cleartext.get(node.http + "/metrics", timeout=5).text
            found = re.search(r"^roost_shards_refused (\S+)", metrics, re.M)
            return found and int(float(found.group(1)))
        until(refused, what="refusing the shard")
        assert "damaged in the log" in node.tail(1000)
        assert admin.post("/v1/messages", {"channel_id": channel, "text": "too early"}).status_code == 503
        # Shards of which nothing was there go on; somebody's is one of them.
        until(lambda: any(p.get("/v1/users/me").status_code == 200 for p in people), what="serving other shards")
        done = subprocess.run(
            [binary(), "node", "force-quorum", "--data", str(node.data), "--shards", "all", "--accept-data-loss",
             "--damaged"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        until(lambda: refused() == 0, what="going on")
        until(lambda: admin.post("/v1/messages", {"channel_id": channel, "text": "after", "client_id": "after"}).status_code
              == 202, what="writing again")
        texts = [m["text"] for m in admin.history(channel)]
        assert "after" in texts
        # All before the damage; and what stands behind it if its rows had been written before the node died.
        kept = [text[:11] for text in texts if text.startswith("needle-")]
        assert kept == [f"needle-{number:04}" for number in range(len(kept))] and len(kept) > 10, kept
        # Who may write into the data directory has done this; the audit log has it once the directory takes entries.
        noted = until(lambda: admin.get("/v1/admin/audit?action=group.").json().get("items"), what="the audit log")
        assert [(entry["action"], entry["actor_id"]) for entry in noted] == [("group.accept_loss", None)], noted
        assert noted[0]["target"] == cluster.report(admin.token)["nodes"][0]["id"]


def test_a_rolling_restart_into_a_new_version_fails_no_request_and_the_version_rises_at_the_end():
    """Every node goes from a program that supports version 1 to one that supports 1 and 2."""
    with Cluster(3, OPTIONS) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        asked = list(cluster.nodes)
        with Writers(ada, lambda: asked) as writers:
            for node in cluster.nodes:
                early = ctl(cluster, ada, "upgrade", "finalize", node=asked[0])
                assert early.returncode == 1 and "conflict" in early.stderr, early.stdout
                asked.remove(node)
                writers.forget_gaps()
                assert node.terminate() < 30
                gap = max(writers.gaps.values())
                assert gap < 2, f"{gap:.3f} s without an answer"
                print(f"longest write gap while {node.name} handed over: {gap * 1000:.0f} ms")
                node.options += ["--feature-versions", "1-2"]
                node.start().wait_ready(30)
                asked.append(node)
            done = ctl(cluster, ada, "upgrade", "finalize", "--json")
            assert done.returncode == 0 and '"active" : 2' in done.stdout, done.stdout + done.stderr
        writers.judge(ada)
        # No way back.
        last = cluster.nodes[2]
        last.terminate()
        last.options = last.options[:-2]
        last.start()
        assert last.process.wait(20) == 1
        assert "active version" in last.tail()
