"""What becomes of messages, through three nodes: written on one, read at once on the others, with no pause and no
second try."""
import random
from urllib.parse import quote

import pytest

from test_rest import check_problem

pytestmark = pytest.mark.neighbours


@pytest.fixture
def room(ada, ben):
    """A public channel of Ada's that Ben has joined: seqs 1 and 2."""
    channel = ada.channel()
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    return channel["id"]


def everywhere(cluster, person, path):
    """The same on every node: what they all say."""
    answers = [person.on(node).get(path) for node in cluster.nodes]
    assert {a.status_code for a in answers} == {answers[0].status_code}, [a.text for a in answers]
    assert all(a.json() == answers[0].json() for a in answers) or answers[0].status_code >= 400
    return answers[0]


def message(cluster, person, id):
    answer = everywhere(cluster, person, f"/v1/messages/{id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_edit_is_seen_at_once_and_keeps_what_was(cluster, ada, ben, room):
    sent = ada.say(room, "first")
    answer = ada.on(cluster.nodes[1]).patch(f"/v1/messages/{sent['id']}", {"text": "second"})
    assert answer.status_code == 200, answer.text
    edited = answer.json()
    assert edited["text"] == "second" and edited["edited_at"] and edited["created_at"] == sent["created_at"]
    assert message(cluster, ben, sent["id"])["text"] == "second"
    texts = everywhere(cluster, ben, f"/v1/messages/{sent['id']}/history").json()["items"]
    assert [t["text"] for t in texts] == ["first", "second"]
    assert [t["seq"] for t in texts] == [sent["seq"], sent["seq"] + 1]
    # The same text is no edit, and never edited means one text.
    again = ada.on(cluster.nodes[2]).patch(f"/v1/messages/{sent['id']}", {"text": "second"})
    assert again.status_code == 200 and again.json()["edited_at"] == edited["edited_at"]
    plain = ada.say(room, "plain")
    assert [t["text"] for t in everywhere(cluster, ada, f"/v1/messages/{plain['id']}/history").json()["items"]] == ["plain"]


def test_who_may_edit(cluster, ada, ben, room, person):
    sent = ada.say(room, "mine")
    check_problem(ben.patch(f"/v1/messages/{sent['id']}", {"text": "yours"}), 403, "forbidden")
    check_problem(person().patch(f"/v1/messages/{sent['id']}", {"text": "x"}), 403, "forbidden")
    hidden = ada.channel(kind="private")
    secret = ada.say(hidden["id"], "secret")
    check_problem(ben.patch(f"/v1/messages/{secret['id']}", {"text": "x"}), 404, "not_found")
    check_problem(ada.patch(f"/v1/messages/{room}.1", {"text": "x"}), 404, "not_found")
    for body in ({}, {"text": ""}, {"text": "x" * 16385}, {"text": 1}):
        check_problem(ada.patch(f"/v1/messages/{sent['id']}", body), 422, "invalid")


def test_a_deletion_leaves_a_tombstone_everywhere(cluster, ada, ben, room):
    sent = ada.say(room, f"gone @{ben.name}")
    assert ben.put(f"/v1/messages/{sent['id']}/reactions/wave").status_code == 200
    assert ada.on(cluster.nodes[2]).delete(f"/v1/messages/{sent['id']}").status_code == 204
    tomb = message(cluster, ben, sent["id"])
    assert tomb["deleted_at"] and "text" not in tomb and tomb["reactions"] == []
    assert everywhere(cluster, ben, f"/v1/messages/{sent['id']}/history").json()["items"] == []
    assert everywhere(cluster, ben, f"/v1/messages/{sent['id']}/reactions").json()["items"] == []
    assert ada.delete(f"/v1/messages/{sent['id']}").status_code == 204
    check_problem(ada.patch(f"/v1/messages/{sent['id']}", {"text": "back"}), 404, "not_found")
    check_problem(ben.put(f"/v1/messages/{sent['id']}/reactions/wave"), 404, "not_found")
    other = ada.say(room, "stays")
    check_problem(ben.delete(f"/v1/messages/{other['id']}"), 403, "forbidden")


def test_moderators_delete_where_they_are_not(cluster, ada, room, person):
    hidden = ada.channel(kind="private")
    sent = ada.say(hidden["id"], "rude")
    moderator = person("moderator")
    check_problem(moderator.delete(f"/v1/messages/{sent['id']}"), 404, "not_found")
    check_problem(ada.delete(f"/v1/admin/messages/{sent['id']}"), 403, "forbidden")
    assert moderator.on(cluster.nodes[1]).delete(f"/v1/admin/messages/{sent['id']}").status_code == 204
    assert message(cluster, ada, sent["id"])["deleted_at"]
    check_problem(moderator.delete(f"/v1/admin/messages/{hidden['id']}.99"), 404, "not_found")


def test_reactions(cluster, ada, ben, room):
    sent = ada.say(room, "hello")
    path = f"/v1/messages/{sent['id']}/reactions"
    assert ben.on(cluster.nodes[1]).put(f"{path}/{quote(':wave:')}").status_code == 200
    assert ada.on(cluster.nodes[2]).put(f"{path}/wave").status_code == 200
    answer = ada.put(f"{path}/{quote('👍🏽')}")
    expected = [{"emoji": "wave", "count": 2, "user_ids": [ben.id, ada.id]},
                {"emoji": "👍🏽", "count": 1, "user_ids": [ada.id]}]
    assert answer.json()["items"] == expected
    assert everywhere(cluster, ben, path).json()["items"] == expected
    assert message(cluster, ben, sent["id"])["reactions"] == expected
    for _ in range(2):
        assert ben.delete(f"{path}/wave").status_code == 204
    assert message(cluster, ben, sent["id"])["reactions"][0]["emoji"] == "wave"
    assert message(cluster, ben, sent["id"])["reactions"][0]["count"] == 1
    one = ada.get(f"{path}?limit=1").json()
    two = ada.on(cluster.nodes[1]).get(f"{path}?limit=1&cursor={one['next_cursor']}").json()
    assert [g["emoji"] for g in one["items"] + two["items"]] == ["wave", "👍🏽"] and two["next_cursor"] is None
    check_problem(ada.put(f"{path}/{quote('a b')}"), 404, "not_found")


def test_the_hundred_and_first_emoji_is_refused(cluster, ada, room):
    sent = ada.say(room, "hello")
    for number in range(100):
        node = cluster.nodes[number % 3]
        assert ada.on(node).put(f"/v1/messages/{sent['id']}/reactions/e{number}").status_code == 200
    check_problem(ada.put(f"/v1/messages/{sent['id']}/reactions/e100"), 403, "quota")


def test_pins(cluster, ada, ben, room):
    first, second = ada.say(room, "one"), ada.say(room, "two")
    for sent, node in ((first, cluster.nodes[1]), (second, cluster.nodes[2])):
        answer = ben.on(node).put(f"/v1/messages/{sent['id']}/pin")
        assert answer.status_code == 200 and answer.json()["pinned_at"], answer.text
    pins = everywhere(cluster, ada, f"/v1/channels/{room}/pins").json()["items"]
    assert [p["id"] for p in pins] == [second["id"], first["id"]]
    assert ada.delete(f"/v1/messages/{first['id']}/pin").status_code == 204
    assert [p["id"] for p in everywhere(cluster, ben, f"/v1/channels/{room}/pins").json()["items"]] == [second["id"]]
    assert ada.delete(f"/v1/messages/{second['id']}").status_code == 204
    assert everywhere(cluster, ben, f"/v1/channels/{room}/pins").json()["items"] == []


def test_threads(cluster, ada, ben, room):
    root = ada.say(room, "root")
    replies = []
    for number in range(3):
        node = cluster.nodes[number]
        answer = ben.on(node).post(f"/v1/threads/{root['id']}/replies", {"text": f"reply {number}"})
        assert answer.status_code == 202, answer.text
        replies.append(answer.json())
        shown = message(cluster, ada, root["id"])
        assert (shown["reply_count"], shown["last_reply_at"]) == (number + 1, replies[-1]["created_at"])
        assert shown["participants"] == [ben.id]
    thread = everywhere(cluster, ada, f"/v1/threads/{root['id']}").json()
    assert [r["id"] for r in thread["items"]] == [r["id"] for r in replies]
    assert thread["root"]["id"] == root["id"] and thread["following"] and thread["unread"] == 3
    assert everywhere(cluster, ada, f"/v1/threads/{replies[1]['id']}").json()["root"]["id"] == root["id"]
    read = ada.put(f"/v1/threads/{root['id']}/read", {"seq": replies[1]["seq"]})
    assert read.json() == {"following": True, "read_seq": replies[1]["seq"], "unread": 1}
    assert everywhere(cluster, ada, f"/v1/threads/{root['id']}").json()["unread"] == 1
    assert ada.delete(f"/v1/threads/{root['id']}/follow").status_code == 204
    assert not everywhere(cluster, ada, f"/v1/threads/{root['id']}").json()["following"]
    assert ada.put(f"/v1/threads/{root['id']}/follow").json()["following"]
    assert everywhere(cluster, ada, f"/v1/threads/{root['id']}").json()["following"]

    page = ada.get(f"/v1/threads/{root['id']}?limit=2").json()
    rest = ada.on(cluster.nodes[1]).get(f"/v1/threads/{root['id']}?limit=2&cursor={page['next_cursor']}").json()
    assert [r["id"] for r in page["items"] + rest["items"]] == [r["id"] for r in replies]

    assert ben.delete(f"/v1/messages/{replies[2]['id']}").status_code == 204
    shown = message(cluster, ada, root["id"])
    assert (shown["reply_count"], shown["last_reply_at"]) == (2, replies[1]["created_at"])
    check_problem(ada.post(f"/v1/threads/{replies[0]['id']}/replies", {"text": "nested"}), 422, "invalid")
    check_problem(ada.post(f"/v1/threads/{room}.99999/replies", {"text": "nowhere"}), 404, "not_found")


def test_mentions_are_found_and_counted(cluster, ada, ben, room):
    sent = ada.say(room, f"👋 @{ben.name}, `@{ada.name}` and nobody@{ben.name}")
    assert sent["parsed"]["mentions"] == [ben.id]
    assert sent["parsed"]["entities"] == [
        {"type": "mention", "offset": 3, "length": len(ben.name) + 1, "user_id": ben.id},
        {"type": "code", "offset": len(ben.name) + 6, "length": len(ada.name) + 3, "open": 1, "close": 1},
    ]
    assert message(cluster, ben, sent["id"])["parsed"] == sent["parsed"]
    loud = ada.on(cluster.nodes[1]).say(room, "@channel look")
    assert loud["parsed"]["mentions_channel"]

    def mentions(node):
        items = ben.on(node).get("/v1/users/me/channels?limit=200").json()["items"]
        return next(c["mentions"] for c in items if c["id"] == room)

    assert [mentions(node) for node in cluster.nodes] == [2, 2, 2]
    assert ada.patch(f"/v1/messages/{sent['id']}", {"text": "nobody"}).status_code == 200
    assert [mentions(node) for node in cluster.nodes] == [1, 1, 1]
    assert ada.on(cluster.nodes[2]).delete(f"/v1/messages/{loud['id']}").status_code == 204
    assert [mentions(node) for node in cluster.nodes] == [0, 0, 0]


def test_flags_have_one_id_a_person(cluster, ada, ben, room):
    sent = ada.say(room, "rude")
    first = ben.post(f"/v1/messages/{sent['id']}/flag", {"reason": "rude"})
    assert first.status_code == 201, first.text
    second = ben.on(cluster.nodes[2]).post(f"/v1/messages/{sent['id']}/flag", {"reason": "still"})
    assert second.json() == first.json()
    check_problem(ben.post(f"/v1/messages/{sent['id']}/flag", {}), 422, "invalid")
    check_problem(ben.post(f"/v1/messages/{room}.99/flag", {"reason": "?"}), 404, "not_found")


def test_attachments_come_back_as_they_were(cluster, ada, room):
    attachments = [{"title": "a", "fields": [1, None, "é"]}]
    answer = ada.post("/v1/messages", {"channel_id": room, "text": "with", "attachments": attachments})
    assert answer.status_code == 202 and answer.json()["attachments"] == attachments
    assert message(cluster, ada, answer.json()["id"])["attachments"] == attachments
    check_problem(ada.post("/v1/messages", {"channel_id": room, "text": "x", "attachments": [0] * 21}), 422, "invalid")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_is_the_same_on_every_node_after_each_step(cluster, ada, ben, room, seed):
    """Each step on one node; what it says of the message is what another says of it at once."""
    chance = random.Random(seed)
    texts, reactions, live = {}, {}, []
    people = {ada.id: ada, ben.id: ben}
    for step in range(120):
        person = chance.choice([ada, ben])
        node, other = chance.sample(cluster.nodes, 2)
        there = person.on(node)
        action = chance.choice(["post", "post", "edit", "delete", "react", "unreact", "reply"])
        if action == "post" or not live:
            sent = there.say(room, f"{seed} {step}")
            author = person.id
            live.append((sent["id"], author))
            texts[sent["id"]], reactions[sent["id"]] = sent["text"], set()
            id = sent["id"]
        else:
            id, author = chance.choice(live)
            if action == "edit":
                answer = there.patch(f"/v1/messages/{id}", {"text": f"edit {step}"})
                assert answer.status_code == (200 if author == person.id else 403), answer.text
                if author == person.id:
                    texts[id] = f"edit {step}"
            elif action == "delete":
                # Ada owns the channel.
                may = author == person.id or person is ada
                assert there.delete(f"/v1/messages/{id}").status_code == (204 if may else 403)
                if may:
                    live.remove((id, author))
                    texts[id], reactions[id] = None, set()
            elif action == "react":
                emoji = chance.choice(["a", "b"])
                assert there.put(f"/v1/messages/{id}/reactions/{emoji}").status_code == 200
                reactions[id].add((emoji, person.id))
            elif action == "unreact":
                emoji = chance.choice(["a", "b"])
                assert there.delete(f"/v1/messages/{id}/reactions/{emoji}").status_code == 204
                reactions[id].discard((emoji, person.id))
            else:
                answer = there.post(f"/v1/threads/{id}/replies", {"text": "reply"})
                assert answer.status_code == 202, answer.text
        shown = people[chance.choice(list(people))].on(other).get(f"/v1/messages/{id}").json()
        assert shown.get("text") == texts[id], (seed, step)
        assert {(g["emoji"], u) for g in shown["reactions"] for u in g["user_ids"]} == reactions[id], (seed, step)
