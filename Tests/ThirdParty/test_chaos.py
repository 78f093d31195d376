"""A short mix of faults on real processes, as scripts/chaos runs it; and the pieces of its runner that decide."""
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from chaoskit import sandbox
from chaoskit.control import ControlFailure, command
from chaoskit.executor import Executor
from chaoskit.faults import FAULTS, Fault
from chaoskit.faults.files import damage, used
from chaoskit.journal import Journal
from chaoskit.link import Shape
from chaoskit.plan import Mix, make
from chaoskit.verdict import gap_lines, spans

HERE = Path(__file__).parent
NAMES = ["n1", "n2", "n3"]


def chaos(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "chaoskit", *arguments], cwd=HERE, capture_output=True, text=True,
                          timeout=240, env={**os.environ, **environment})


def test_a_short_mix_of_faults_loses_nothing(tmp_path):
    """Kill, SIGSTOP, power loss of all, a partition, a damaged log. Where there are no namespaces, what needs none."""
    refused = sandbox.missing()
    print("in namespaces" if refused is None else f"without namespaces ({refused}): no partition")
    out = tmp_path / "chaos" / "short"
    done = chaos("--mix", "short", "--single", "--every", "5-7", "--seconds", "40", "--heal", "5", "--seed", "2",
                 "--out", str(out), "--world", "auto" if refused is None else "loopback")
    print(done.stdout[-6000:], done.stderr[-2000:])
    if done.returncode == 3:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout[-3000:]
    journal = [json.loads(line) for line in (out / "faults.jsonl").read_text().splitlines()]
    begun = {r["fault"].split()[0] for r in journal if r["phase"] == "begin"}
    left_out = {k.split()[0] for k in json.loads((out / "chaos.json").read_text())["left_out"]}
    assert begun | left_out == {"F1", "F3", "F4", "F5", "F14"}
    assert len(begun) >= 2
    # What is derived from the logs was changed under way, and was compared at every node.
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["operations"] > 100 and verdict["lively_events"] > 50, verdict
    for what in ("sidebar_rows", "lively_messages", "reaction_groups", "member_lists", "thread_views", "pins",
                 "inbox_entries"):
        assert verdict[what] > 20, (what, verdict)


def test_where_nothing_can_run_it_says_so_and_does_not_pass(tmp_path):
    done = chaos("--faults", "F5", "--seconds", "1", PATH=str(tmp_path))
    assert done.returncode == 3
    assert done.stdout.startswith("can not run here: not installed: ip (iproute2)")


@pytest.mark.parametrize("arguments", [("--faults", "F99"), ("--mix", "nonsense"), ("--every", "5"), ("--nodes", "9")])
def test_wrong_use_is_refused_with_status_2(arguments):
    assert chaos(*arguments).returncode == 2


@pytest.mark.parametrize("mix", Mix.all(), ids=lambda mix: mix.name)
def test_a_plan_is_a_function_of_its_seed_and_shows_every_fault_before_one_comes_again(mix):
    kinds = [FAULTS[f] for f in mix.faults]
    seen = set()
    for seed in range(40):
        plan = make(seed, kinds, NAMES, 600, mix.every, mix.fixed)
        assert plan == make(seed, list(reversed(kinds)), NAMES, 600, mix.every, mix.fixed)
        seen.add(tuple(p.line() for p in plan))
        assert {p.fault for p in plan[:len(kinds) + 2]} == set(mix.faults)
        for planned in plan:
            assert 0 <= planned.at and planned.at + planned.seconds <= 600.1
            json.dumps(planned.params)
    assert len(seen) == 40


def test_a_quarter_of_the_steps_is_quiet():
    plan = [make(seed, [FAULTS["F1"]], NAMES, 10_000, (10, 10), single=True) for seed in range(20)]
    share = sum(len(p) for p in plan) / (20 * 1000)
    assert 0.72 < share < 0.78


def record(number, t, phase, target="n1", fault="F1 kill -9", **more):
    return {"number": number, "t_us": t * 1_000_000, "fault": fault, "target": target, "phase": phase, **more}


def test_a_fault_is_alone_where_no_other_is_within_five_seconds():
    found = spans([
        record(1, 10, "begin"), record(1, 12, "end"),
        record(2, 16, "begin", fault="F4 SIGSTOP"), record(2, 20, "end", fault="F4 SIGSTOP"),
        record(3, 40, "begin"), record(3, 40, "begin", "n2"), record(3, 42, "end"), record(3, 43, "end", "n2"),
        record(4, 41, "begin"), record(4, 41, "end", detail="did not begin")])
    assert [(s.number, s.alone, s.end // 1_000_000) for s in found] == [(1, False, 12), (2, False, 20), (3, True, 43)]
    lines = gap_lines({"F1 kill -9": [(9.0, False), (1.5, True)]}, {"F1 kill -9": 2.0})
    assert "over the goal" not in lines[-1]
    assert "over the goal" in gap_lines({"F1 kill -9": [(2.5, True)]}, {"F1 kill -9": 2.0})[-1]


@pytest.mark.parametrize("how", ["flip", "truncate", "zero", "swap"])
def test_damage_changes_bytes_that_are_in_use(tmp_path, how):
    log = tmp_path / "wal"
    log.mkdir()
    original = random.Random(1).randbytes(40_000) + bytes(100_000)
    (log / "0000000002.wal").write_bytes(bytes(140_000))
    for seed in range(50):
        (log / "0000000001.wal").write_bytes(original)
        damage(tmp_path, "log", how, random.Random(seed))
        changed = (log / "0000000001.wal").read_bytes()
        assert changed != original
        assert changed[40_000:] in (bytes(100_000), b"") or len(changed) < 40_000
    assert used(log / "0000000002.wal") == 140_000
    assert (log / "0000000002.wal").read_bytes() == bytes(140_000)


class FakeNode:
    def __init__(self, name):
        self.name = name


class FakeWorld:
    """Enough of a world for faults that do nothing."""

    def __init__(self):
        import threading
        self.destroying = threading.Lock()
        self.found = []
        self.ailment = None

    def ailing(self):
        return self.ailment

    def find(self, text):
        self.found.append(text)


class Nothing(Fault):
    id, name = "F1", "nothing"
    breaks = False

    def targets(self, world):
        return [FakeNode(self.params["target"])]

    def begin(self, world, nodes):
        if self.breaks:
            raise OSError("no such thing")


def execute(tmp_path, monkeypatch, kind, plan, ailment=None):
    monkeypatch.setitem(FAULTS, "F1", kind)
    world = FakeWorld()
    world.ailment = ailment
    journal = Journal(tmp_path / "faults.jsonl")
    executor = Executor(world, journal, lambda *words: None)
    executor.run(make(3, [kind], NAMES, 1.0, (0.3, 0.3), {"": plan}))
    return executor, world, journal.records


def test_two_faults_never_hold_the_same_part_of_a_node(tmp_path, monkeypatch):
    class Long(Nothing):
        seconds = (5.0, 5.0)
    executor, world, records = execute(tmp_path, monkeypatch, Long, {"target": "n1", "seconds": 1.5})
    assert executor.done == 1 and executor.skipped and not world.found
    assert all("held by another fault" in s["reason"] for s in executor.skipped)
    assert [r["phase"] for r in records] == ["begin", "end"]


def test_durable_data_is_taken_away_only_while_the_cluster_is_whole(tmp_path, monkeypatch):
    class Destroyer(Nothing):
        destroys = True
    executor, _, records = execute(tmp_path, monkeypatch, Destroyer, {"target": "n1"}, ailment="n2 not running")
    assert executor.done == 0 and executor.skipped and not records


def test_a_fault_that_breaks_down_fails_the_run(tmp_path, monkeypatch):
    class Broken(Nothing):
        breaks = True
    _, world, records = execute(tmp_path, monkeypatch, Broken, {"target": "n1"})
    assert world.found and "no such thing" in world.found[0]
    assert records[-1]["phase"] == "end"


def test_a_shaped_link_loses_doubles_and_delays_as_asked():
    shape = Shape(delay_ms=20, jitter=0.5, loss=10, doubled=5, reordered=0, rng=random.Random(1))
    sent = [shape.schedule(0.0) for _ in range(20_000)]
    assert 0.09 < sum(not s for s in sent) / len(sent) < 0.11
    assert 0.04 < sum(len(s) == 2 for s in sent) / len(sent) < 0.055
    times = [t for s in sent for t in s]
    assert 0.0099 <= min(times) and max(times) <= 0.0301


def test_a_command_waits_for_a_node_that_has_just_been_started(tmp_path):
    """A fault that met a node in the second after its start was taken for broken down."""
    path = tmp_path / "control.sock"
    with pytest.raises(ControlFailure):
        command(path, "status")

    def listen():
        time.sleep(0.3)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(100) == b"status\n"
                connection.sendall(b"ok pid=1\n")

    node = threading.Thread(target=listen)
    node.start()
    assert command(path, "status", patience=10) == "ok pid=1"
    node.join(10)
    # What a killed process leaves behind is a socket that nobody listens at.
    with pytest.raises(ControlFailure):
        command(path, "status", patience=0.2)
