"""RUNBOOK.md: each of its commands is run as it stands there, in the order in which somebody on call may need them.

What a command stands for is put in: where the nodes are, what they are called, where the data is. A command that comes
to the page without a check here fails the last test.
"""
import functools
import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from roostkit import cleartext
from roostkit.load import until
from roostkit.nodes import ROOT, binary, free_ports
from roostkit.rest import PASSWORD, register

pytestmark = pytest.mark.serial

PAGE = ROOT / "RUNBOOK.md"

# Run by other files of what scripts/test runs, and the words that do it there.
ELSEWHERE = {
    "scripts/build release": ("scripts/simulate", "scripts/build release roost-simulate"),
    "scripts/chaos --mix crash": ("Tests/ThirdParty/test_chaos.py", '"--mix", "short"'),
    "prlimit --nofile=400": ("Tests/ThirdParty/test_limits.py", "--nofile={limit}"),
    "prlimit --nofile=3": ("Tests/ThirdParty/test_limits.py", "resource.RLIMIT_NOFILE, (3,"),
    "roost node init --data ./roost-data --confirm 0123456789abcdef":
        ("Tests/ThirdParty/test_founding.py", '"node", "init", "--data"'),
}
# Ends of a command that stands whole at another place. No check runs `scripts/dev`: it installs, builds and does
# `scripts/cluster start`, as scripts/test and this file do.
SHORT = {"scripts/dev", "ctl status", "ctl shards", "ctl remove", "roost ctl status", "roost ctl status …",
         "roost ctl remove …", "curl -s n1/ready", "curl -s n2/ready", "curl -s n3/ready",
         "curl -s n1/metrics | grep roost_descriptors"}


def commands():
    """Of the page: in the text those in code, in transcripts those behind a prompt or that begin with the program."""
    page = PAGE.read_text()
    blocks = re.findall(r"^```\n(.*?)^```", page, re.M | re.S)
    text = re.sub(r"^```\n.*?^```", "", page, flags=re.M | re.S)
    found = re.findall(r"`((?:roost |scripts/|curl |prlimit |ctl |kill )[^`]*)`", text)
    for line in "".join(blocks).splitlines():
        if line.startswith(("$ ", "roost ")):
            found.append(line.removeprefix("$ "))
    return set(found)


class Desk:
    """Three nodes of `scripts/cluster`, in a folder and on ports of their own, and a shell in front of them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        http, peers = free_ports(3), free_ports(3)
        self.nodes = [SimpleNamespace(http=f"http://127.0.0.1:{h}", peer=f"127.0.0.1:{p}") for h, p in zip(http, peers)]
        self.reached = self.nodes[0]    # the node that is asked
        self.tried = set()
        self.broken = None          # the check that failed: those after it would find something else than they expect
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "roost").symlink_to(binary())
        (self.folder / "scripts").symlink_to(ROOT / "scripts")
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o600)
        (self.folder / "nodes.conf").write_text(textwrap.dedent(f"""\
            HOST=127.0.0.1
            HTTP_PORTS=({' '.join(map(str, http))})
            PEER_PORTS=({' '.join(map(str, peers))})
            SEEDS={','.join(n.peer for n in self.nodes)}
            OPTIONS=(--registration open --log-level info --shards 16)
            RUN={self.folder}/run
            """))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
        self.environment = {**environment, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "ROOST_BIN": binary(),
                            "ROOST_CLUSTER_CONF": str(self.folder / "nodes.conf")}

    def run(self, command, status=0, seconds=90, **stands_for):
        """Runs a command of the page with what its parts stand for; returns its standard output."""
        self.tried.add(command)
        line = command.replace("http://127.0.0.1:8080", self.reached.http)
        for part, value in stands_for.items():
            assert part.replace("_", "-") in line or part in line, f"{part} is not in {line}"
            line = line.replace(part.replace("_", "-"), value).replace(part, value)
        if line.startswith("roost ctl"):
            if "--server" not in line:
                line += f" --server {self.reached.http}"
            if "--user" not in line:
                line += " --user ada"
            if "--password-file" not in line:
                line += " --password-file password"
        # Nodes that the command starts keep its standard error open: only what was asked for is read.
        with open(self.folder / "stderr", "w+") as said:
            done = subprocess.run(["bash", "-c", line], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=said, text=True, timeout=seconds)
            said.seek(0)
            complaint = said.read()
        assert done.returncode == status, f"{line}\nended with {done.returncode}\n{done.stdout}{complaint}"
        return done.stdout

    def status(self):
        """`ctl status`: a row of words for each node that is not removed, and the line on shards."""
        text = self.run("roost ctl --server http://127.0.0.1:8080 --user ada status")
        rows = [line.split() for line in text.splitlines()]
        return [row for row in rows if len(row) == 9 and row[3] not in ("STATE", "removed")], text.splitlines()[-1]

    def is_well(self):
        """As the page says: every node active and alive, no shard short of replicas or without a leader."""
        rows, shards = self.status()
        return (len(rows) == 3 and all(row[3:5] == ["active", "alive"] for row in rows)
                and all(f"{what} 0" in shards for what in ("under-replicated", "without leader", "misplaced")))

    def is_dead(self, node):
        """To gossip; the directory gives none of three up."""
        return any(row[2:5] == [node.peer, "active", "dead"] for row in self.status()[0])

    def close(self):
        subprocess.run(["bash", "-c", "scripts/cluster stop"], cwd=self.folder, env=self.environment,
                       stdin=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.run("scripts/cluster start", seconds=120)
    desk.ada = register(desk.nodes[0], "ada")
    desk.channel = desk.ada.channel()["id"]
    desk.said = []
    yield desk
    desk.close()


def step(check):
    """One of the checks that follow each other on the same nodes."""
    @functools.wraps(check)
    def checked(desk):
        assert desk.broken is None, f"{desk.broken} failed before"
        desk.broken = check.__name__
        check(desk)
        desk.broken = None
    return checked


def say(desk, node=None, expected=202):
    """A message by the id of its text; those that are answered have to be there at the end."""
    text = f"message {len(desk.said)}"
    answer = desk.ada.on(node or desk.reached).post(
        "/v1/messages", {"channel_id": desk.channel, "text": text, "client_id": text})
    if answer.status_code == 202 and text not in desk.said:
        desk.said.append(text)
    return answer.status_code == expected


def there(desk):
    return [m["text"] for m in desk.ada.on(desk.reached).history(desk.channel)]


@step
def test_look(desk):
    states = desk.run("scripts/cluster status").splitlines()
    assert len(states) == 3 and all(state.endswith("  ready") for state in states), states
    assert json.loads(desk.run("curl -s http://127.0.0.1:8080/health"))["status"] == "ok"
    assert json.loads(desk.run("curl -s http://127.0.0.1:8080/ready"))["status"] == "ready"
    assert "roost_raft_" in desk.run("curl -s http://127.0.0.1:8080/metrics")
    until(desk.is_well, 60, "a cluster that is well")
    shards = desk.run("roost ctl --server http://127.0.0.1:8080 --user ada shards").splitlines()
    assert len(shards) >= 17, shards
    found = desk.run("roost ctl --server http://127.0.0.1:8080 --user ada status --password-file FILE --json",
                     FILE="password")
    assert len(json.loads(found)["nodes"]) == 3
    assert 'roost_disk_state{state="full"} 0' in desk.run("curl -s n1/metrics | grep disk_state", n1=desk.nodes[0].http)
    assert "data = ./roost-data" in desk.run("roost config print").splitlines()
    assert say(desk)


@step
def test_keys(desk):
    desk.run("roost key new --out cluster.key")
    assert (desk.folder / "cluster.key").stat().st_mode & 0o777 == 0o600
    one = desk.run("roost key fingerprint cluster.key")
    shutil.copy(desk.folder / "cluster.key", desk.folder / "copy.key")
    assert one and one == desk.run("roost key fingerprint FILE", FILE="copy.key")
    assert one != desk.run("roost key fingerprint FILE", FILE="run/cluster.key")


@step
def test_one_node_without_seeds(desk):
    """`roost serve` as it stands serves on its own ports; here it gets others, since those may be somebody's."""
    http, peer = free_ports(2)
    process = subprocess.Popen(
        ["roost", *"serve --data ./roost-data".split(), "--listen", f"127.0.0.1:{http}", "--peer-listen",
         f"127.0.0.1:{peer}"], cwd=desk.folder, env={**desk.environment, "SWIFT_BACKTRACE": "enable=no"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, executable=binary())
    desk.tried.add("roost serve --data ./roost-data")
    try:
        assert process.stdout.readline().startswith("ready node=")
    finally:
        process.terminate()
        assert process.wait(35) == 0
        process.stdout.close()


@step
def test_upgrade_and_index(desk):
    assert desk.run("roost ctl upgrade status").count("1-1") == 3, "the versions that each node supports"
    desk.run("roost ctl upgrade finalize", status=1)     # nothing to do: test_operations.py has it with two versions

    def found():
        answer = desk.ada.get("/v1/search/messages", params={"q": "message"})
        return answer.status_code == 200 and [i["message"]["text"] for i in answer.json()["items"]]
    until(lambda: found() == desk.said, 60, "the message in the index")
    assert desk.run("roost ctl search rebuild").count("not reached") == 0
    until(lambda: found() == desk.said, 60, "the message in the new index")


@step
def test_a_node_dies_and_comes_back(desk):
    desk.run("kill -9 $(cat run/n2/pid)")
    desk.tried.add("kill -9")
    assert "node 2  not running" in desk.run("scripts/cluster status")
    until(lambda: say(desk), 15, "sending with one node less")
    until(lambda: desk.is_dead(desk.nodes[1]), 30, "gossip of its end")
    desk.run("scripts/cluster restart 2", seconds=120)
    until(desk.is_well, 60, "a cluster that is well")
    assert say(desk, desk.nodes[1])


@step
def test_a_node_loses_its_disk(desk):
    before = {row[0] for row in desk.status()[0]}
    desk.run("kill -9 $(cat run/n2/pid)")
    desk.run("scripts/cluster wipe 2", seconds=120)
    desk.run("scripts/cluster restart 2", seconds=120)
    until(desk.is_well, 60, "a cluster that is well")
    assert len({row[0] for row in desk.status()[0]} - before) == 1
    assert say(desk, desk.nodes[1])


@step
def test_a_node_is_taken_away_and_another_comes(desk):
    said = desk.run("roost ctl drain n3 --wait", n3=desk.nodes[2].peer)
    assert "removed" in said
    until(lambda: "node 3  not running" in desk.run("scripts/cluster status"), 30, "its end")
    until(lambda: say(desk), 15, "sending")
    desk.run("scripts/cluster wipe 3")
    desk.run("scripts/cluster restart 3", seconds=120)
    until(desk.is_well, 60, "a cluster that is well")


@step
def test_two_of_three_are_down(desk):
    for number in (1, 2):
        desk.run(f"kill -9 $(cat run/n{number}/pid)")
    desk.reached = desk.nodes[2]
    until(lambda: say(desk, expected=503), 30, "a refusal")
    until(lambda: cleartext.get(desk.reached.http + "/ready").status_code == 503, 30, "a node that is not ready")
    # The other side of a split network looks the same: no majority answers.
    desk.run("roost ctl status --server n3 …", n3=desk.reached.http, status=1, **{"…": "--user ada"})
    desk.run("scripts/cluster restart 2", seconds=120)
    until(lambda: say(desk), 30, "sending again")
    desk.run("scripts/cluster restart 1", seconds=120)
    desk.reached = desk.nodes[0]
    until(desk.is_well, 60, "a cluster that is well")
    assert "active" in desk.run("roost ctl status --server n1 …", n1=desk.reached.http, **{"…": "--user ada"})


@step
def test_two_of_three_are_gone_for_good(desk):
    until(lambda: all(r["lag"] == 0 for s in desk.ada.get("/v1/cluster").json()["shards"] for r in s["replicas"]), 15,
          "replication")
    for number in (2, 3):
        desk.run(f"kill -9 $(cat run/n{number}/pid)")
    done = desk.run("roost node force-quorum --data ./roost-data --shards all --accept-data-loss",
                    **{"./roost-data": "run/n1/data"})
    assert "17 groups go on" in done
    until(lambda: say(desk), 30, "sending from the survivor")
    for name, node in (("n2", desk.nodes[1]), ("n3", desk.nodes[2])):
        until(lambda: desk.is_dead(node), 30, "gossip of its end")
        desk.run(f"roost ctl remove {name}", **{name: node.peer})
    for number in (2, 3):
        desk.run(f"scripts/cluster wipe {number}")
        desk.run(f"scripts/cluster restart {number}", seconds=120)
    until(desk.is_well, 90, "a cluster that is well")


@step
def test_everything_stops_and_starts_and_is_forgotten(desk):
    assert there(desk) == desk.said and len(desk.said) > 5
    desk.run("scripts/cluster stop", seconds=120)
    assert desk.run("scripts/cluster status").count("not running") == 3
    desk.run("scripts/cluster start", seconds=120)
    until(lambda: there(desk) == desk.said, 30, "what was said")
    desk.run("scripts/cluster wipe", seconds=120)
    assert not (desk.folder / "run").exists()


@step
def test_every_command_of_the_page_is_run(desk):
    page = commands()
    assert len(page) > 30
    missing = page - desk.tried - set(ELSEWHERE) - SHORT
    assert not missing, missing
    assert not set(ELSEWHERE) - page and not SHORT - page, "what is no longer on the page"
    for file, words in ELSEWHERE.values():
        assert words in (ROOT / file).read_text(), f"{words} is not in {file}"
