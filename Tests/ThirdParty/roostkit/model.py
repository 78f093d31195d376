"""A client that goes by what the socket tells it: it reads the state once, and then applies events and nothing else.

One model is one person on one socket. What a rule of the contract says about an event stands in the method that applies
it; what a frame says that the rules forbid is kept in `faults`.
"""
import asyncio
import collections
import json

import websockets

DURABLE = {"message.created", "message.edited", "message.deleted", "reaction.added", "reaction.removed",
           "message.pinned", "message.unpinned", "channel.updated", "channel.archived", "channel.unarchived",
           "member.joined", "member.left", "member.updated"}


def is_named(message, me):
    """Whether a message speaks to somebody by name or as everybody."""
    parsed = message.get("parsed") or {}
    return bool(parsed.get("mentions_channel") or me in parsed.get("mentions", [])
                or me in parsed.get("here_user_ids", []))


class ChannelModel:
    def __init__(self, entry, members, messages, applied):
        self.entry = entry          # as in the list of own channels
        self.members = members      # user id -> role
        self.messages = messages    # seq -> message
        self.applied = applied      # the events up to here are in it

    def count(self, me):
        """How much there is to read follows from the messages and how far one has read."""
        beyond = [m for m in self.messages.values()
                  if m["seq"] > self.entry["read_seq"] and m["user_id"] != me and m["deleted_at"] is None]
        self.entry["unread"] = len(beyond)
        self.entry["mentions"] = sum(is_named(m, me) for m in beyond)

    def apply(self, event, me):
        self.applied = self.entry["seq"] = event["seq"]
        kind = event["type"]
        if kind.startswith("message."):
            message = event["message"]
            self.messages[message["seq"]] = message
            if kind == "message.created" and message["user_id"] == me:
                # Whoever writes has read so far.
                self.entry["read_seq"] = message["seq"]
            if "thread" in event:
                thread = dict(event["thread"])
                root = self.messages.get(int(thread.pop("id").rsplit(".", 1)[1]))
                if root is not None:
                    root.update(thread)
        elif kind.startswith("reaction."):
            self._react(event["reaction"], kind == "reaction.added")
        elif kind.startswith("channel."):
            self.entry.update(event["channel"])
        elif kind == "member.left":
            self.members.pop(event["member"]["user_id"], None)
            self.entry["member_count"] -= 1
        else:
            self.members[event["member"]["user_id"]] = event["member"]["role"]
            self.entry["member_count"] += kind == "member.joined"
        self.count(me)

    def _react(self, reaction, is_added):
        message = self.messages.get(int(reaction["message_id"].rsplit(".", 1)[1]))
        if message is None:
            return
        groups, emoji, user = message["reactions"], reaction["emoji"], reaction["user_id"]
        group = next((g for g in groups if g["emoji"] == emoji), None)
        if is_added and group is None:
            groups.append({"emoji": emoji, "count": 1, "user_ids": [user]})
        elif is_added:
            group["user_ids"].append(user)
            group["count"] += 1
        elif group is not None and user in group["user_ids"]:
            group["user_ids"].remove(user)
            group["count"] -= 1
            if group["count"] == 0:
                groups.remove(group)

    def shown(self):
        """What a fresh reading is compared with."""
        return {"entry": self.entry, "members": self.members, "messages": self.messages,
                "pins": sorted(m["id"] for m in self.messages.values() if m["pinned_at"] is not None)}


class Model:
    def __init__(self, person, node):
        self.person = person
        self.node = node
        self.me = person.id
        self.channels = {}          # channel id -> ChannelModel
        self.unread_yet = set()     # channels that were joined and not read yet
        self.early = collections.defaultdict(list)
        self.last = {}              # channel id -> seq of the last event that came
        self.profile = None
        self.inbox = []             # newest first
        self.presence = {}
        self.settings = None        # what was read, until it is said that they changed
        self.drafts = None          # channel id -> text, without those that are said to have changed
        self.threads_read = {}      # id of the root -> how far it was read
        self.heard = collections.Counter()
        self.frames = []            # whatever came, in its order
        self.faults = []
        self.closed_with = None
        self._answers = {}
        self._count = 0

    async def start(self):
        self._socket = await websockets.connect(self.node.ws, proxy=None, max_size=4 << 20, open_timeout=10)
        await self._socket.send(json.dumps({"type": "auth", "token": self.person.token}))
        ready = json.loads(await asyncio.wait_for(self._socket.recv(), 20))
        assert ready["type"] == "ready", ready
        self.last = {c["id"]: c["seq"] for c in ready["channels"]}
        self.unread_yet = set(self.last)
        self.profile = ready["user"]
        self._task = asyncio.create_task(self._listen())
        self.inbox = (await asyncio.to_thread(fresh_inbox, self.person))
        await self.settle()
        return self

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._socket.close()

    async def ask(self, **request):
        """A request over this very socket, and its answer."""
        self._count += 1
        ref = request["ref"] = f"q{self._count}"
        self._answers[ref] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps(request))
        return await asyncio.wait_for(self._answers[ref], 20)

    async def _listen(self):
        try:
            async for text in self._socket:
                frame = json.loads(text)
                if "ref" in frame:
                    self._answers.pop(frame["ref"]).set_result(frame)
                    continue
                self.heard[frame["type"]] += 1
                self.frames.append(frame)
                self._take(frame)
        except websockets.ConnectionClosed as closed:
            self.closed_with = closed.rcvd.code if closed.rcvd else None
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}")
            raise

    # What each frame does to the model.

    def _take(self, frame):
        kind = frame["type"]
        if kind in DURABLE:
            self._event(frame)
        elif kind == "channel.joined":
            self.drafts = None      # One that was begun there before shows again.
            self.last[frame["channel_id"]] = frame["channel"]["seq"]
            self.unread_yet.add(frame["channel_id"])
        elif kind == "channel.left":
            self.drafts = None
            # Who leaves follows nothing there any more, and how far it had read is forgotten.
            gone = frame["channel_id"] + "."
            self.threads_read = {root: seq for root, seq in self.threads_read.items() if not root.startswith(gone)}
            for held in (self.channels, self.last, self.early):
                held.pop(frame["channel_id"], None)
            self.unread_yet.discard(frame["channel_id"])
        elif kind == "read.updated":
            self.read(frame)
        elif kind == "user.updated":
            self.profile = frame["user"]
        elif kind == "notification.created":
            self.inbox.insert(0, frame["notification"])
        elif kind == "presence.changed":
            self.presence[frame["user_id"]] = frame["status"]
        elif kind == "thread.read":
            known = self.threads_read.get(frame["message_id"], 0)
            self.threads_read[frame["message_id"]] = max(known, frame["seq"])
        elif kind == "settings.updated":
            self.settings = None
        elif kind == "draft.updated":
            self.drafts = None

    def read(self, state):
        channel = self.channels.get(state["channel_id"])
        if channel is not None:
            channel.entry["read_seq"] = max(state["read_seq"], channel.entry["read_seq"])
            channel.count(self.me)

    def _event(self, event):
        id, seq = event["channel_id"], event["seq"]
        if id not in self.last or seq != self.last[id] + 1:
            self.faults.append(f"{event['type']} {seq} of {id} where {self.last.get(id, -2) + 1} was due")
        self.last[id] = seq
        channel = self.channels.get(id)
        if channel is None:
            self.early[id].append(event)
        elif seq > channel.applied:
            channel.apply(event, self.me)

    async def settle(self):
        """Reads what was joined since, once. Nobody may write meanwhile; who does makes it read again."""
        for id in list(self.unread_yet):
            for _ in range(20):
                found = await asyncio.to_thread(fresh_channel, self.person, id)
                again = await asyncio.to_thread(fresh_channel, self.person, id)
                if found is None or found["entry"]["seq"] == again["entry"]["seq"]:
                    break
            self.unread_yet.discard(id)
            if found is None:
                continue            # Left again: `channel.left` is on its way.
            made = self.channels[id] = ChannelModel(
                found["entry"], found["members"], found["messages"], found["entry"]["seq"])
            for event in self.early.pop(id, []):
                if event["seq"] > made.applied:
                    made.apply(event, self.me)

    def kept(self, reader):
        """What was read before and never said to have changed must be so still: lines where it is not. Reads the rest."""
        lines = []
        settings = reader.get("/v1/users/me/settings").json()
        drafts = {d["channel_id"]: d["text"] for d in _all(reader, "/v1/users/me/drafts")}
        for name, held, now in (("settings", self.settings, settings), ("drafts", self.drafts, drafts)):
            lines += difference(held, now, f"/{name}") if held is not None else []
        for root, seq in self.threads_read.items():
            answer = reader.get(f"/v1/threads/{root}")
            # An own reply is read too, and nobody is told of that but by the reply.
            if answer.status_code == 200 and answer.json()["read_seq"] < seq:
                lines.append(f"/threads/{root}/read_seq: {seq} is not {answer.json()['read_seq']}")
        if not lines:
            self.settings, self.drafts = settings, drafts
        return lines

    def shown(self):
        return {"profile": self.profile, "inbox": self.inbox,
                "channels": {id: channel.shown() for id, channel in self.channels.items()}}


# The same, as REST says it now.

def _all(person, path, **query):
    items, cursor = [], None
    while True:
        answer = person.get(path, params={"limit": 200, **query, **({"cursor": cursor} if cursor else {})})
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


def fresh_inbox(person):
    return _all(person, "/v1/notifications")


def fresh_channel(person, id, entry=None):
    entry = entry or next((c for c in _all(person, "/v1/users/me/channels") if c["id"] == id), None)
    members, pins = _all(person, f"/v1/channels/{id}/members"), _all(person, f"/v1/channels/{id}/pins")
    if entry is None or members is None or pins is None:
        return None
    return {"entry": entry, "members": {m["user_id"]: m["role"] for m in members},
            "messages": {m["seq"]: m for m in person.history(id)}, "pins": sorted(m["id"] for m in pins)}


def fresh(person):
    mine = {c["id"]: c for c in _all(person, "/v1/users/me/channels")}
    return {"profile": person.get("/v1/users/me").json(), "inbox": fresh_inbox(person),
            "channels": {id: fresh_channel(person, id, entry) for id, entry in mine.items()}}


def difference(one, other, path=""):
    """Where two trees differ, as lines."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for key in sorted({*one, *other}, key=str)
                for line in difference(one.get(key, "(nothing)"), other.get(key, "(nothing)"), f"{path}/{key}")]
    return [] if one == other else [f"{path}: {str(one)[:300]} is not {str(other)[:300]}"]
