"""What belongs to one person, through three nodes: written on one, read at once on the others, with no pause and no second
try. Only what waits for a time is waited for, within a bound."""
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import websockets.sync.client as sync_ws
from websockets.exceptions import ConnectionClosed

from roostkit.rest import login, unique
from test_rest import check_problem


def ahead(seconds):
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def socket_of(person, node):
    socket = sync_ws.connect(node.ws, open_timeout=5, proxy=None)
    socket.send(json.dumps({"type": "auth", "token": person.token}))
    ready = json.loads(socket.recv(timeout=5))
    assert ready["type"] == "ready", ready
    return socket


def frame(socket, kind, seconds=3):
    """The next frame of this type."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            got = json.loads(socket.recv(timeout=left))
        except TimeoutError:
            break
        if got["type"] == kind:
            return got
    raise AssertionError(f"no {kind} within {seconds} s")


def notifications(person, node, **query):
    answer = person.on(node).get("/v1/notifications", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def within(seconds, look):
    """What `look` gives once it is true, asked again for so long at most."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.05)


@pytest.fixture
def room(cluster, ada, ben):
    channel = ada.channel()
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    return channel["id"]


# Profiles

def test_a_profile_changed_on_one_node_is_so_on_the_others(cluster, ada, ben):
    until = ahead(3600)
    answer = ada.patch("/v1/users/me", {"display_name": "Ada L.", "email": "ada@example.org", "status_text": "out",
                                        "status_until": until})
    assert answer.status_code == 200, answer.text
    for node in cluster.nodes:
        mine = ada.on(node).get("/v1/users/me").json()
        assert mine == answer.json()
        theirs = ben.on(node).get(f"/v1/users/{ada.id}").json()
        assert theirs["display_name"] == "Ada L." and theirs["status_text"] == "out"
        assert theirs["status_until"] == until and "email" not in theirs
        found = ben.on(node).get("/v1/users", params={"query": ada.name}).json()["items"]
        assert [u["display_name"] for u in found] == ["Ada L."]
    cleared = ada.patch("/v1/users/me", {"email": None, "status_text": ""}).json()
    assert cleared["email"] is None and cleared["status_text"] == "" and cleared["status_until"] is None


def test_a_wrong_profile_names_every_field(ada):
    answer = ada.patch("/v1/users/me", {"display_name": "", "email": "nobody", "status_text": "x" * 101,
                                        "status_until": "2020-01-01T00:00:00Z", "avatar_file_id": "fil_1"})
    problem = check_problem(answer, 422, "invalid")
    assert {e["field"] for e in problem["errors"]} == {
        "display_name", "email", "status_text", "status_until", "avatar_file_id"}


def test_a_status_ends_at_its_time(cluster, ada):
    ada.patch("/v1/users/me", {"status_text": "lunch", "status_until": ahead(1)})
    assert ada.get("/v1/users/me").json()["status_text"] == "lunch"
    assert within(8, lambda: ada.on(cluster.nodes[1]).get("/v1/users/me").json()["status_text"] == "")


def test_other_devices_hear_of_a_new_profile_and_settings(cluster, ada):
    with socket_of(ada, cluster.nodes[2]) as socket:
        ada.patch("/v1/users/me", {"status_text": "here"})
        assert frame(socket, "user.updated")["user"]["status_text"] == "here"
        ada.put("/v1/users/me/settings", {"theme": "dark"})
        frame(socket, "settings.updated")


def test_settings_put_on_one_node_are_so_on_the_others(cluster, ada, room):
    assert ada.get("/v1/users/me/settings").json() == {
        "notifications": {"level": "mentions", "channels": {}, "quiet_hours": None}, "theme": "", "language": ""}
    wanted = {"notifications": {"level": "all", "channels": {room: {"level": None, "muted": True}},
                                "quiet_hours": {"from": "22:00", "to": "07:30", "utc_offset_minutes": 60,
                                                "days": [1, 2, 7]}},
              "theme": "dark", "language": "de"}
    answer = ada.put("/v1/users/me/settings", wanted)
    assert answer.status_code == 200 and answer.json() == wanted, answer.text
    for node in cluster.nodes:
        assert ada.on(node).get("/v1/users/me/settings").json() == wanted
        channels = ada.on(node).get("/v1/users/me/channels").json()["items"]
        assert [c["muted"] for c in channels if c["id"] == room] == [True]


@pytest.mark.neighbours
@pytest.mark.parametrize("body", [
    {"notifications": []}, {"notifications": {"level": "some"}}, {"notifications": {"channels": {"chn_x": {}}}},
    {"notifications": {"quiet_hours": {"from": "24:00", "to": "07:00"}}},
    {"notifications": {"quiet_hours": {"from": "22:00", "to": "07:00", "days": [0]}}},
    {"notifications": {"quiet_hours": {"from": "22:00", "to": "07:00", "utc_offset_minutes": 9999}}},
    {"theme": 7}, {"language": "x" * 65},
])
def test_wrong_settings_are_refused_and_change_nothing(ada, body):
    before = ada.get("/v1/users/me/settings").json()
    check_problem(ada.put("/v1/users/me/settings", body), 422, "invalid")
    assert ada.get("/v1/users/me/settings").json() == before


# Sessions

@pytest.mark.serial
def test_a_session_ended_on_one_node_is_over_on_all(cluster, ada):
    other = login(cluster.nodes[1], ada.name)
    items = ada.get("/auth/sessions").json()["items"]
    assert len(items) == 2 and [s["current"] for s in items] == [False, True]
    assert set(items[0]) == {"id", "created_at", "last_used_at", "expires_at", "user_agent", "address", "current"}
    assert items[0]["address"] == "127.0.0.1" and "httpx" in items[0]["user_agent"]
    with socket_of(other, cluster.nodes[2]) as socket:
        begun = time.monotonic()
        assert ada.delete(f"/auth/sessions/{items[0]['id']}").status_code == 204
        # A node hears of it a moment after the one that was asked: within a second.
        for node in cluster.nodes:
            while (answer := other.on(node).get("/v1/users/me")).status_code != 401:
                assert answer.status_code == 200 and time.monotonic() - begun < 1, answer.text
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=2)
        assert closed.value.rcvd.code == 4403 and time.monotonic() - begun < 1
    for node in cluster.nodes:
        assert [s["current"] for s in ada.on(node).get("/auth/sessions").json()["items"]] == [True]
    check_problem(ada.delete(f"/auth/sessions/{items[0]['id']}"), 404, "not_found")


def test_nobody_sees_or_ends_the_sessions_of_another(cluster, ada, ben):
    session = ben.get("/auth/sessions").json()["items"][0]["id"]
    check_problem(ada.delete(f"/auth/sessions/{session}"), 404, "not_found")
    assert ben.on(cluster.nodes[2]).get("/v1/users/me").status_code == 200


def test_all_other_sessions_end_at_once(cluster, ada):
    others = [login(node, ada.name) for node in cluster.nodes]
    pages, cursor = [], None
    while True:
        page = ada.get("/auth/sessions", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len({s["id"] for s in pages}) == 4 and len(pages) == 4
    assert ada.delete("/auth/sessions").status_code == 204
    for other in others:
        for node in cluster.nodes:
            assert within(1, lambda: other.on(node).get("/v1/users/me").status_code == 401), node.name
    assert ada.get("/v1/users/me").status_code == 200


# Notifications

def test_a_mention_is_in_the_inbox_of_every_node_at_once(cluster, ada, ben, room):
    with socket_of(ada, cluster.nodes[2]) as socket:
        message = ben.say(room, f"@{ada.name} look")
        for node in cluster.nodes:
            inbox = notifications(ada, node)
            assert inbox["unread"] == 1 and inbox["next_cursor"] is None
            (item,) = inbox["items"]
            assert item | {"at": None} == {
                "id": "ntf_1", "type": "mention", "channel_id": room, "message_id": message["id"],
                "actor_id": ben.id, "read": False, "at": None}
        assert frame(socket, "notification.created")["notification"] == item
    assert notifications(ben, cluster.nodes[0])["items"] == []
    answer = ada.put("/v1/notifications/read", {"ids": ["ntf_1", "ntf_99"]})
    assert (answer.status_code, answer.json()) == (200, {"unread": 0})
    for node in cluster.nodes:
        assert notifications(ada, node)["items"][0]["read"] is True
        assert notifications(ada, node, unread="true")["items"] == []


def test_inboxes_are_read_in_pages_by_type_and_through_an_entry(cluster, ada, ben, room):
    for number in range(5):
        ben.on(cluster.nodes[number % 3]).say(room, f"@{ada.name} {number}")
    seen, cursor = [], None
    for node in (cluster.nodes * 3)[:3]:
        page = notifications(ada, node, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [i["id"] for i in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["ntf_5", "ntf_4", "ntf_3", "ntf_2", "ntf_1"] and cursor is None
    assert notifications(ada, cluster.nodes[1], type="thread")["items"] == []
    assert ada.put("/v1/notifications/read", {"through": "ntf_3"}).json() == {"unread": 2}
    unread = notifications(ada, cluster.nodes[2], unread="true")
    assert [i["id"] for i in unread["items"]] == ["ntf_5", "ntf_4"]
    check_problem(ada.get("/v1/notifications", params={"type": "other"}), 422, "invalid")
    for body in ({}, {"ids": ["x"]}, {"ids": 1}, {"through": "ntf_0"}):
        check_problem(ada.put("/v1/notifications/read", body), 422, "invalid")


def test_who_wants_no_notifications_of_a_channel_gets_none(cluster, ada, ben, room):
    ada.put("/v1/users/me/settings", {"notifications": {"channels": {room: {"level": "none"}}}})
    ben.say(room, f"@{ada.name}")
    assert notifications(ada, cluster.nodes[2])["items"] == []


def test_quiet_hours_keep_the_entry_and_tell_nobody(cluster, ada, ben, room):
    hours = {"from": "00:00", "to": "00:00", "utc_offset_minutes": 0}
    ada.put("/v1/users/me/settings", {"notifications": {"quiet_hours": hours}})
    with socket_of(ada, cluster.nodes[1]) as socket:
        ben.say(room, f"@{ada.name}")
        assert len(notifications(ada, cluster.nodes[2])["items"]) == 1
        with pytest.raises(AssertionError):
            frame(socket, "notification.created", 0.5)


# Keyed requests

def test_one_key_on_every_node_at_once_makes_one_thing(cluster, ada, room):
    at = ahead(3600)
    for path, body in (("/v1/reminders", {"text": "look", "at": at}),
                       ("/v1/scheduled", {"channel_id": room, "text": "later", "send_at": at})):
        key = {"Idempotency-Key": unique("key")}
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda n: ada.on(n).post(path, body, headers=key), cluster.nodes))
        assert [a.status_code for a in answers] == [201] * 3, [a.text for a in answers]
        assert len({a.json()["id"] for a in answers}) == 1
        for node in cluster.nodes:
            assert len(ada.on(node).get(path).json()["items"]) == 1
            assert ada.on(node).post(path, body, headers=key).json()["id"] == answers[0].json()["id"]
            check_problem(ada.on(node).post(path, body | {"text": "x"}, headers=key), 422, "idempotency_key_reused")


def test_a_repetition_gets_the_first_answer_even_when_the_thing_is_gone(cluster, ada):
    key = {"Idempotency-Key": unique("key")}
    body = {"text": "look", "at": ahead(3600)}
    first = ada.post("/v1/reminders", body, headers=key)
    assert ada.delete(f"/v1/reminders/{first.json()['id']}").status_code == 204
    again = ada.on(cluster.nodes[1]).post("/v1/reminders", body, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert ada.on(cluster.nodes[2]).get("/v1/reminders").json()["items"] == []


def test_what_was_wrong_is_wrong_again_and_keys_of_two_people_are_two(cluster, ada, ben):
    key = {"Idempotency-Key": unique("key")}
    for node in cluster.nodes:
        check_problem(ada.on(node).post("/v1/reminders", {}, headers=key), 422, "invalid")
    assert ben.post("/v1/reminders", {"text": "x", "at": ahead(60)}, headers=key).status_code == 201


# Drafts

def test_a_draft_begun_on_one_node_goes_on_on_another(cluster, ada, room):
    root = ada.say(room, "root")["id"]
    assert ada.put(f"/v1/users/me/drafts/{room}", {"text": "half a"}).status_code == 200
    with socket_of(ada, cluster.nodes[2]) as socket:
        answer = ada.on(cluster.nodes[1]).put(f"/v1/users/me/drafts/{room}", {"text": "half a thought"})
        assert answer.status_code == 200, answer.text
        assert frame(socket, "draft.updated")["channel_id"] == room
    assert ada.put(f"/v1/users/me/drafts/{room}?thread_id={root}", {"text": "reply"}).status_code == 200
    for node in cluster.nodes:
        items = ada.on(node).get("/v1/users/me/drafts").json()["items"]
        assert [(d["thread_id"], d["text"]) for d in items] == [(None, "half a thought"), (root, "reply")]
    assert ada.delete(f"/v1/users/me/drafts/{room}").status_code == 204
    assert ada.delete(f"/v1/users/me/drafts/{room}").status_code == 204
    for node in cluster.nodes:
        assert [d["text"] for d in ada.on(node).get("/v1/users/me/drafts").json()["items"]] == ["reply"]


def test_nobody_drafts_for_a_channel_that_it_does_not_see(ada, ben):
    secret = ada.channel(kind="private")["id"]
    check_problem(ben.put(f"/v1/users/me/drafts/{secret}", {"text": "x"}), 404, "not_found")
    check_problem(ada.put(f"/v1/users/me/drafts/{secret}?thread_id=x", {"text": "x"}), 422, "invalid")


# Scheduled messages and reminders

def test_a_scheduled_message_is_posted_once_at_its_time(cluster, ada, room):
    answer = ada.post("/v1/scheduled", {"channel_id": room, "text": "later", "send_at": ahead(1)})
    assert answer.status_code == 201, answer.text
    assert ada.on(cluster.nodes[1]).get("/v1/scheduled").json()["items"] == [answer.json()]
    posted = within(8, lambda: ada.on(cluster.nodes[2]).history(room))
    assert [(m["text"], m["user_id"]) for m in posted] == [("later", ada.id)]
    for node in cluster.nodes:
        assert ada.on(node).get("/v1/scheduled").json()["items"] == []
    check_problem(ada.delete(f"/v1/scheduled/{answer.json()['id']}"), 404, "not_found")


def test_a_cancelled_message_is_not_posted(cluster, ada, room):
    message = ada.post("/v1/scheduled", {"channel_id": room, "text": "never", "send_at": ahead(2)}).json()
    assert ada.on(cluster.nodes[1]).delete(f"/v1/scheduled/{message['id']}").status_code == 204
    ada.post("/v1/scheduled", {"channel_id": room, "text": "after", "send_at": ahead(2.5)})
    assert [m["text"] for m in within(8, lambda: ada.history(room))] == ["after"]


def test_who_may_not_post_any_more_is_told(cluster, ada, ben, room):
    ben.post("/v1/scheduled", {"channel_id": room, "text": "too late", "send_at": ahead(1)})
    assert ada.delete(f"/v1/channels/{room}/members/{ben.id}").status_code == 204
    told = within(8, lambda: notifications(ben, cluster.nodes[2], type="scheduled_failed")["items"])
    assert [(i["channel_id"], i["message_id"], i["text"]) for i in told] == [(room, None, "too late")]
    assert ada.history(room) == []
    check_problem(ben.post("/v1/scheduled", {"channel_id": room, "text": "x", "send_at": ahead(9)}), 403, "forbidden")
    check_problem(ada.post("/v1/scheduled", {"channel_id": room, "text": "x", "send_at": ahead(-9)}), 422, "invalid")


def test_a_reminder_comes_at_its_time(cluster, ada, ben, room):
    message = ada.say(room, "remember")["id"]
    with socket_of(ada, cluster.nodes[1]) as socket:
        answer = ada.post("/v1/reminders", {"message_id": message, "text": "look", "at": ahead(1)})
        assert answer.status_code == 201, answer.text
        told = frame(socket, "notification.created", 8)["notification"]
        assert (told["type"], told["message_id"], told["text"]) == ("reminder", message, "look")
        assert notifications(ada, cluster.nodes[2])["items"] == [told]
    secret = ada.channel(kind="private")["id"]
    hidden = ada.say(secret, "hidden")["id"]
    check_problem(ben.post("/v1/reminders", {"message_id": hidden, "at": ahead(9)}), 404, "not_found")
