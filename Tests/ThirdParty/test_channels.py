"""What changes about channels, and how far people have read, through three nodes: written on one, read at once on the
others, with no pause and no second try."""
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from roostkit.rest import unique
from test_rest import check_problem

pytestmark = pytest.mark.neighbours


def sidebar(person, node, channel):
    items = person.on(node).get("/v1/users/me/channels?limit=200").json()["items"]
    return next((c for c in items if c["id"] == channel), None)


def counts(person, node, channel):
    entry = sidebar(person, node, channel)
    return entry["read_seq"], entry["unread"], entry["mentions"]


def read(person, node, channel, seq):
    return person.on(node).put(f"/v1/channels/{channel}/read", {"seq": seq})


@pytest.fixture
def room(ada, ben):
    """A public channel of Ada's that Ben has joined: seqs 1 and 2."""
    channel = ada.channel()
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    return channel


def test_unread_is_the_same_on_all_nodes_at_once(cluster, ada, ben, room):
    id = room["id"]
    for number in range(1, 4):
        ada.on(cluster.nodes[number % 3]).say(id, f"message {number}")
        for node in cluster.nodes:
            assert counts(ben, node, id) == (2, number, 0)
            assert counts(ada, node, id) == (2 + number, 0, 0)
    answer = read(ben, cluster.nodes[1], id, 4)
    assert answer.status_code == 200
    assert answer.json() == {"channel_id": id, "read_seq": 4, "unread": 1, "mentions": 0}
    for node in cluster.nodes:
        assert counts(ben, node, id) == (4, 1, 0)
    # Never back; beyond the head is the head.
    assert read(ben, cluster.nodes[2], id, 1).json()["read_seq"] == 4
    assert read(ben, cluster.nodes[0], id, 10**12).json() == {
        "channel_id": id, "read_seq": 5, "unread": 0, "mentions": 0}
    ada.say(id, "again")
    ben.on(cluster.nodes[2]).say(id, "whoever writes has read")
    for node in cluster.nodes:
        assert counts(ben, node, id) == (7, 0, 0)
        assert counts(ada, node, id) == (6, 1, 0)


def test_reading_is_checked(cluster, ada, ben, room):
    path = f"/v1/channels/{room['id']}/read"
    for body in ({}, {"seq": -1}, {"seq": "4"}, {"seq": None}, {"seq": 1.5}):
        check_problem(ben.put(path, body), 422, "invalid")
    missing = "chn_" + "0" * (len(room["id"]) - 4)
    check_problem(ben.put(f"/v1/channels/{missing}/read", {"seq": 1}), 404)
    private = ada.channel(kind="private")
    check_problem(ben.put(f"/v1/channels/{private['id']}/read", {"seq": 1}), 404)
    public = ada.channel()
    check_problem(ben.put(f"/v1/channels/{public['id']}/read", {"seq": 1}), 403, "forbidden")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_of_posts_and_reads_counts_as_the_events_say(cluster, ada, ben, room, seed):
    """500 steps in all; after each one, the node that did not hear of it says what follows from the history."""
    random_ = random.Random(seed)
    id = room["id"]
    people = {ada.id: ada, ben.id: ben}
    markers = {ada.id: 1, ben.id: 2}
    messages, head = [], 2
    for step in range(250):
        who = random_.choice(list(people))
        node, other = random_.sample(cluster.nodes, 2)
        if random_.random() < 0.6:
            made = people[who].on(node).say(id, f"step {step}")
            head += 1
            assert made["seq"] == head
            messages.append((head, who))
            markers[who] = head
        else:
            seq = random_.randint(0, head + 3)
            markers[who] = max(markers[who], min(seq, head))
            assert read(people[who], node, id, seq).json()["read_seq"] == markers[who], f"seed {seed} step {step}"
        for person in people:
            unread = sum(1 for seq, author in messages if seq > markers[person] and author != person)
            assert counts(people[person], other, id) == (markers[person], unread, 0), f"seed {seed} step {step}"


def test_a_topic_and_rules_change_on_all_nodes_at_once(cluster, ada, ben, room):
    path = f"/v1/channels/{room['id']}"
    changed = ben.on(cluster.nodes[1]).patch(path, {"topic": "weather", "colour": "ignored"})
    assert changed.status_code == 200 and changed.json()["topic"] == "weather"
    assert changed.json()["seq"] == 3
    for node in cluster.nodes:
        assert ada.on(node).get(path).json() == changed.json()
    check_problem(ben.patch(path, {"mention_right": "owners"}), 403, "forbidden")
    ruled = ada.on(cluster.nodes[2]).patch(path, {"mention_right": "owners", "retention_days": 30})
    assert (ruled.json()["mention_right"], ruled.json()["retention_days"]) == ("owners", 30)
    for node in cluster.nodes:
        assert ben.on(node).get(path).json() == ruled.json()
    assert ada.patch(path, {"retention_days": None}).json()["retention_days"] is None
    # What is so already is no event.
    before = ada.get(path).json()["seq"]
    assert ada.patch(path, {"topic": "weather"}).json()["seq"] == before
    assert ada.patch(path, {}).json()["seq"] == before
    for body in ({"topic": 5}, {"type": "direct"}, {"mention_right": "all"}, {"retention_days": 0}, {"name": ""}):
        check_problem(ada.patch(path, body), 422, "invalid")


def test_a_channel_that_becomes_private_is_gone_for_others_at_once(cluster, ada, ben, person, room):
    eve = person(node=cluster.nodes[2])
    path = f"/v1/channels/{room['id']}"
    assert ada.on(cluster.nodes[1]).patch(path, {"type": "private"}).status_code == 200
    for node in cluster.nodes:
        check_problem(eve.on(node).get(path), 404)
        assert eve.on(node).get("/v1/channels?query=" + room["name"]).json()["items"] == []
        assert ben.on(node).get(path).json()["type"] == "private"
    assert ada.on(cluster.nodes[2]).patch(path, {"type": "public"}).status_code == 200
    for node in cluster.nodes:
        assert eve.on(node).get(path).status_code == 200
        listed = eve.on(node).get("/v1/channels?query=" + room["name"]).json()["items"]
        assert [c["id"] for c in listed] == [room["id"]]


def test_a_rename_takes_the_new_name_and_frees_the_old_one_at_once(cluster, ada, ben, room):
    path = f"/v1/channels/{room['id']}"
    new = unique("Lounge")
    check_problem(ben.patch(path, {"name": new}), 403, "forbidden")
    renamed = ada.on(cluster.nodes[1]).patch(path, {"name": new})
    assert renamed.status_code == 200 and renamed.json()["name"] == new
    for node in cluster.nodes:
        assert ben.on(node).get(path).json()["name"] == new
        check_problem(ben.on(node).post("/v1/channels", {"name": new.upper(), "type": "public"}), 409, "name_taken")
    taken = ben.on(cluster.nodes[2]).post("/v1/channels", {"name": room["name"], "type": "public"})
    assert taken.status_code == 201, taken.text
    check_problem(ada.patch(path, {"name": room["name"], "topic": "undone"}), 409, "name_taken")
    assert ada.get(path).json()["topic"] == ""
    # The case of the own name only.
    assert ada.patch(path, {"name": new.upper()}).json()["name"] == new.upper()


def test_of_two_channels_that_race_for_a_name_one_gets_it(cluster, ada, ben):
    rooms = [ada.channel(), ben.channel()]
    new = unique("prize")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(
            lambda pair: pair[1].on(cluster.nodes[pair[0] + 1]).patch(f"/v1/channels/{rooms[pair[0]]['id']}", {"name": new}),
            enumerate([ada, ben])))
    assert sorted(a.status_code for a in answers) == [200, 409]
    for node in cluster.nodes:
        names = [ada.on(node).get(f"/v1/channels/{r['id']}").json()["name"] for r in rooms]
        assert names.count(new) == 1


def test_an_archived_channel_is_read_only_on_all_nodes_at_once(cluster, ada, ben, person, room):
    id, path = room["id"], f"/v1/channels/{room['id']}"
    sent = ada.say(id, "before")
    eve = person()
    check_problem(ben.post(f"{path}/archive"), 403, "forbidden")
    assert ada.on(cluster.nodes[1]).post(f"{path}/archive").status_code == 204
    for node in cluster.nodes:
        there = ben.on(node)
        check_problem(there.post("/v1/messages", {"channel_id": id, "text": "x"}), 409, "channel_archived")
        check_problem(there.patch(path, {"topic": "x"}), 409, "channel_archived")
        check_problem(eve.on(node).post(f"{path}/join"), 409, "channel_archived")
        assert there.get(path).json()["archived_at"] is not None
        assert [m["id"] for m in there.history(id)] == [sent["id"]]
        assert eve.on(node).get("/v1/channels?query=" + room["name"]).json()["items"] == []
        shown = eve.on(node).get("/v1/channels?archived=true&query=" + room["name"]).json()["items"]
        assert [c["id"] for c in shown] == [id]
        assert sidebar(ben, node, id)["unread"] == 1
    assert ada.on(cluster.nodes[2]).post(f"{path}/archive").status_code == 204
    assert read(ben, cluster.nodes[2], id, 3).json()["unread"] == 0
    assert ada.on(cluster.nodes[0]).post(f"{path}/unarchive").status_code == 204
    ben.on(cluster.nodes[2]).say(id, "after")


@pytest.mark.strangers
def test_the_channel_of_some_people_is_one_whoever_opens_it(cluster, ada, ben, person):
    first = ada.on(cluster.nodes[0]).post("/v1/dms", {"user_ids": [ben.id]})
    assert first.status_code == 201, first.text
    channel = first.json()
    assert (channel["type"], channel["name"], channel["member_count"]) == ("direct", "", 2)
    for node in cluster.nodes:
        again = ben.on(node).post("/v1/dms", {"user_ids": [ada.id, ben.id]})
        assert again.status_code == 200 and again.json()["id"] == channel["id"]
        for one in (ada, ben):
            assert sidebar(one, node, channel["id"])["type"] == "direct"
    eve = person(node=cluster.nodes[1])
    path = f"/v1/channels/{channel['id']}"
    for node in cluster.nodes:
        check_problem(eve.on(node).get(path), 404)
    for refused in (ada.post(f"{path}/leave"), ada.post(f"{path}/archive"), ada.patch(path, {"name": "us"}),
                    ada.patch(path, {"type": "public"}), ada.put(f"{path}/members/{eve.id}"),
                    ada.delete(f"{path}/members/{ben.id}")):
        check_problem(refused, 403, "forbidden")
    ada.on(cluster.nodes[1]).say(channel["id"], "hello")
    for node in cluster.nodes:
        assert counts(ben, node, channel["id"])[1] == 1
    group = eve.post("/v1/dms", {"user_ids": [ada.id, ben.id]})
    assert group.status_code == 201 and group.json()["type"] == "group" and group.json()["member_count"] == 3
    alone = eve.post("/v1/dms", {"user_ids": [eve.id]})
    assert alone.status_code == 201 and alone.json()["member_count"] == 1


@pytest.mark.strangers
def test_a_direct_channel_opened_on_two_nodes_at_once_is_made_once(cluster, ada, ben):
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(
            lambda pair: pair[0].on(pair[2]).post("/v1/dms", {"user_ids": [pair[1].id]}),
            [(ada, ben, cluster.nodes[1]), (ben, ada, cluster.nodes[2])]))
    assert sorted(a.status_code for a in answers) == [200, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_opening_a_direct_channel_is_checked(cluster, ada, ben):
    for body in ({}, {"user_ids": []}, {"user_ids": ben.id}, {"user_ids": [5]}, {"user_ids": [ben.id] * 10}):
        check_problem(ada.post("/v1/dms", body), 422, "invalid")
    missing = "usr_" + "0" * (len(ben.id) - 4)
    check_problem(ada.post("/v1/dms", {"user_ids": [missing]}), 404)
    check_problem(ada.post("/v1/dms", {"user_ids": ["nobody"]}), 404)


def test_owners_make_owners_and_the_last_one_stays(cluster, ada, ben, person, room):
    path = f"/v1/channels/{room['id']}/members"
    check_problem(ben.put(f"{path}/{ada.id}", {"role": "member"}), 403, "forbidden")
    check_problem(ada.put(f"{path}/{ada.id}", {"role": "member"}), 409)
    check_problem(ada.put(f"{path}/{ben.id}", {"role": "king"}), 422, "invalid")
    made = ada.on(cluster.nodes[1]).put(f"{path}/{ben.id}", {"role": "owner"})
    assert made.status_code == 200 and made.json()["role"] == "owner"
    for node in cluster.nodes:
        roles = {m["user_id"]: m["role"] for m in ada.on(node).get(path).json()["items"]}
        assert roles == {ada.id: "owner", ben.id: "owner"}
    assert ben.on(cluster.nodes[2]).put(f"{path}/{ada.id}", {"role": "member"}).json()["role"] == "member"
    for node in cluster.nodes:
        check_problem(ada.on(node).patch(f"/v1/channels/{room['id']}", {"type": "private"}), 403, "forbidden")
    # A body is not needed.
    assert ben.put(f"{path}/{person().id}").json()["role"] == "member"
