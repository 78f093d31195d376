"""Who may not know of a thing learns nothing of it: every route and every frame that names one, asked by those who
are outside. Group C of docs/security.md; a docstring begins with the line that its check holds.

The table below has each route of the contract that names something by an id; a route that is in the contract and not
in the table fails the first check.
"""
import asyncio
import json
import re
import statistics
import time
from dataclasses import dataclass

import pytest

from conftest import run
from roostkit import cleartext
from roostkit.rest import register, unique
from test_presence import ahead, ask
from test_socket import connect, signed_in

SECRET = "zanzibarprivate"
NOBODY = "usr_" + "0" * 26
NOWHERE = "chn_" + "0" * 26

# What names a channel or a message, or what is in one: (method, path) -> body or query. `{channel}`, `{message}`,
# `{reply}` and `{member}` stand for the ids that are asked for.
HIDDEN = {
    ("GET", "/v1/channels/{channel}"): None,
    ("PATCH", "/v1/channels/{channel}"): {"topic": "mine now"},
    ("POST", "/v1/channels/{channel}/archive"): {},
    ("POST", "/v1/channels/{channel}/unarchive"): {},
    ("POST", "/v1/channels/{channel}/join"): {},
    ("POST", "/v1/channels/{channel}/leave"): {},
    ("GET", "/v1/channels/{channel}/members"): None,
    ("PUT", "/v1/channels/{channel}/members/{me}"): {"role": "owner"},
    ("PUT", "/v1/channels/{channel}/members/{member}"): {"role": "member"},
    ("DELETE", "/v1/channels/{channel}/members/{member}"): None,
    ("DELETE", "/v1/channels/{channel}/members/{me}"): None,
    ("PUT", "/v1/channels/{channel}/read"): {"seq": 1},
    ("GET", "/v1/channels/{channel}/pins"): None,
    ("POST", "/v1/messages"): {"channel_id": "{channel}", "text": "let me in"},
    ("POST", "/v1/messages?reply"): {"channel_id": "{channel}", "text": "let me in", "thread_id": "{message}"},
    ("GET", "/v1/messages"): {"channel_id": "{channel}"},
    ("GET", "/v1/messages?around"): {"channel_id": "{channel}", "around": 2, "consistency": "local"},
    ("GET", "/v1/messages/{message}"): None,
    ("GET", "/v1/messages/{reply}"): {"consistency": "local"},
    ("PATCH", "/v1/messages/{message}"): {"text": "not what was said"},
    ("DELETE", "/v1/messages/{message}"): None,
    ("GET", "/v1/messages/{message}/history"): None,
    ("PUT", "/v1/messages/{message}/reactions/wave"): {},
    ("DELETE", "/v1/messages/{message}/reactions/sun"): None,
    ("GET", "/v1/messages/{message}/reactions"): None,
    ("PUT", "/v1/messages/{message}/pin"): {},
    ("DELETE", "/v1/messages/{message}/pin"): None,
    ("POST", "/v1/messages/{message}/flag"): {"reason": "look here"},
    ("POST", "/v1/threads/{message}/replies"): {"text": "let me in"},
    ("GET", "/v1/threads/{message}"): None,
    ("GET", "/v1/threads/{reply}"): None,
    ("PUT", "/v1/threads/{message}/follow"): {},
    ("DELETE", "/v1/threads/{message}/follow"): None,
    ("PUT", "/v1/threads/{message}/read"): {"seq": 5},
    ("PUT", "/v1/users/me/drafts/{channel}"): {"text": "a thought"},
    ("POST", "/v1/scheduled"): {"channel_id": "{channel}", "text": "later", "send_at": "{later}"},
    ("POST", "/v1/reminders"): {"message_id": "{message}", "at": "{later}"},
}
# What is one person's own is nobody else's: the owner's id against one that never was.
PERSONAL = {
    ("DELETE", "/auth/sessions/{session}"): None,
    ("DELETE", "/v1/scheduled/{scheduled}"): None,
    ("DELETE", "/v1/reminders/{reminder}"): None,
}
# Lists and own things: they name nothing, so they must show nothing. Checked by `test_no_list_shows…`, and those that
# only make things by the checks of what they make.
UNNAMED = {
    "GET /v1/users/me", "GET /v1/users/me/channels", "GET /v1/users/me/settings", "PUT /v1/users/me/settings",
    "PATCH /v1/users/me", "GET /v1/notifications", "PUT /v1/notifications/read", "GET /v1/users/me/drafts",
    "DELETE /v1/users/me/drafts/{}", "GET /v1/scheduled", "GET /v1/reminders", "PUT /v1/presence", "GET /v1/presence",
    "POST /v1/channels", "GET /v1/channels", "POST /v1/dms", "GET /v1/search/messages", "GET /v1/search/files",
    "GET /v1/users", "GET /v1/search/users", "GET /v1/users/{}", "GET /v1/emoji", "POST /v1/emoji",
    "DELETE /v1/emoji/{}", "GET /auth/sessions", "DELETE /auth/sessions", "POST /auth/logout", "POST /auth/introspect",
}
OPEN = {"/health", "/ready", "/metrics", "/openapi.json", "/.well-known/jwks.json", "/auth/register", "/auth/login",
        "/auth/refresh"}


def shape(path):
    return re.sub(r"\{[^}]*\}|(?<=/reactions/)\w+", "{}", path.split("?")[0])


@pytest.fixture(scope="module")
def contract(cluster):
    paths = cleartext.get(cluster.nodes[0].http + "/openapi.json", timeout=20).json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_is_in_a_table(contract):
    """C: no route that names something is left out."""
    named = {f"{method} {shape(path)}" for method, path in contract}
    covered = {f"{method} {shape(path)}" for method, path in [*HIDDEN, *PERSONAL]} | UNNAMED
    powers = {line for line in named if line.split()[1].startswith(("/v1/admin/", "/v1/cluster"))}
    opened = {line for line in named if line.split()[1] in OPEN}
    assert named - covered - powers - opened == set()
    assert covered - named == set()


@dataclass
class Place:
    """A channel with a thread, a pin, a reaction, a tombstone and an edit, and who is in it."""
    channel: str
    message: str
    reply: str
    member: object
    owner: object

    def names(self, me):
        return {"channel": self.channel, "message": self.message, "reply": self.reply, "member": self.member.id,
                "me": me.id, "later": ahead(3600)}

    def seen(self, node):
        """All that can change in it, as its owner sees it."""
        there = self.owner.on(node)
        return [there.get(path).json() for path in (
            f"/v1/channels/{self.channel}", f"/v1/channels/{self.channel}/members", f"/v1/channels/{self.channel}/pins",
            f"/v1/messages?channel_id={self.channel}&limit=200", f"/v1/messages/{self.message}/reactions",
            f"/v1/threads/{self.message}", "/v1/users/me/channels?limit=200")]


def furnish(channel, owner, member):
    root = owner.say(channel, f"{SECRET} root")
    reply = member.post(f"/v1/threads/{root['id']}/replies", {"text": f"{SECRET} reply"}).json()
    assert owner.put(f"/v1/messages/{root['id']}/pin").status_code == 200
    assert member.put(f"/v1/messages/{root['id']}/reactions/sun").status_code == 200
    assert owner.patch(f"/v1/messages/{root['id']}", {"text": f"{SECRET} root, edited"}).status_code == 200
    gone = owner.say(channel, f"{SECRET} gone")
    assert owner.delete(f"/v1/messages/{gone['id']}").status_code == 204
    return Place(channel, root["id"], reply["id"], member, owner)


@pytest.fixture(scope="module")
def world(cluster):
    """Places, and those who are outside of them."""
    made = type("World", (), {})()
    n1, n2, n3 = cluster.nodes
    made.ada, made.ben = register(n1, unique("ada")), register(n2, unique("ben"))
    made.people = {name: register(node, unique(name)) for name, node in (
        ("stranger", n2), ("removed", n3), ("left", n1), ("guest", n2), ("removed-guest", n3))}
    private = made.ada.channel(kind="private")["id"]
    public = made.ada.channel()["id"]
    for person in (made.ben, made.people["removed"], made.people["left"], made.people["removed-guest"]):
        assert made.ada.put(f"/v1/channels/{private}/members/{person.id}").status_code == 200
    assert made.ada.put(f"/v1/channels/{public}/members/{made.ben.id}").status_code == 200
    direct = made.ada.post("/v1/dms", {"user_ids": [made.ben.id]}).json()["id"]
    group = made.ada.post("/v1/dms", {"user_ids": [made.ben.id, cluster.admin.id]}).json()["id"]
    made.places = {name: furnish(channel, made.ada, made.ben) for name, channel in (
        ("private", private), ("public", public), ("direct", direct), ("group", group))}
    place = made.places["private"]
    # They have been here: with a mention to read, a draft, a thread that they follow, something scheduled, a reminder.
    for name in ("removed", "left", "removed-guest"):
        person = made.people[name]
        assert person.put(f"/v1/users/me/drafts/{private}", {"text": "half"}).status_code == 200
        assert person.put(f"/v1/threads/{place.message}/follow").status_code == 200
        assert person.post("/v1/reminders", {"message_id": place.message, "at": ahead(3600)}).status_code == 201
        made.ada.say(private, f"{SECRET} for @{person.name}")
    for name in ("guest", "removed-guest"):
        answer = cluster.admin.put(f"/v1/admin/users/{made.people[name].id}/role", {"role": "guest"})
        assert answer.status_code == 200
    for name in ("removed", "removed-guest"):
        answer = made.ada.delete(f"/v1/channels/{private}/members/{made.people[name].id}")
        assert answer.status_code == 204
    assert made.people["left"].post(f"/v1/channels/{private}/leave").status_code == 204
    return made


OUTSIDE = [("private", name) for name in ("stranger", "removed", "left", "guest", "removed-guest")] + [
    ("direct", "stranger"), ("direct", "guest"), ("group", "stranger"), ("public", "guest"), ("public", "removed-guest")]


def fill(value, names):
    if isinstance(value, dict):
        return {key: fill(inner, names) for key, inner in value.items()}
    return re.sub(r"\{(\w+)\}", lambda m: names[m[1]], value) if isinstance(value, str) else value


def request(person, method, path, load, names):
    path, load = fill(path.split("?")[0], names), fill(load, names)
    if method == "GET":
        return person.get(path, params=load)
    return person.http.request(method, path, **({} if load is None else {"json": load}))


def told(answer, names):
    """What an answer says, but for what the asker said itself and what names the request."""
    text = answer.text
    for word, name in names.items():
        if word in ("channel", "message", "reply", "session", "scheduled", "reminder"):
            text = text.replace(name, f"<{word}>")
    body = json.loads(text) if text else {}
    body.pop("request_id", None)
    headers = {key: value for key, value in answer.headers.items()
               if key not in ("request-id", "date", "content-length")}
    return answer.status_code, body, headers


@pytest.mark.parametrize("where, who", OUTSIDE)
def test_a_hidden_thing_is_as_a_missing_one(cluster, world, where, who):
    """C1, C2, C5, C15: reading, changing and deleting by id is a 404, word for word that of what never was."""
    place, person = world.places[where], world.people[who]
    hidden = place.names(person)
    seq = place.message.rsplit(".", 1)[1]
    missing = hidden | {"channel": NOWHERE, "message": f"{NOWHERE}.{seq}", "reply": f"{NOWHERE}.{seq}"}
    before = place.seen(cluster.nodes[0])
    for number, ((method, path), load) in enumerate(HIDDEN.items()):
        there = person.on(cluster.nodes[number % 3])
        found = told(request(there, method, path, load, hidden), hidden)
        absent = told(request(there, method, path, load, missing), missing)
        assert found == absent, (method, path)
        assert found[0] == 404 and found[1]["code"] == "not_found", (method, path, found)
        # A body that is wrong tells no more.
        if method not in ("GET", "DELETE"):
            wrong = [told(request(there, method, path, {"channel_id": names["channel"]}, names), names)
                     for names in (hidden, missing)]
            assert wrong[0] == wrong[1] and wrong[0][0] < 500, (method, path, wrong)
    for node in cluster.nodes:
        assert place.seen(node) == before


@pytest.mark.parametrize("where, who", OUTSIDE)
def test_no_list_shows_what_is_hidden(cluster, world, where, who):
    """C8, C20: lists, searches and counts show nothing of a channel that one is outside of."""
    place, person = world.places[where], world.people[who]
    names = world.ada.get(f"/v1/channels/{place.channel}").json()["name"]
    own = {item["id"] for item in person.get("/v1/reminders").json()["items"]}
    for node in cluster.nodes:
        there = person.on(node)
        for path, query in (
                ("/v1/users/me/channels", {"limit": 200}), ("/v1/channels", {"query": names, "archived": "true"}),
                ("/v1/search/messages", {"q": SECRET, "channel_id": place.channel}),
                ("/v1/search/messages", {"q": f"{SECRET} in:#{names or 'nameless'}"}),
                ("/v1/search/messages", {"q": SECRET, "channel_id": place.channel, "consistency": "local"}),
                ("/v1/search/messages", {"q": "has:pin", "channel_id": place.channel}),
                ("/v1/search/files", {"q": SECRET}), ("/v1/scheduled", {})):
            answer = there.get(path, params=query)
            browses = path != "/v1/channels" or "guest" not in who
            assert answer.status_code == (200 if browses else 403), (path, answer.text)
            assert place.channel not in answer.text and SECRET not in answer.text, (path, answer.text)
            if path.startswith("/v1/search/messages"):
                assert answer.json()["items"] == [] and answer.json()["next_cursor"] is None
        # Of notifications and reminders only that they were: an id, never a text.
        for path in ("/v1/notifications", "/v1/reminders"):
            assert SECRET not in there.get(path, params={"limit": 200}).text
        assert {item["id"] for item in there.get("/v1/reminders").json()["items"]} == own


def test_a_search_without_a_channel_leaves_out_what_one_is_outside_of(cluster, world):
    """C8: by words, authors, channels, prefixes and phrases; who is inside finds it, so the search is a good one."""
    place = world.places["private"]
    word = unique("needle").replace("-", "")
    said = world.ada.say(place.channel, f"{word} lies here")
    name = world.ada.get(f"/v1/channels/{place.channel}").json()["name"]
    queries = [word, f"{word[:9]}*", f'"{word} lies"', f"{word} from:@{world.ada.name}", f"{word} in:#{name}",
               f"{word} -nothing", f"{word} after:2020-01-01"]
    for node in cluster.nodes:
        for query in queries:
            found = world.ben.on(node).get("/v1/search/messages", params={"q": query}).json()
            assert [hit["message"]["id"] for hit in found["items"]] == [said["id"]], query
            for person in world.people.values():
                answer = person.on(node).get("/v1/search/messages", params={"q": query})
                assert answer.status_code == 200 and answer.json() == {"items": [], "next_cursor": None}, query
                assert word not in answer.text


@pytest.mark.serial
def test_hidden_and_missing_take_as_long(cluster, world):
    """C1, C8: by the time of an answer nobody tells a hidden thing from a missing one."""
    place, person = world.places["private"], world.people["stranger"]
    pairs = [(f"/v1/channels/{place.channel}", f"/v1/channels/{NOWHERE}"),
             (f"/v1/messages/{place.message}", f"/v1/messages/{NOWHERE}.3"),
             (f"/v1/search/messages?q={SECRET}", "/v1/search/messages?q=neverwasthisword")]
    for pair in pairs:
        times = ([], [])
        for _ in range(40):
            for path, list_ in zip(pair, times):
                began = time.perf_counter()
                person.get(path)
                list_.append(time.perf_counter() - began)
        hidden, missing = map(statistics.median, times)
        # Wide, since the machine may be busy: what it would find is a lookup that only one of them makes.
        assert hidden < 2 * missing + 0.01 and missing < 2 * hidden + 0.01, (pair, hidden, missing)


def test_what_is_one_persons_own_is_nobody_elses(cluster, world):
    """C: drafts, scheduled messages, reminders, sessions, notifications and settings of others."""
    ada, ben = world.ada, world.ben
    place = world.places["private"]
    message = {"channel_id": place.channel, "text": f"{SECRET} later", "send_at": ahead(3600)}
    scheduled = ada.post("/v1/scheduled", message).json()["id"]
    reminder = ada.post("/v1/reminders", {"text": f"{SECRET} soon", "at": ahead(3600)}).json()["id"]
    assert ada.put(f"/v1/users/me/drafts/{place.channel}", {"text": f"{SECRET} half"}).status_code == 200
    ben.say(place.channel, f"@{ada.name} read this")
    session = next(s["id"] for s in ada.get("/auth/sessions").json()["items"] if s["current"])
    own = ("/v1/scheduled", "/v1/reminders", "/v1/users/me/drafts", "/v1/notifications", "/auth/sessions",
           "/v1/users/me/settings")
    before = [ada.get(path).json() for path in own]
    assert before[3]["items"][0]["read"] is False
    hidden = {"scheduled": scheduled, "reminder": reminder, "session": session}
    missing = {key: value.split("_")[0] + "_" + "0" * 26 for key, value in hidden.items()}
    for person in (ben, *world.people.values()):
        for number, ((method, path), load) in enumerate(PERSONAL.items()):
            there = person.on(cluster.nodes[number % 3])
            found = told(request(there, method, path, load, hidden), hidden)
            assert found == told(request(there, method, path, load, missing), missing)
            assert found[0] == 404, (path, found)
        # Entries of an inbox are counted for each person; another's number is one's own, or none.
        ids = [item["id"] for item in before[3]["items"]][:50]
        assert person.put("/v1/notifications/read", {"ids": ids}).status_code == 200
        assert person.delete(f"/v1/users/me/drafts/{place.channel}").status_code == 204
        for path in own:
            assert f"{SECRET} " not in person.get(path).text
    for node in cluster.nodes:
        assert [ada.on(node).get(path).json() for path in own] == before


SOCKET = [
    {"type": "send", "channel_id": "{channel}", "text": "let me in"},
    {"type": "send", "channel_id": "{channel}", "text": "let me in", "thread_id": "{message}"},
    {"type": "fetch", "channel_id": "{channel}", "after": 0, "limit": 10},
    {"type": "subscribe", "channel_ids": ["{channel}"]},
    {"type": "edit", "message_id": "{message}", "text": "not what was said"},
    {"type": "delete", "message_id": "{message}"},
    {"type": "react", "message_id": "{message}", "emoji": "wave"},
    {"type": "unreact", "message_id": "{message}", "emoji": "sun"},
    {"type": "read", "channel_id": "{channel}", "seq": 1},
    {"type": "typing.start", "channel_id": "{channel}"},
    {"type": "typing.stop", "channel_id": "{channel}"},
]


@pytest.mark.parametrize("where, who", OUTSIDE)
def test_a_socket_tells_no_more_than_a_route(cluster, world, where, who):
    """C1, C2, C12: every frame that names something; a resume of a channel that one is outside of is ignored."""
    place, person = world.places[where], world.people[who]
    hidden = place.names(person)
    missing = hidden | {"channel": NOWHERE, "message": f"{NOWHERE}.3"}
    before = place.seen(cluster.nodes[1])

    async def check():
        async with connect(cluster.nodes[2]) as socket:
            ready = await signed_in(socket, person.token, resume={place.channel: 0, NOWHERE: 0})
            assert place.channel not in json.dumps(ready) and SECRET not in json.dumps(ready)
            for frame in SOCKET:
                answers = []
                for names in (hidden, missing):
                    filled = {k: [fill(i, names) for i in v] if isinstance(v, list) else fill(v, names)
                              for k, v in frame.items()}
                    answer = await ask(socket, **filled)
                    answer.pop("ref")
                    answers.append(json.loads(json.dumps(answer).replace(names["channel"], "<channel>")))
                assert answers[0] == answers[1], frame
                assert answers[0]["type"] == "error" and answers[0]["code"] == "not_found", (frame, answers[0])
            # The neighbours talk, and this socket hears nothing of it.
            said = await asyncio.to_thread(place.owner.say, place.channel, f"{SECRET} among us")
            await asyncio.to_thread(place.owner.delete, f"/v1/messages/{said['id']}")
            try:
                while True:
                    heard = await asyncio.wait_for(socket.recv(), 0.5)
                    assert place.channel not in heard and SECRET not in heard
            except (TimeoutError, asyncio.TimeoutError):
                pass
    run(check())
    after = place.seen(cluster.nodes[1])
    assert [after[i] for i in (1, 2, 4, 5)] == [before[i] for i in (1, 2, 4, 5)]


@pytest.mark.serial
def test_who_is_deactivated_is_a_stranger_to_every_route(cluster, world, contract):
    """C: deactivated: every route that is not open answers 401, and the same to each."""
    eve = register(cluster.nodes[1], unique("eve"))
    place = world.places["private"]
    assert world.ada.put(f"/v1/channels/{place.channel}/members/{eve.id}").status_code == 200
    assert cluster.admin.post(f"/v1/admin/users/{eve.id}/deactivate").status_code == 204
    names = place.names(eve) | {"id": place.channel, "channel_id": place.channel, "user_id": eve.id, "emoji": "sun",
                                "name": "sun"}
    for node in cluster.nodes:
        there = eve.on(node)
        end = time.monotonic() + 1
        while there.get("/v1/users/me").status_code != 401:
            assert time.monotonic() < end, f"{node.name} still lets a deactivated person in"
        said = set()
        for method, path in contract:
            if path in OPEN:
                continue
            answer = there.http.request(method, fill(path, names), **({} if method == "GET" else {"json": {}}))
            body = answer.json()
            body.pop("request_id")
            said.add(json.dumps(body))
            assert answer.status_code == 401, (method, path, answer.text)
        assert len(said) == 1, said
    members = [m["user_id"] for m in world.ada.get(f"/v1/channels/{place.channel}/members").json()["items"]]
    assert world.ada.delete(f"/v1/channels/{place.channel}/members/{eve.id}").status_code == 204, members


def test_nobody_signed_in_is_a_401_and_nobody_without_the_power_passes(cluster, world, contract):
    """C16, A: no token is 401 on every route; administration is 403 for members and guests, whatever it names."""
    place = world.places["private"]
    names = place.names(world.ben) | {"id": world.ben.id, "user_id": NOBODY, "channel_id": place.channel,
                                      "emoji": "sun", "name": "sun"}
    for method, path in contract:
        load = {} if method == "GET" else {"json": {}}
        if path not in OPEN:
            answer = cleartext.request(method, cluster.nodes[1].http + fill(path, names), timeout=20, **load)
            assert answer.status_code == 401 and answer.json()["code"] == "unauthenticated", (method, path)
        if path.startswith(("/v1/admin/", "/v1/cluster")):
            for person in (world.ben, world.people["guest"]):
                said = []
                for id in (world.ben.id, place.message, NOBODY):
                    answer = person.http.request(method, fill(path, names | {"id": id}), **load)
                    body = answer.json()
                    body.pop("request_id")
                    said.append((answer.status_code, body))
                assert said[0][0] == 403 and said == [said[0]] * 3, (method, path, said)


def test_a_thread_belongs_to_its_channel(cluster, world, ada):
    """C4: a root in another channel is 422, and no other answer when that channel is hidden."""
    here = ada.channel()
    elsewhere = ada.say(ada.channel()["id"], "a root")["id"]
    hidden = world.places["private"].message
    said = []
    for root in (elsewhere, hidden, f"{NOWHERE}.3"):
        answer = ada.post("/v1/messages", {"channel_id": here["id"], "text": "reply", "thread_id": root})
        body = answer.json()
        body.pop("request_id")
        said.append((answer.status_code, body))
    assert said[0][0] == 422 and said == [said[0]] * 3, said
    assert ada.get(f"/v1/channels/{here['id']}").json()["seq"] == 1


def test_a_link_to_a_hidden_message_shows_nothing_of_it(cluster, world):
    """C5, C10: a reference is shown as it was written; what it leads to is read, or not, by each reader."""
    place = world.places["private"]
    room = world.ada.channel()["id"]
    link = f"see <#{place.message}> and <#{place.channel}>"
    said = world.ada.say(room, link)
    stranger = world.people["stranger"]
    for node in cluster.nodes:
        shown = stranger.on(node).get(f"/v1/messages/{said['id']}")
        assert shown.json()["text"] == link and SECRET not in shown.text
        assert {e["type"] for e in shown.json()["parsed"]["entities"]} == {"message_link", "channel"}
        assert stranger.on(node).get(f"/v1/messages/{place.message}").status_code == 404


def test_after_a_removal_nothing_more_is_told(cluster, ada, person):
    """C11, C12: no notification, no reminder text, no scheduled message of who is out; the last event is the removal."""
    fay = person("member", cluster.nodes[1])
    room = ada.channel(kind="private")["id"]
    assert ada.put(f"/v1/channels/{room}/members/{fay.id}").status_code == 200
    said = ada.say(room, f"{SECRET} root of @{fay.name}")
    assert fay.post("/v1/messages", {"channel_id": room, "text": "I follow", "thread_id": said["id"]}).status_code == 202
    soon = ahead(2)
    assert fay.post("/v1/reminders", {"message_id": said["id"], "at": soon}).status_code == 201
    assert fay.post("/v1/scheduled", {"channel_id": room, "text": "from outside", "send_at": soon}).status_code == 201

    async def check():
        async with connect(cluster.nodes[2]) as socket:
            await signed_in(socket, fay.token)
            answer = await asyncio.to_thread(ada.delete, f"/v1/channels/{room}/members/{fay.id}")
            assert answer.status_code == 204
            for text in (f"{SECRET} @{fay.name}", f"{SECRET} @channel"):
                await asyncio.to_thread(ada.say, room, text)
            await asyncio.to_thread(ada.post, f"/v1/threads/{said['id']}/replies", {"text": f"{SECRET} reply"})
            heard = []
            end = time.monotonic() + 4
            while (left := end - time.monotonic()) > 0:
                try:
                    heard.append(json.loads(await asyncio.wait_for(socket.recv(), left)))
                except (TimeoutError, asyncio.TimeoutError):
                    break
            of_room = [frame for frame in heard if frame.get("channel_id") == room]
            assert [frame["type"] for frame in of_room] == ["member.left", "channel.left"]
            assert SECRET not in json.dumps(heard)
    run(check())
    inbox = fay.get("/v1/notifications").json()["items"]
    assert {item["type"] for item in inbox} <= {"mention", "thread", "reminder", "scheduled_failed"}
    assert len([item for item in inbox if item["type"] in ("mention", "thread")]) == 1, inbox
    assert SECRET not in json.dumps(inbox)
    assert "from outside" not in [m["text"] for m in ada.history(room)]


def test_rights_change_with_the_answer_and_never_back(cluster, world, ada, ben):
    """C14: while a private channel becomes public a reader sees it from some moment on, on each node, and not before
    and after; once archived nothing is written to it."""
    room = ada.channel(kind="private")["id"]
    ada.say(room, "history")
    import concurrent.futures
    over = []

    def watch(node):
        there, seen = ben.on(node), []
        while not over or seen[-1] != 200:
            seen.append(there.get(f"/v1/channels/{room}").status_code)
            if len(over) and len(seen) > 10_000:
                break
        return seen

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        watching = [pool.submit(watch, node) for node in cluster.nodes]
        time.sleep(0.2)
        assert ada.patch(f"/v1/channels/{room}", {"type": "public"}).status_code == 200
        at_once = [ben.on(node).get(f"/v1/messages?channel_id={room}").status_code for node in cluster.nodes]
        over.append(True)
        for seen in (w.result(timeout=30) for w in watching):
            assert sorted(seen, reverse=True) == seen and set(seen) <= {404, 200} and seen[-1] == 200
    assert at_once == [200, 200, 200]
    assert ben.post(f"/v1/channels/{room}/join").status_code == 204
    assert ada.post(f"/v1/channels/{room}/archive").status_code == 204
    for node in cluster.nodes:
        answer = ben.on(node).post("/v1/messages", {"channel_id": room, "text": "late"})
        assert (answer.status_code, answer.json()["code"]) == (409, "channel_archived")


@pytest.mark.serial
def test_who_was_demoted_has_lost_the_power_within_a_second_everywhere(cluster, admin, ada, person):
    """C16: roles are asked of the directory where they are power over others, and elsewhere count within a second."""
    mod = person("moderator")
    room = ada.channel()["id"]
    sent = [ada.say(room, f"m{i}")["id"] for i in range(20)]
    assert mod.on(cluster.nodes[1]).delete(f"/v1/messages/{sent.pop()}").status_code == 204
    assert mod.put(f"/v1/admin/users/{mod.id}/role", {"role": "admin"}).status_code == 403
    assert admin.put(f"/v1/admin/users/{mod.id}/role", {"role": "member"}).status_code == 200
    for node in cluster.nodes:
        assert mod.on(node).get("/v1/admin/flags").status_code == 403
        assert mod.on(node).delete(f"/v1/admin/messages/{sent[0]}").status_code == 403
        end = time.monotonic() + 1
        while mod.on(node).delete(f"/v1/messages/{sent[-1]}").status_code != 403:
            sent.pop()
            assert time.monotonic() < end, "a demoted moderator still deletes"


def test_messages_of_others_and_of_the_past_stay_as_they_are(alone):
    """C18: others' messages are not edited or deleted, old ones not after the window, deleted ones do not come back."""
    boss, eve = register(alone, "boss"), register(alone, "eve")
    room = boss.channel()["id"]
    assert eve.post(f"/v1/channels/{room}/join").status_code == 204
    sent = boss.say(room, "as it was")
    assert eve.patch(f"/v1/messages/{sent['id']}", {"text": "mine"}).status_code == 403
    assert eve.delete(f"/v1/messages/{sent['id']}").status_code == 403
    own = eve.say(room, "mine")
    assert eve.patch(f"/v1/messages/{own['id']}", {"text": "mine still"}).status_code == 200
    assert boss.put("/v1/admin/settings", {"edit_window_seconds": 1}).status_code == 200
    time.sleep(2)
    answer = eve.patch(f"/v1/messages/{own['id']}", {"text": "too late"})
    assert (answer.status_code, answer.json()["code"]) == (403, "edit_window_over")
    assert eve.delete(f"/v1/messages/{own['id']}").status_code == 204
    assert eve.patch(f"/v1/messages/{own['id']}", {"text": "back"}).status_code in (403, 404)
    assert boss.patch(f"/v1/messages/{own['id']}", {"text": "back"}).status_code in (403, 404)
    assert "text" not in eve.get(f"/v1/messages/{own['id']}").json()
    assert boss.get(f"/v1/messages/{sent['id']}").json()["text"] == "as it was"


def test_who_may_not_address_all_addresses_nobody(cluster, ada, ben, person):
    """C19: without the right the words stand and nobody is told."""
    guest = person("guest", cluster.nodes[2])
    room = ada.channel()["id"]
    for someone in (ben, guest):
        assert ada.put(f"/v1/channels/{room}/members/{someone.id}").status_code == 200
    def told_ben():
        mine = ben.get("/v1/users/me/channels?limit=200").json()["items"]
        inbox = [n for n in ben.get("/v1/notifications").json()["items"] if n["channel_id"] == room]
        return next(c["mentions"] for c in mine if c["id"] == room), len(inbox)
    for words in ("@channel", "@all", "@here"):
        said = guest.say(room, f"{words} listen")
        assert said["text"] == f"{words} listen" and said["parsed"]["mentions_channel"] is False
        assert said["parsed"]["here_user_ids"] == []
    assert told_ben() == (0, 0)
    assert ada.patch(f"/v1/channels/{room}", {"mention_right": "nobody"}).status_code == 200
    ada.say(room, "@channel listen")
    assert told_ben() == (0, 0)
    assert ada.patch(f"/v1/channels/{room}", {"mention_right": "owners"}).status_code == 200
    ada.say(room, "@channel listen")
    assert told_ben() == (1, 1)


@pytest.mark.serial
def test_guests_see_the_people_of_their_channels_and_nobody_else(cluster, world, ada, ben, person):
    """C20: profiles, lists, presence and membership tell a guest of nobody with whom it shares no channel."""
    guest = person("guest", cluster.nodes[2])
    room = ada.channel(kind="private")["id"]
    assert ada.put(f"/v1/channels/{room}/members/{guest.id}").status_code == 200
    for node in cluster.nodes:
        there = guest.on(node)
        # What a role takes away counts on a node as soon as its copy of the directory has it.
        end = time.monotonic() + 1
        while there.get("/v1/channels").status_code != 403:
            assert time.monotonic() < end, f"{node.name} does not know the guest"
        assert there.get(f"/v1/users/{ada.id}").json()["username"] == ada.name
        assert told(there.get(f"/v1/users/{ben.id}"), {"channel": ben.id}) == told(
            there.get(f"/v1/users/{NOBODY}"), {"channel": NOBODY})
        assert there.get(f"/v1/users/{ben.id}").status_code == 404
        for path, key in (("/v1/users", "query"), ("/v1/search/users", "q")):
            assert there.get(path, params={key: ben.name}).json()["items"] == []
            everybody = {u["id"] for u in there.get(path, params={key: ""}).json().get("items", [])}
            assert everybody <= {ada.id, guest.id}
        present = there.get("/v1/presence", params={"user_ids": f"{ada.id},{ben.id},{NOBODY}"}).json()["items"]
        assert [p["user_id"] for p in present] == [ada.id]
        answer = there.get("/v1/search/messages", params={"q": SECRET, "from": ben.id})
        assert answer.json()["items"] == []
        assert there.put(f"/v1/channels/{room}/members/{ben.id}").status_code in (403, 404)
        assert there.post("/v1/dms", {"user_ids": [ben.id]}).status_code == 403


def test_what_is_not_built_is_not_there(cluster, ada, admin):
    """C7, C21, A11, A15, H5: files, bots, webhooks, devices, second factors, exports, password changes: 404."""
    for someone in (ada, admin):
        for method, path in (
                ("POST", "/v1/files"), ("GET", "/v1/files/fil_1"), ("POST", "/v1/files/fil_1/complete"),
                ("GET", "/v1/files/fil_1/download"), ("POST", "/v1/bots"), ("POST", "/v1/webhooks/incoming"),
                ("GET", "/v1/webhooks/outgoing/whk_1"), ("POST", "/api/v1/hooks.incoming/x"), ("POST", "/v1/push/devices"),
                ("POST", "/auth/totp"), ("POST", "/auth/totp/confirm"), ("GET", "/auth/oidc/any/start"),
                ("PUT", "/auth/password"), ("POST", "/auth/password"), ("POST", "/v1/exports"), ("GET", "/v1/admin/export"),
                ("POST", "/v1/bookmarks")):
            answer = someone.http.request(method, path, **({} if method == "GET" else {"json": {}}))
            assert answer.status_code == 404, (method, path, answer.status_code)
    assert ada.post("/v1/messages", {"channel_id": ada.channel()["id"], "text": "x", "file_ids": ["fil_1"]}).status_code == 422


def test_nothing_of_this_was_a_fault_of_ours(cluster, world):
    """After the attacks: no 5xx was counted that is not a refusal under load, and nobody's memory has grown."""
    for node in cluster.nodes:
        text = cleartext.get(node.http + "/metrics", timeout=20).text
        log = (node.folder / "log").read_text(errors="replace")
        assert "a request failed" not in log, [line for line in log.splitlines() if "a request failed" in line][:3]
        assert "roost_http_requests_total" in text
