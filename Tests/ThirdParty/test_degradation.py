"""What still works when something is broken: docs/degradation.md, row by row, on real nodes."""
import contextlib
import ctypes
import itertools
import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import websockets
import websockets.sync.client

from chaoskit import control
from chaoskit.disks import LoopDisk, loop_devices_missing
from roostkit import cleartext
from roostkit.load import until
from roostkit.nodes import Cluster
from roostkit.rest import PASSWORD, register, unique

pytestmark = pytest.mark.serial

PAGE = Path(__file__).parents[2] / "docs" / "degradation.md"
OPTIONS = ("--registration", "open", "--rate-limits", "off", "--shards", "16")
# The page's bounds, in seconds, and what a machine that does other things beside may add to them.
WRITE, READ, PAUSE, SLACK = 2.0, 3.0, 5.0, 2.0
# Before it asks anybody, signing up makes a hash of the password: in a debug build that takes seconds.
HASH = 5.0
CLONE_NEWNS = 0x00020000
ROWS = {}


def row(name):
    """Says which row of the page a check executes."""
    def note(check):
        ROWS.setdefault(name, []).append(check.__name__)
        return check
    return note


def timed(call, *arguments, **more):
    began = time.monotonic()
    return call(*arguments, **more), time.monotonic() - began


def together(calls):
    """All of them at once; their results in their order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(timed, *call) for call in calls]]


def assert_refused(answer, seconds, bound, code="unavailable"):
    assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert seconds < bound + SLACK, f"{answer.request.method} {answer.request.url} took {seconds:.2f} s"


# One for all threads: to make one takes longer than most answers. Each request has a connection of its own.
CALLS = httpx.Client(timeout=20, limits=httpx.Limits(max_keepalive_connections=0))


def call(method, person, node, path, **more):
    return CALLS.request(method, node.http + path, headers={"Authorization": f"Bearer {person.token}"}, **more)


def post(person, node, channel, text="on", **more):
    return call("POST", person, node, "/v1/messages", json={"channel_id": channel, "text": text, **more})


def page_of(person, node, channel, **more):
    return call("GET", person, node, "/v1/messages", params={"channel_id": channel, **more})


# MARK: Sockets

@contextlib.contextmanager
def socket_of(person, node):
    """A socket that is signed in; `hello` is what it was greeted with."""
    with websockets.sync.client.connect(node.ws, proxy=None, close_timeout=2) as socket:
        socket.send(json.dumps({"type": "auth", "token": person.token}))
        socket.hello = json.loads(socket.recv(20))
        assert socket.hello["type"] == "ready", socket.hello
        yield socket


def ask(socket, **request):
    """One request and its answer; what comes in between is dropped."""
    request["ref"] = unique("r")
    socket.send(json.dumps(request))
    while True:
        answer = json.loads(socket.recv(20))
        if answer.get("ref") == request["ref"]:
            return answer


def rest_of(socket):
    """What still comes, and the code that it ends with."""
    frames = []
    try:
        while True:
            frames.append(json.loads(socket.recv(30)))
    except websockets.ConnectionClosed as closed:
        return frames, closed.rcvd and closed.rcvd.code


def closed_by(person, node):
    """The code with which a sign-in ends."""
    with websockets.sync.client.connect(node.ws, proxy=None, close_timeout=2) as socket:
        socket.send(json.dumps({"type": "auth", "token": person.token}))
        return rest_of(socket)[1]


# MARK: Majorities, on five nodes

class Five:
    """Five nodes, people and channels enough for every shard to have some."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.people = [register(cluster.nodes[i % 5]) for i in range(8)]
        self.ada = self.people[0]
        self.channels = [self.ada.channel()["id"] for _ in range(24)]
        for channel in self.channels:
            self.ada.say(channel, "before")
        self.settle()

    def settle(self):
        """Whole and quiet."""
        self.cluster.wait_replicated(self.ada.token)
        until(lambda: all(r["lag"] == 0 for s in self.report()["shards"] for r in s["replicas"]
                          if r["role"] == "voter"), 60, "replication")
        self.ids = {node.name: node.ready_line().group(1) for node in self.cluster.nodes}

    def report(self, node=None):
        return self.cluster.report(self.ada.token, node)

    def pair(self, fits):
        """Two nodes, and the numbers of the shards that have no majority without them, for which `fits` holds."""
        voters = {s["id"]: {r["node_id"] for r in s["replicas"] if r["role"] == "voter"}
                  for s in self.report()["shards"]}
        for pair in itertools.combinations(self.cluster.nodes, 2):
            gone = {self.ids[node.name] for node in pair}
            broken = {number for number, nodes in voters.items() if len(nodes & gone) * 2 > len(nodes)}
            if fits(broken):
                return list(pair), broken
        raise AssertionError(f"no two nodes of {voters} do")

    @contextlib.contextmanager
    def without(self, pair, broken):
        """While this lasts the two do not run; it begins when the others have elected whom they can."""
        gone = {self.ids[node.name] for node in pair}
        live = [node for node in self.cluster.nodes if node not in pair]
        for node in pair:
            node.kill()
        try:
            def elected():
                if 0 in broken:
                    return True
                shards = self.report(live[0])["shards"]
                return all(s["leader"] and s["leader"] not in gone for s in shards if s["id"] not in broken)
            until(elected, 30, "new leaders")
            # Who led a shard with these two finds out that it has no majority.
            time.sleep(4)
            yield live
        finally:
            for node in pair:
                node.start()
            for node in pair:
                node.wait_ready(60)
        self.settle()

    def sort_channels(self, node):
        """Which channels can be written to through a node, and which are refused, and how."""
        served, refused = [], []
        for channel, (answer, seconds) in zip(self.channels, together([(post, self.ada, node, c)
                                                                       for c in self.channels])):
            if answer.status_code == 202:
                served.append(channel)
            else:
                assert_refused(answer, seconds, WRITE)
                refused.append(channel)
        return served, refused


@pytest.fixture(scope="module")
def five():
    with Cluster(5, OPTIONS) as cluster:
        cluster.start()
        yield Five(cluster)


@row("one node")
def test_one_node_that_is_gone_costs_a_pause(five):
    gone, node = five.cluster.nodes[0], five.cluster.nodes[1]
    gone.kill()
    began = time.monotonic()

    def write(channel):
        """Sends the same message until it has an answer; returns how long after the node's end that was."""
        key, answers = unique("c"), []
        while time.monotonic() < began + 20:
            answer = post(five.ada, node, channel, client_id=key)
            answers.append(answer.status_code)
            if answer.status_code == 202:
                break
        return answers, time.monotonic() - began
    written = [result for result, _ in together([(write, channel) for channel in five.channels])]
    for answers, seconds in written:
        assert answers[-1] == 202 and set(answers) <= {202, 503} and seconds < PAUSE + SLACK
    for channel in five.channels:
        assert [m["text"] for m in page_of(five.ada, node, channel).json()["items"]] == ["before", "on"]
    gone.start().wait_ready(60)
    five.settle()


@row("most nodes of a shard")
def test_a_shard_without_a_majority_says_so_and_the_others_are_unhurt(five):
    pair, broken = five.pair(lambda broken: broken and 0 not in broken and len(broken) < 8)
    stays = next(node for node in five.cluster.nodes if node not in pair)
    with socket_of(five.ada, stays) as socket, five.without(pair, broken) as live:
        sorted_by = [five.sort_channels(node) for node in live]
        served, refused = sorted_by[0]
        assert served and refused and all(one == sorted_by[0] for one in sorted_by), "nodes do not agree"
        for node in live:
            for channel, (answer, seconds) in zip(five.channels, together([(page_of, five.ada, node, c)
                                                                           for c in five.channels])):
                if channel in served:
                    assert answer.status_code == 200 and len(answer.json()["items"]) == 2 + len(live)
                else:
                    assert_refused(answer, seconds, READ)
        # What was there is shown on every node, when one asks for no more than that.
        for channel in refused:
            local = [page_of(five.ada, node, channel, consistency="local") for node in live]
            assert all(answer.status_code == 200 for answer in local)
            assert all([m["text"] for m in answer.json()["items"]] == ["before", "on"] for answer in local)
        # A search has to ask all shards; in a channel it asks that one's.
        assert_refused(*timed(five.ada.on(live[0]).get, "/v1/search/messages?q=before"), READ)
        found = five.ada.on(live[0]).get("/v1/search/messages", params={"q": "before", "channel_id": served[0]})
        assert found.status_code == 200 and len(found.json()["items"]) == 1

        # A socket that was there stays, and says for each request how it is.
        assert ask(socket, type="send", channel_id=served[0], text="still here")["type"] == "ok"
        no = ask(socket, type="send", channel_id=refused[0], text="nobody hears")
        assert no["type"] == "error" and no["code"] == "unavailable", no
        assert ask(socket, type="ping")["type"] == "pong"
        # A new one needs all that its person is in.
        assert closed_by(five.ada, live[0]) == 1013
    # As soon as one of them is back.
    for channel in refused:
        until(lambda: post(five.ada, five.cluster.nodes[0], channel).status_code == 202, 15, "writing again")


@row("presence")
def test_presence_of_people_whose_shard_has_no_leader_is_the_last_word_and_ready_says_so(five):
    pair, broken = five.pair(lambda broken: broken and 0 not in broken and len(broken) < 8)
    live = [node for node in five.cluster.nodes if node not in pair]
    for person in five.people:
        # Also whom every other node has heard of.
        assert person.on(live[0]).put("/v1/presence", {"status": "dnd"}).status_code == 200
    ids = ",".join(person.id for person in five.people)
    with five.without(pair, broken) as live:
        for node in live:
            answer, seconds = timed(five.ada.on(node).get, f"/v1/presence?user_ids={ids}")
            assert answer.status_code == 200 and seconds < 2 + SLACK
            assert [item["user_id"] for item in answer.json()["items"]] == [p.id for p in five.people]
        well = [person for person in five.people[1:] if person.on(live[0]).get("/v1/users/me").status_code == 200]
        began = time.monotonic()
        assert well
        while time.monotonic() < began + 75:
            flags = []
            for node in live:
                with socket_of(well[0], node) as socket:
                    flags.append(socket.hello["presence"])
            if not all(flags):
                break
            time.sleep(3)
        assert not all(flags), "ready.presence is still true"
        assert time.monotonic() - began > 20, "it did not wait for a new leader"
        assert post(five.ada, live[0], five.sort_channels(live[0])[0][0]).status_code == 202
    for person in five.people:
        assert person.on(five.cluster.nodes[0]).put("/v1/presence", {"status": "online"}).status_code == 200
    time.sleep(2)
    with socket_of(well[0], live[0]) as socket:
        assert socket.hello["presence"] is True


@row("most nodes of the directory")
def test_without_the_directory_nobody_comes_and_everybody_goes_on(five):
    pair, broken = five.pair(lambda broken: 0 in broken and len(broken) < 9)
    stays = next(node for node in five.cluster.nodes if node not in pair)
    with socket_of(five.people[1], stays) as socket, five.without(pair, broken) as live:
        assert ask(socket, type="ping")["type"] == "pong"
        # How many it is is chance: up to seven of sixteen shards are gone with the directory's.
        sorted_by = [five.sort_channels(node) for node in live]
        served, refused = sorted_by[0]
        assert served and all(one == sorted_by[0] for one in sorted_by), "nodes do not agree"
        for node in live:
            ada = five.ada.on(node)
            answers = together([(page_of, five.ada, node, channel) for channel in served])
            assert all(answer.status_code == 200 for answer, _ in answers)
            # Sessions of those whose own shard lives go on.
            renewed = [cleartext.post(node.http + "/auth/refresh", json={"refresh_token": p.grant["refresh_token"]},
                                      timeout=20) for p in five.people]
            assert {a.status_code for a in renewed} <= {200, 503} and any(a.status_code == 200 for a in renewed)
            for person, answer in zip(five.people, renewed):
                if answer.status_code == 200:
                    person.grant["refresh_token"] = answer.json()["refresh_token"]
            alive = next(p for p, a in zip(five.people[1:], renewed[1:]) if a.status_code == 200).on(node)
            done = together([
                (lambda: cleartext.post(node.http + "/auth/register", timeout=20,
                                        json={"username": unique("late"), "password": PASSWORD}),),
                (lambda: cleartext.post(node.http + "/auth/login", timeout=20,
                                        json={"username": five.ada.name, "password": PASSWORD}),),
                (ada.post, "/v1/channels", {"name": unique("late"), "type": "public"}),
                (ada.patch, f"/v1/channels/{served[0]}", {"name": unique("late")}),
                (ada.post, "/v1/admin/invites", {"role": "member"}),
                (ada.put, f"/v1/admin/users/{five.people[1].id}/role", {"role": "moderator"}),
                (ada.get, "/v1/channels"),
                (ada.get, "/v1/users?query=a"),
            ])
            for (answer, seconds), more in zip(done, [HASH] + [0] * len(done)):
                assert_refused(answer, seconds, READ + more)
            assert alive.post(f"/v1/channels/{served[0]}/join").status_code == 204
            ready = cleartext.get(node.http + "/ready")
            assert ready.status_code == 503 and "no known leader" in ready.json()["detail"]
            with socket_of(alive, node) as new:
                assert ask(new, type="ping")["type"] == "pong"
        assert ask(socket, type="ping")["type"] == "pong"


# MARK: Three nodes

@row("a node that drains")
def test_a_node_that_drains_sends_everybody_elsewhere():
    with Cluster(3, OPTIONS) as cluster:
        cluster.start()
        ada = register(cluster.nodes[0])
        cluster.wait_replicated(ada.token)
        channel = ada.channel()["id"]
        *stay, leaver = cluster.nodes
        identity = leaver.ready_line().group(1)
        ready = []

        def watch():
            """What the node says of itself, for as long as it says anything."""
            while leaver.is_running():
                with contextlib.suppress(httpx.TransportError):
                    ready.append(CALLS.get(leaver.http + "/ready").status_code)
                time.sleep(0.01)
        with socket_of(ada, leaver) as socket, ThreadPoolExecutor(2) as pool:
            watching = pool.submit(watch)
            # Read meanwhile: a client that does not read hears of no close either.
            reading = pool.submit(rest_of, socket)
            assert ada.post(f"/v1/cluster/nodes/{identity}/drain").status_code == 204
            while leaver.is_running():
                for node in stay:
                    assert post(ada, node, channel).status_code == 202
                with contextlib.suppress(httpx.TransportError):
                    answer, seconds = timed(post, ada, leaver, channel)
                    if answer.status_code != 202:
                        assert_refused(answer, seconds, WRITE)
            watching.result()
            frames, code = reading.result()
        assert leaver.process.wait(5) == 0
        assert code == 1001 and "reconnect" in [one["type"] for one in frames]
        # It looks at itself once a second, and may be gone before it has seen that it drains.
        assert ready == sorted(ready) and set(ready) <= {200, 503}
        for node in stay:
            assert post(ada, node, channel).status_code == 202


@row("a full disk")
def test_a_full_disk_leaves_reads_and_refuses_writes_where_nobody_has_room(tmp_path):
    reason = os.geteuid() != 0 and "only root may mount" or loop_devices_missing(tmp_path)
    if reason:
        pytest.skip(reason)
    # Mounts that nobody else sees, and that go with this process.
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with Cluster(3, OPTIONS) as cluster:
        disks = []
        for node in cluster.nodes:
            disks.append(LoopDisk(tmp_path / f"{node.name}.img", tmp_path / f"disk-{node.name}", 1024))
            node.folder.mkdir()
            (disks[-1].folder / "data").mkdir(mode=0o700)
            node.data.symlink_to(disks[-1].folder / "data")
        try:
            cluster.start()
            ada = register(cluster.nodes[0])
            cluster.wait_replicated(ada.token)
            channels = [ada.channel()["id"] for _ in range(6)]

            def everywhere():
                return [post(ada, node, channel) for node in cluster.nodes for channel in channels]

            disks[0].fill()
            until(lambda: everywhere() and cleartext.get(cluster.nodes[0].http + "/ready").json()["disk"] == "full", 60,
                  "the node saying that its disk is full")
            # Others lead soon; what it is asked it hands on to them.
            until(lambda: all(a.status_code == 202 for a in everywhere()), 10, "others leading")
            for _ in range(5):
                assert [a.status_code for a in everywhere()] == [202] * 18
            for disk in disks[1:]:
                disk.fill()
            until(lambda: all(a.status_code == 507 for a in everywhere()), 60, "507 on every node")
            for answer in everywhere():
                assert answer.status_code == 507 and answer.json()["code"] == "disk_full"
            for node in cluster.nodes:
                for channel in channels:
                    # Of what was acknowledged last the rows may wait for room: only the past is sure to be shown.
                    assert page_of(ada, node, channel, consistency="local").status_code == 200
                    assert ada.on(node).get(f"/v1/channels/{channel}").status_code == 200
                    answer, seconds = timed(page_of, ada, node, channel)
                    if answer.status_code != 200:
                        assert_refused(answer, seconds, READ)
                assert ada.on(node).get("/v1/users/me/channels").status_code == 200
            for disk in disks:
                disk.free()
            until(lambda: all(a.status_code == 202 for a in everywhere()), 60, "writing again")
        finally:
            for node in cluster.nodes:
                if node.is_running():
                    node.kill()
            for disk in disks:
                # The kernel lets go of a killed process's files a moment after its end.
                until(lambda folder=str(disk.folder): subprocess.run(["umount", folder]).returncode == 0, 10, "unmounting")


# MARK: One node

@row("search")
def test_a_search_index_that_lags_says_so_and_all_else_goes_on():
    with Cluster(1, OPTIONS) as cluster:
        node, = cluster.nodes
        node.folder.mkdir()
        place = node.folder / "control.sock"
        node.environment["ROOST_CHAOS_SOCKET"] = str(place)
        try:
            node.start().wait_ready()
        except AssertionError as error:
            if "no chaos control" in str(error):
                pytest.skip("this build has no failpoints")
            raise
        ada = register(node)
        channel = ada.channel()["id"]
        # Each step of the index waits so long: what is written meanwhile is not in it.
        control.command(place, "failpoint search.index.before sleep:20000")

        def write(count):
            for number in range(count):
                ada.say(channel, f"needle {number}")
        together([(write, 300)] * 8)
        answer, seconds = timed(ada.get, "/v1/search/messages?q=needle")
        assert_refused(answer, seconds, READ, "search_behind")
        assert len(page_of(ada, node, channel).json()["items"]) == 50
        assert post(ada, node, channel).status_code == 202
        assert ada.get("/v1/search/users?q=a").status_code == 200
        control.command(place, "failpoint search.index.before off")
        until(lambda: ada.get("/v1/search/messages?q=needle").status_code == 200, 60, "the index")
        assert len(ada.get("/v1/search/messages?q=needle&limit=200").json()["items"]) == 200


@row("the store of files")
def test_files_are_refused_until_there_are_any(cluster, ada):
    channel = ada.channel()["id"]
    for node in cluster.nodes:
        answer = ada.on(node).post("/v1/messages", {"channel_id": channel, "text": "see this", "file_ids": ["fil_1"]})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "file_ids", answer.text
        assert post(ada, node, channel).status_code == 202


# MARK: The page

def test_every_row_of_the_page_has_its_check():
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE.read_text(), re.M)
    assert rows and len(set(rows)) == len(rows)
    assert set(rows) == set(ROWS)
