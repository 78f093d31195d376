"""For every type of event: what a client knew, and the event, is what a fresh reading says.

Four people do everything that a team does, through all nodes and at once, over REST and over their sockets. Each has a
model of its own that read the state once and goes by events since; again and again it must equal what another node
says over REST.
"""
import asyncio
import random
import time

import pytest

from conftest import run
from roostkit.model import DURABLE, Model, difference, fresh
from roostkit.rest import login, register, unique
from test_presence import ahead
from test_socket import connect, frame, signed_in

pytestmark = pytest.mark.serial

# What is told and not kept: docs/socket.md and the contract. `reconnect` needs a node that drains: test_process.py.
NOTICES = {"typing", "presence.changed", "read.updated", "thread.read", "notification.created", "channel.joined",
           "channel.left", "user.updated", "settings.updated", "draft.updated", "session.revoked", "channel.reset"}
STEPS = 320
AT_ONCE = 4
STEPS_PER_CHECK = 20


class Team:
    """Four people, what they have, and what they may do next. Chances come from the seed."""

    def __init__(self, cluster, seed):
        self.chance = random.Random(seed)
        self.cluster = cluster
        self.people = [register(cluster.nodes[i % 3], unique("team")) for i in range(4)]
        self.rooms = [self.people[i % 4].channel(kind="private" if i == 3 else "public")["id"] for i in range(4)]
        self.refused = {}
        self.done = {}

    def somewhere(self, person):
        return person.on(self.chance.choice(self.cluster.nodes))

    def text(self):
        words = ["plain", "**bold** words", f"hello @{self.chance.choice(self.people).name}", "@channel all of you",
                 "@here who is there", f"`@{self.people[0].name}` in code", "https://a.example :wave:"]
        return f"{self.chance.choice(words)} {self.chance.randrange(1000)}"

    async def step(self, model):
        """One operation of one person; what it may not do counts as refused."""
        ways = [name for name in dir(self) if name.startswith("do_")]
        likely = ["do_post", "do_post", "do_reply", "do_edit", "do_delete", "do_react", "do_unreact", "do_read"]
        name = self.chance.choice(ways + 2 * likely)
        answer = await getattr(self, name)(model)
        if answer is None:
            return
        status = answer if isinstance(answer, int) else answer.status_code
        assert status < 500, (name, answer if isinstance(answer, int) else answer.text)
        counted = self.done if status < 300 else self.refused
        counted[name] = counted.get(name, 0) + 1

    def _room(self, model):
        return self.chance.choice(list(model.channels) or self.rooms)

    def _message(self, model, own=False, replies=True):
        held = [m for c in model.channels.values() for m in c.messages.values()
                if m["deleted_at"] is None and (not own or m["user_id"] == model.me)
                and (replies or m["thread_id"] is None)]
        held.sort(key=lambda m: (m["channel_id"], m["seq"]))
        return self.chance.choice(held)["id"] if held else None

    async def _rest(self, model, method, path, body=None):
        there = self.somewhere(model.person)
        load = {} if method == "GET" or body is None else {"json": body}
        return await asyncio.to_thread(there.http.request, method, path, **load)

    async def _either(self, model, frame_, method, path, body=None):
        """The same request over the own socket or over REST."""
        if self.chance.random() < 0.5:
            return await self._rest(model, method, path, body)
        answer = await model.ask(**frame_)
        if frame_["type"] == "read" and answer["type"] == "ok":
            model.read(answer)      # The device that has read is told by the answer.
        return 200 if answer["type"] == "ok" else 400

    # Messages

    async def do_post(self, model):
        room, text = self._room(model), self.text()
        message = {"channel_id": room, "text": text} | ({"client_id": unique("c")} if self.chance.random() < 0.5 else {})
        return await self._either(model, {"type": "send", **message}, "POST", "/v1/messages", message)

    async def do_reply(self, model):
        root = self._message(model, replies=False)
        if root:
            reply = {"channel_id": root.rsplit(".", 1)[0], "text": self.text(), "thread_id": root}
            return await self._either(model, {"type": "send", **reply}, "POST", f"/v1/threads/{root}/replies", reply)

    async def do_edit(self, model):
        id, text = self._message(model, own=self.chance.random() < 0.9), self.text()
        if id:
            return await self._either(model, {"type": "edit", "message_id": id, "text": text}, "PATCH",
                                      f"/v1/messages/{id}", {"text": text})

    async def do_delete(self, model):
        id = self._message(model, own=self.chance.random() < 0.6)
        if id and self.chance.random() < 0.5:
            return await self._either(model, {"type": "delete", "message_id": id}, "DELETE", f"/v1/messages/{id}")

    async def do_delete_as_moderator(self, model):
        id = self._message(model)
        if id and self.chance.random() < 0.5:
            admin = self.somewhere(self.cluster.admin)
            return await asyncio.to_thread(admin.delete, f"/v1/admin/messages/{id}")

    async def do_react(self, model):
        id, emoji = self._message(model), self.chance.choice(["wave", "sun", "👍"])
        if id:
            return await self._either(model, {"type": "react", "message_id": id, "emoji": emoji}, "PUT",
                                      f"/v1/messages/{id}/reactions/{emoji}", {})

    async def do_unreact(self, model):
        held = sorted((m["id"], g["emoji"]) for c in model.channels.values() for m in c.messages.values()
                      for g in m["reactions"] if model.me in g["user_ids"])
        if held:
            id, emoji = self.chance.choice(held)
            return await self._either(model, {"type": "unreact", "message_id": id, "emoji": emoji}, "DELETE",
                                      f"/v1/messages/{id}/reactions/{emoji}")

    async def do_pin(self, model):
        id = self._message(model)
        return id and await self._rest(model, "PUT", f"/v1/messages/{id}/pin", {})

    async def do_unpin(self, model):
        held = sorted(m["id"] for c in model.channels.values() for m in c.messages.values() if m["pinned_at"])
        return held and await self._rest(model, "DELETE", f"/v1/messages/{self.chance.choice(held)}/pin") or None

    async def do_read(self, model):
        room = self._room(model)
        head = model.last.get(room, 0)
        seq = self.chance.choice([head, max(head - self.chance.randrange(6), 0)])
        return await self._either(model, {"type": "read", "channel_id": room, "seq": seq}, "PUT",
                                  f"/v1/channels/{room}/read", {"seq": seq})

    async def do_read_thread(self, model):
        held = sorted(m["id"] for c in model.channels.values() for m in c.messages.values() if m["reply_count"])
        if held:
            root = self.chance.choice(held)
            head = model.last[root.rsplit(".", 1)[0]]
            return await self._rest(model, "PUT", f"/v1/threads/{root}/read", {"seq": head})

    # Channels and members

    async def do_join(self, model):
        return await self._rest(model, "POST", f"/v1/channels/{self.chance.choice(self.rooms)}/join", {})

    async def do_leave(self, model):
        if self.chance.random() < 0.4:
            return await self._rest(model, "POST", f"/v1/channels/{self._room(model)}/leave", {})

    async def do_add(self, model):
        other = self.chance.choice(self.people)
        return await self._rest(model, "PUT", f"/v1/channels/{self._room(model)}/members/{other.id}", {})

    async def do_remove(self, model):
        other = self.chance.choice(self.people)
        if self.chance.random() < 0.4:
            return await self._rest(model, "DELETE", f"/v1/channels/{self._room(model)}/members/{other.id}")

    async def do_give_role(self, model):
        other, role = self.chance.choice(self.people), self.chance.choice(["owner", "owner", "member"])
        return await self._rest(model, "PUT", f"/v1/channels/{self._room(model)}/members/{other.id}", {"role": role})

    async def do_change_channel(self, model):
        patch = self.chance.choice([
            {"topic": self.text()}, {"name": unique("room")}, {"topic": self.text(), "name": unique("room")},
            {"type": "private"}, {"type": "public"}, {"mention_right": self.chance.choice(["everyone", "owners"])},
            {"retention_days": self.chance.choice([None, 30])}])
        return await self._rest(model, "PATCH", f"/v1/channels/{self._room(model)}", patch)

    async def do_archive(self, model):
        if self.chance.random() < 0.4:
            return await self._rest(model, "POST", f"/v1/channels/{self._room(model)}/archive", {})

    async def do_unarchive(self, model):
        shut = sorted(id for id, c in model.channels.items() if c.entry["archived_at"])
        if shut:
            return await self._rest(model, "POST", f"/v1/channels/{self.chance.choice(shut)}/unarchive", {})

    async def do_open_direct(self, model):
        others = self.chance.sample(self.people, self.chance.choice([1, 1, 2]))
        return await self._rest(model, "POST", "/v1/dms", {"user_ids": [p.id for p in others]})

    # Own things

    async def do_change_profile(self, model):
        patch = self.chance.choice([{"display_name": unique("Name")}, {"status_text": self.text()[:40]},
                                    {"status_text": None}, {"email": "a@b.example"}])
        return await self._rest(model, "PATCH", "/v1/users/me", patch)

    async def do_get_role(self, model):
        role = {"role": self.chance.choice(["member", "moderator"])}
        admin = self.somewhere(self.cluster.admin)
        return await asyncio.to_thread(admin.put, f"/v1/admin/users/{model.me}/role", role)

    async def do_settings(self, model):
        return await self._rest(model, "PUT", "/v1/users/me/settings", {"theme": self.chance.choice("ab")})

    async def do_draft(self, model):
        return await self._rest(model, "PUT", f"/v1/users/me/drafts/{self._room(model)}", {"text": self.text()})

    async def do_read_inbox(self, model):
        new = [n["id"] for n in model.inbox if not n["read"]][:3]
        answer = await self._rest(model, "PUT", "/v1/notifications/read", {"ids": new})
        for item in model.inbox:
            item["read"] = item["read"] or item["id"] in new
        return answer

    async def do_schedule(self, model):
        later = {"channel_id": self._room(model), "text": self.text(), "send_at": ahead(2)}
        return await self._rest(model, "POST", "/v1/scheduled", later)

    async def do_remind(self, model):
        return await self._rest(model, "POST", "/v1/reminders", {"text": self.text(), "at": ahead(2)})

    async def do_type(self, model):
        answer = await model.ask(type="typing.start", channel_id=self._room(model))
        return 200 if answer["type"] == "ok" else 400

    async def do_presence(self, model):
        answer = await model.ask(type="presence.set", status=self.chance.choice(["away", "online"]))
        return 200 if answer["type"] == "ok" else 400


async def tour(team, models):
    """Each durable event once, whatever the chances will be, in a channel of the first and the second; and other settings,
    which one walk of a thousand and more leaves out."""
    ada, ben = team.people[:2]
    there, also = ada.on(team.cluster.nodes[2]), ben.on(team.cluster.nodes[0])

    def go():
        room = there.channel()["id"]
        path = f"/v1/channels/{room}"
        said = there.say(room, f"hello @{ben.name}")
        message = f"/v1/messages/{said['id']}"
        steps = [
            (there, "PUT", f"{path}/members/{ben.id}", {}), (also, "PUT", f"{message}/reactions/wave", {}),
            (also, "POST", f"/v1/threads/{said['id']}/replies", {"text": "a reply"}),
            (there, "PATCH", message, {"text": f"hello again @{ben.name}"}), (there, "PUT", f"{message}/pin", {}),
            (also, "DELETE", f"{message}/reactions/wave", None), (also, "PUT", f"{path}/read", {"seq": 3}),
            (there, "PUT", f"{path}/members/{ben.id}", {"role": "owner"}), (also, "POST", f"{path}/archive", {}),
            (also, "POST", f"{path}/unarchive", {}), (there, "PATCH", path, {"topic": "tours", "name": unique("tour")}),
            (there, "DELETE", f"{message}/pin", None), (there, "DELETE", message, None),
            (also, "POST", f"{path}/leave", {}), (there, "PUT", "/v1/users/me/settings", {"theme": "tour"})]
        for who, method, address, body in steps:
            answer = who.http.request(method, address, **({} if body is None else {"json": body}))
            assert answer.status_code < 300, (method, address, answer.text)

    await asyncio.to_thread(go)


async def agree(cluster, chance, models, what):
    """Until every model is what a node that its socket is not on says; that nothing is lost shows in that it ends."""
    for model in models:
        other = chance.choice(cluster.others(model.node))
        end = time.monotonic() + 20
        while True:
            await model.settle()
            now = await asyncio.to_thread(fresh, model.person.on(other))
            gaps = difference(model.shown(), now) + await asyncio.to_thread(model.kept, model.person.on(other))
            if not gaps:
                break
            assert not model.faults, (what, model.person.name, model.faults)
            assert time.monotonic() < end, f"{what}, {model.person.name} at {model.node.name} and {other.name}:\n" + \
                "\n".join(gaps[:12])
            await asyncio.sleep(0.2)
        assert not model.faults and model.closed_with is None, (what, model.faults, model.closed_with)


async def walk(cluster, seed):
    team = await asyncio.to_thread(Team, cluster, seed)
    models = [await Model(p, cluster.nodes[(i + 1) % 3]).start() for i, p in enumerate(team.people)]
    try:
        for model in models:
            watched = await model.ask(type="presence.watch", user_ids=[p.id for p in team.people])
            model.presence = {item["user_id"]: item["status"] for item in watched["items"]}
        for room, owner in zip(team.rooms, team.people):
            for other in team.people[:3]:
                await asyncio.to_thread(owner.put, f"/v1/channels/{room}/members/{other.id}")
        await tour(team, models)
        for step in range(0, STEPS, AT_ONCE):
            for model in models:
                await model.settle()
            await asyncio.gather(*[team.step(model) for model in team.chance.sample(models, AT_ONCE)])
            if step % STEPS_PER_CHECK == 0:
                await agree(cluster, team.chance, models, f"seed {seed} step {step}")
        await asyncio.sleep(4)      # What was scheduled comes by itself.
        await agree(cluster, team.chance, models, f"seed {seed} at the end")
        await presence_agrees(cluster, models)
        await last_words(cluster, models[0])
    finally:
        for model in models:
            await model.stop()
    return models, team


async def presence_agrees(cluster, models):
    ids = ",".join(m.me for m in models)
    end = time.monotonic() + 10
    while True:
        answer = await asyncio.to_thread(models[1].person.on(cluster.nodes[0]).get, "/v1/presence",
                                         params={"user_ids": ids})
        now = {item["user_id"]: item["status"] for item in answer.json()["items"]}
        gaps = [line for m in models for line in difference(m.presence, now, m.person.name)]
        if not gaps:
            return
        assert time.monotonic() < end, gaps
        await asyncio.sleep(0.2)


async def last_words(cluster, model):
    """What is told when a place in a channel is not there, and when a session is over."""
    room = next(iter(model.channels))
    async with connect(cluster.nodes[2]) as socket:
        await signed_in(socket, model.person.token, resume={room: model.last[room] + 100})
        reset = await frame(socket, "channel.reset")
        assert reset == {"type": "channel.reset", "channel_id": room, "seq": model.last[room]}
        model.heard["channel.reset"] += 1
    again = await asyncio.to_thread(login, cluster.nodes[1], model.person.name)
    ended = await asyncio.to_thread(again.delete, "/auth/sessions")
    assert ended.status_code == 204
    await asyncio.wait_for(model._task, 5)
    assert model.closed_with == 4403


@pytest.mark.parametrize("seed", [1, 2])
def test_state_and_events_are_the_state_that_is_read(cluster, seed):
    models, team = run(walk(cluster, seed), 400)
    heard = set().union(*[model.heard for model in models])
    assert heard >= DURABLE, DURABLE - heard
    assert heard >= NOTICES, (NOTICES - heard, team.done)
    assert heard <= DURABLE | NOTICES, heard - DURABLE - NOTICES
    # The chances do not leave much out, and most of what is tried is allowed.
    ways = {name for name in dir(team) if name.startswith("do_")}
    assert len(team.done) >= len(ways) - 5, ways - set(team.done)
    assert sum(team.done.values()) > 2 * sum(team.refused.values()), (team.done, team.refused)
