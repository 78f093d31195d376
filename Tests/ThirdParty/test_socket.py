"""The socket as a member sees it: sign-in, sends, one gapless sequence, resume from any node."""
import asyncio
import json

import pytest
import websockets

from conftest import run
from roostkit.listener import Listener
from roostkit.rest import unique

pytestmark = pytest.mark.neighbours


def connect(node):
    return websockets.connect(node.ws, proxy=None, close_timeout=2, open_timeout=5)


async def closed_code(socket, seconds=15):
    try:
        while True:
            await asyncio.wait_for(socket.recv(), seconds)
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def frame(socket, kind=None, seconds=10):
    while True:
        received = json.loads(await asyncio.wait_for(socket.recv(), seconds))
        if kind is None or received["type"] == kind:
            return received


async def signed_in(socket, token, **more):
    await socket.send(json.dumps({"type": "auth", "token": token, **more}))
    ready = await frame(socket)
    assert ready["type"] == "ready", ready
    return ready


def test_ready_names_session_node_user_and_channels(cluster, ada):
    channel = ada.channel()

    async def check():
        nodes = set()
        for node in cluster.nodes:
            async with connect(node) as socket:
                ready = await signed_in(socket, ada.token)
                assert ready["heartbeat_ms"] == 30000 and ready["session_id"] and ready["user"]["id"] == ada.id
                entry = next(c for c in ready["channels"] if c["id"] == channel["id"])
                assert {"id", "name", "type", "seq", "read_seq", "unread", "mentions"} <= set(entry)
                nodes.add(ready["node_id"])
        assert len(nodes) == 3
    run(check())


@pytest.mark.parametrize("first, code", [
    ('{"type":"auth","token":"nonsense"}', 4401), ('{"type":"auth"}', (4400, 4401)), ('{"type":"send"}', 4401),
    ('{"type":"ping","ref":1}', 4401), ("not json", 4400), ("[]", 4400), ("null", 4400), ('{"type":"auth"', 4400)])
def test_a_bad_first_frame_is_closed(cluster, first, code):
    async def check():
        async with connect(cluster.nodes[0]) as socket:
            await socket.send(first)
            assert await closed_code(socket) in (code if isinstance(code, tuple) else (code,))
    run(check())


def test_silence_before_auth_is_closed_after_ten_seconds(cluster):
    async def check():
        loop = asyncio.get_running_loop()
        async with connect(cluster.nodes[0]) as socket:
            began = loop.time()
            assert await closed_code(socket, 15) == 4401
            assert 8 < loop.time() - began < 13
    run(check())


def test_a_ping_is_answered_with_its_ref_and_an_unknown_type_is_an_error(cluster, ada):
    async def check():
        async with connect(cluster.nodes[0]) as socket:
            await signed_in(socket, ada.token)
            for ref in ("p1", 7):
                await socket.send(json.dumps({"type": "ping", "ref": ref}))
                pong = await frame(socket, "pong")
                assert pong["ref"] == ref
            await socket.send(json.dumps({"type": "no.such.thing", "ref": "u"}))
            error = await frame(socket, "error")
            assert error["ref"] == "u" and error["code"]
            await socket.send("{ not json")
            assert await closed_code(socket) == 4400
    run(check())


def test_two_members_on_two_nodes_see_the_same_gapless_sequence(cluster, ada, ben):
    channel = ada.channel(kind="private")
    assert ada.put(f"/v1/channels/{channel['id']}/members/{ben.id}", {"role": "member"}).status_code in (200, 201)

    async def check():
        listeners = [await Listener([cluster.nodes[i]], (ada, ben, ada)[i].token, f"l{i}").start() for i in range(3)]
        start = listeners[0].last[channel["id"]]
        assert all(l.last[channel["id"]] == start for l in listeners)

        async def talk(listener, who):
            for i in range(40):
                answer = await listener.ask({"type": "send", "channel_id": channel["id"], "text": f"{who} {i}",
                                             "client_id": unique("c")})
                assert answer["type"] == "ok", answer
        await asyncio.gather(*[talk(l, i) for i, l in enumerate(listeners)])
        for listener in listeners:
            await listener.wait_seq(channel["id"], start + 120, 15)
        texts = [[e["message"]["text"] for e in l.events[channel["id"]]] for l in listeners]
        assert texts[0] == texts[1] == texts[2] and len(texts[0]) == 120
        for who in range(3):
            assert [t for t in texts[0] if t.startswith(f"{who} ")] == [f"{who} {i}" for i in range(40)]
        for listener in listeners:
            assert not listener.faults, listener.faults
            for event in listener.events[channel["id"]]:
                assert {"type", "channel_id", "seq", "at", "actor_id", "message"} <= set(event)
                assert event["message"]["seq"] == event["seq"] and event["message"]["user_id"] == event["actor_id"]
            await listener.stop()
        # The key of the send is for its author only.
        assert all("client_id" not in e["message"] or e["message"]["client_id"] is None
                   for e in listeners[1].events[channel["id"]] if e["actor_id"] != ben.id)
    run(check())


def test_a_thousand_missed_events_are_resumed_on_any_node_and_more_are_a_reset(cluster, ada):
    channel = ada.channel()

    async def check():
        sender = await Listener([cluster.nodes[0]], ada.token, "sender").start()
        start = sender.last[channel["id"]]

        async def send(count):
            for first in range(0, count, 100):
                answers = await asyncio.gather(*[
                    sender.ask({"type": "send", "channel_id": channel["id"], "text": f"m{first + i}"}, 30)
                    for i in range(min(100, count - first))])
                assert all(a["type"] == "ok" for a in answers), [a for a in answers if a["type"] != "ok"][:1]
        await send(1000)
        head = start + 1000
        for node in cluster.nodes:
            for missed in (1, 255, 257, 999, 1000):
                async with connect(node) as socket:
                    ready = await signed_in(socket, ada.token, resume={channel["id"]: head - missed})
                    seqs = [(await frame(socket))["seq"] for _ in range(missed)]
                    assert seqs == list(range(head - missed + 1, head + 1)), (node.name, missed)
                    assert next(c for c in ready["channels"] if c["id"] == channel["id"])["seq"] == head
        await send(1)
        head += 1
        for node in cluster.nodes:
            for position in (start, head + 5, -1):
                async with connect(node) as socket:
                    await signed_in(socket, ada.token, resume={channel["id"]: position, "chn_unknown": 3})
                    reset = await frame(socket)
                    assert (reset["type"], reset["channel_id"], reset["seq"]) == ("channel.reset", channel["id"], head)
        # After a reset the live events follow without a gap.
        async with connect(cluster.nodes[1]) as socket:
            await signed_in(socket, ada.token, resume={channel["id"]: -1})
            assert (await frame(socket))["type"] == "channel.reset"
            await send(1)
            assert (await frame(socket))["seq"] == head + 1
        assert not sender.faults, sender.faults
        await sender.stop()
    run(check(), 120)


def test_a_send_is_idempotent_over_socket_and_rest_alike(cluster, ada):
    channel = ada.channel()

    async def check():
        key = unique("key")
        async with connect(cluster.nodes[0]) as socket:
            await signed_in(socket, ada.token)
            request = {"type": "send", "ref": 1, "channel_id": channel["id"], "text": "once", "client_id": key}
            await socket.send(json.dumps(request))
            first = await frame(socket, "ok")
            await socket.send(json.dumps(dict(request, ref=2)))
            again = await frame(socket, "ok")
            assert (first["ref"], again["ref"]) == (1, 2)
            assert first["message"]["id"] == again["message"]["id"]
            over_rest = await asyncio.to_thread(ada.on(cluster.nodes[2]).say, channel["id"], "once", key)
            assert over_rest["id"] == first["message"]["id"]
            await socket.send(json.dumps(dict(request, ref=3, text="other")))
            refused = await frame(socket, "error")
            assert (refused["ref"], refused["code"]) == (3, "idempotency_key_reused")
    run(check())


def test_a_refused_send_does_not_close_the_socket(cluster, ada, ben):
    private = ada.channel(kind="private")

    async def check():
        async with connect(cluster.nodes[1]) as socket:
            await signed_in(socket, ben.token)
            for ref, (channel_id, text) in enumerate([(private["id"], "x"), ("chn_nothing", "x"), (private["id"], ""),
                                                      (private["id"], 5), (None, "x"), ("x" * 300, "x")]):
                await socket.send(json.dumps({"type": "send", "ref": ref, "channel_id": channel_id, "text": text}))
                error = await frame(socket, "error")
                assert error["ref"] == ref and error["code"], error
            await socket.send(json.dumps({"type": "ping", "ref": "still"}))
            assert (await frame(socket, "pong"))["ref"] == "still"
    run(check())


def test_joining_and_being_removed_are_told_and_nothing_comes_after(cluster, ada, ben):
    channel = ada.channel(kind="private")

    async def check():
        async with connect(cluster.nodes[2]) as socket:
            await signed_in(socket, ben.token)
            await asyncio.to_thread(ada.put, f"/v1/channels/{channel['id']}/members/{ben.id}", {"role": "member"})
            joined = await frame(socket, "channel.joined")
            assert joined["channel"]["id"] == channel["id"]
            head = joined["channel"]["seq"]
            await asyncio.to_thread(ada.say, channel["id"], "welcome")
            event = await frame(socket, "message.created")
            assert event["seq"] == head + 1
            await asyncio.to_thread(ada.delete, f"/v1/channels/{channel['id']}/members/{ben.id}")
            last = await frame(socket, "member.left")
            assert last["seq"] == head + 2 and last["member"]["user_id"] == ben.id
            await asyncio.to_thread(ada.say, channel["id"], "just us now")
            await socket.send(json.dumps({"type": "ping", "ref": 1}))
            while (after := await frame(socket))["type"] != "pong":
                assert after["type"] == "channel.left", f"an event after the removal: {after}"
            await asyncio.sleep(0.5)
            await socket.send(json.dumps({"type": "ping", "ref": 2}))
            while (after := await frame(socket)).get("ref") != 2:
                assert after["type"] == "channel.left", f"an event after the removal: {after}"
    run(check())


def test_the_seventeenth_socket_of_a_session_closes_the_oldest_with_1008(cluster, ada):
    async def check():
        sockets = []
        for i in range(17):
            socket = await connect(cluster.nodes[0])
            await signed_in(socket, ada.token)
            sockets.append(socket)
        assert await closed_code(sockets[0], 5) == 1008
        await sockets[16].send(json.dumps({"type": "ping", "ref": 1}))
        assert (await frame(sockets[16], "pong"))["ref"] == 1
        for socket in sockets:
            await socket.close()
    run(check())


def test_a_foreign_origin_is_refused_at_the_upgrade(cluster):
    async def check():
        for origin in ("https://evil.example", "null"):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(cluster.nodes[0].ws, origin=origin, proxy=None)
            assert refused.value.response.status_code == 403
        async with websockets.connect(cluster.nodes[0].ws, origin=cluster.nodes[0].http, proxy=None):
            pass
    run(check())


def test_a_token_in_the_header_signs_in(cluster, ada):
    async def check():
        async with websockets.connect(cluster.nodes[0].ws, proxy=None,
                                      additional_headers={"Authorization": f"Bearer {ada.token}"}) as socket:
            assert (await frame(socket))["type"] == "ready"
    run(check())


def test_fetch_gives_the_events_after_a_position(cluster, ada):
    channel = ada.channel()
    for i in range(10):
        ada.say(channel["id"], f"m{i}")

    async def check():
        async with connect(cluster.nodes[1]) as socket:
            await signed_in(socket, ada.token)
            await socket.send(json.dumps({"type": "fetch", "ref": 1, "channel_id": channel["id"],
                                          "after": channel["seq"] + 2, "limit": 5}))
            answer = await frame(socket, "ok")
            assert [e["seq"] for e in answer["events"]] == list(range(channel["seq"] + 3, channel["seq"] + 8))
    run(check())


def test_a_channel_joined_on_one_node_is_in_the_next_ready_and_page_of_every_other(cluster, ada, ben):
    async def check():
        for i in range(12):
            channel = await asyncio.to_thread(ada.channel)
            await asyncio.to_thread(ada.say, channel["id"], "before you came")
            there = ben.on(cluster.nodes[i % 3])
            assert (await asyncio.to_thread(there.post, f"/v1/channels/{channel['id']}/join")).status_code == 204
            other = cluster.nodes[(i + i // 3) % 3]
            async with connect(other) as socket:
                ready = await signed_in(socket, ben.token)
                entry = [c for c in ready["channels"] if c["id"] == channel["id"]]
                assert entry and entry[0]["seq"] == channel["seq"] + 2, (i, other.name, entry)
            page = await asyncio.to_thread(ben.on(other).get, "/v1/messages",
                                           params={"channel_id": channel["id"], "after": 0})
            assert [m["text"] for m in page.json()["items"]] == ["before you came"], (i, other.name)
    run(check())
