"""Who is here and who types: written on one node, seen on the others. Frames that change messages do as REST does."""
import asyncio
import datetime
import json
import time

import pytest
import websockets

from conftest import run
from roostkit.nodes import Cluster
from roostkit.rest import register, unique
from test_socket import connect, frame, signed_in


def presence(person, node, *people):
    answer = person.on(node).get("/v1/presence", params={"user_ids": ",".join(p.id for p in people)})
    assert answer.status_code == 200, answer.text
    return {item["user_id"]: item for item in answer.json()["items"]}


def ahead(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def ask(socket, **request):
    """One request and its answer; what comes in between is dropped."""
    request["ref"] = unique("r")
    await socket.send(json.dumps(request))
    while True:
        answer = await frame(socket)
        if answer.get("ref") == request["ref"]:
            return answer


async def silent(socket, kind, seconds=0.7):
    """Asserts that no frame of a kind comes for a while."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            received = json.loads(await asyncio.wait_for(socket.recv(), left))
        except (TimeoutError, asyncio.TimeoutError):
            return
        assert received["type"] != kind, received


@pytest.mark.parametrize("status", ["dnd", "offline", "away", "online"])
def test_what_one_says_on_a_node_is_seen_at_once_on_the_others(cluster, ada, ben, status):
    for node in cluster.nodes:
        answer = ada.on(node).put("/v1/presence", {"status": status})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"user_id": ada.id, "status": status, "until": None}
        for other in cluster.others(node):
            assert presence(ben, other, ada)[ada.id] == {"user_id": ada.id, "status": status, "until": None}
        # Back to what devices say: the request itself is one.
        assert ada.on(node).put("/v1/presence", {"status": "online"}).json()["status"] == "online"
        for other in cluster.others(node):
            assert presence(ben, other, ada)[ada.id]["status"] == "online"


def test_do_not_disturb_has_an_end_and_nothing_else_has(cluster, ada, ben):
    until = ahead(2)
    answer = ada.put("/v1/presence", {"status": "dnd", "until": until})
    assert answer.status_code == 200 and answer.json()["until"] == until
    for node in cluster.nodes[1:]:
        assert presence(ben, node, ada)[ada.id] == {"user_id": ada.id, "status": "dnd", "until": until}
    for status in ("online", "away", "offline"):
        assert ada.put("/v1/presence", {"status": status, "until": ahead(60)}).status_code == 422
    assert ada.put("/v1/presence", {"status": "dnd", "until": ahead(-60)}).status_code == 422
    for body in ({}, {"status": "busy"}, {"status": 1}, {"status": "dnd", "until": "tomorrow"}):
        assert ada.put("/v1/presence", body).status_code == 422, body
    time.sleep(2.2)
    for node in cluster.nodes:
        assert presence(ben, node, ada)[ada.id]["status"] != "dnd"


def test_whom_one_asks_for(cluster, ada, ben):
    items = presence(ada, cluster.nodes[2], ada, ben)
    assert items[ben.id] == {"user_id": ben.id, "status": "offline", "until": None} and len(items) == 2
    strange = ada.get("/v1/presence", params={"user_ids": f"nonsense,{ben.id},usr_00000000000000000000000000"})
    assert [item["user_id"] for item in strange.json()["items"]] == [ben.id]
    assert ada.get("/v1/presence").status_code == 422
    assert ada.get("/v1/presence", params={"user_ids": ",".join("x" * 201)}).status_code == 422


@pytest.mark.serial
def test_a_watcher_hears_of_devices_on_another_node(cluster, ada, ben):
    async def check():
        async with connect(cluster.nodes[0]) as watcher:
            ready = await signed_in(watcher, ada.token)
            assert ready["presence"] is True
            answer = await ask(watcher, type="presence.watch", user_ids=[ben.id, "nonsense"])
            assert answer["type"] == "ok"
            assert answer["items"] == [{"user_id": ben.id, "status": "offline", "until": None}]

            async def becomes(status):
                while True:
                    changed = await frame(watcher, "presence.changed", 4)
                    assert changed["user_id"] == ben.id
                    if changed["status"] == status:
                        return changed
            async with connect(cluster.nodes[1]) as device:
                await signed_in(device, ben.token)
                await becomes("online")
                assert (await ask(device, type="presence.set", status="dnd"))["type"] == "ok"
                await becomes("dnd")
                assert (await ask(device, type="presence.set", status="online"))["type"] == "ok"
                await becomes("online")
            await becomes("offline")
            # The new set replaces the old one.
            assert (await ask(watcher, type="presence.watch", user_ids=[]))["items"] == []
            async with connect(cluster.nodes[2]) as device:
                await signed_in(device, ben.token)
                await silent(watcher, "presence.changed", 1.5)
            refused = await ask(watcher, type="presence.watch", user_ids=[ben.id] * 1001)
            assert refused["type"] == "error" and refused["code"] == "invalid"
    run(check())


@pytest.mark.serial
def test_typing_is_heard_on_another_node_but_not_by_the_typist_or_who_has_left(cluster, ada, ben, person):
    gone = person("member", cluster.nodes[2])
    channel = ada.channel()
    for member in (ben, gone):
        assert member.post(f"/v1/channels/{channel['id']}/join").status_code == 204

    async def check():
        async with connect(cluster.nodes[0]) as typist, connect(cluster.nodes[1]) as reader, \
                connect(cluster.nodes[2]) as second, connect(cluster.nodes[2]) as leaver:
            for socket, who in ((typist, ada), (reader, ben), (second, ada), (leaver, gone)):
                await signed_in(socket, who.token)
            assert gone.post(f"/v1/channels/{channel['id']}/leave").status_code == 204
            await frame(leaver, "channel.left")
            assert (await ask(typist, type="typing.start", channel_id=channel["id"]))["type"] == "ok"
            note = await frame(reader, "typing", 1)
            assert note == {"type": "typing", "channel_id": channel["id"], "user_id": ada.id}
            # Once in two seconds.
            assert (await ask(typist, type="typing.start", channel_id=channel["id"]))["type"] == "ok"
            await silent(reader, "typing")
            assert (await ask(typist, type="typing.stop", channel_id=channel["id"]))["type"] == "ok"
            assert (await frame(reader, "typing", 1))["stopped"] is True
            await silent(second, "typing")
            await silent(leaver, "typing")
            refused = await ask(leaver, type="typing.start", channel_id=channel["id"])
            assert refused["code"] == "not_found"
    run(check())


@pytest.mark.serial
def test_reading_on_one_device_is_told_to_the_others_on_other_nodes(cluster, ada, ben):
    channel = ada.channel()
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    seqs = [ada.say(channel["id"], f"m{i}")["seq"] for i in range(3)]

    async def check():
        async with connect(cluster.nodes[0]) as one, connect(cluster.nodes[1]) as other, \
                connect(cluster.nodes[2]) as stranger:
            await signed_in(one, ben.token)
            await signed_in(other, ben.token)
            await signed_in(stranger, ada.token)
            answer = await ask(one, type="read", channel_id=channel["id"], seq=seqs[1])
            assert answer["type"] == "ok"
            expected = {"channel_id": channel["id"], "read_seq": seqs[1], "unread": 1, "mentions": 0}
            assert {k: answer[k] for k in expected} == expected
            assert await frame(other, "read.updated", 2) == {"type": "read.updated", **expected}
            # Never back.
            again = await ask(one, type="read", channel_id=channel["id"], seq=1)
            assert again["read_seq"] == seqs[1]
            await silent(stranger, "read.updated")
            missing = await ask(stranger, type="read", channel_id=channel["id"][:-1] + "0", seq=1)
            assert missing["code"] == "not_found"
    run(check())


def test_edit_delete_react_and_unreact_do_as_over_rest(cluster, ada, ben):
    channel = ada.channel()
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    message = ada.say(channel["id"], "first")

    async def check():
        async with connect(cluster.nodes[1]) as author, connect(cluster.nodes[2]) as reader:
            await signed_in(author, ada.token)
            await signed_in(reader, ben.token)

            def now(node):
                return ben.on(node).get(f"/v1/messages/{message['id']}").json()
            edited = await ask(author, type="edit", message_id=message["id"], text="second")
            assert edited["type"] == "ok" and edited["message"]["text"] == "second", edited
            assert (await frame(reader, "message.edited"))["message"]["text"] == "second"
            assert all(now(node)["text"] == "second" for node in cluster.nodes)
            refused = await ask(reader, type="edit", message_id=message["id"], text="mine")
            assert refused["code"] == "forbidden"

            answer = await ask(reader, type="react", message_id=message["id"], emoji="👍")
            assert answer["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [ben.id]}]
            assert (await frame(author, "reaction.added"))["reaction"] == {
                "message_id": message["id"], "emoji": "👍", "user_id": ben.id}
            assert all(now(node)["reactions"] == answer["reactions"] for node in cluster.nodes)
            assert (await ask(reader, type="unreact", message_id=message["id"], emoji="👍"))["reactions"] == []
            assert all(now(node)["reactions"] == [] for node in cluster.nodes)

            refused = await ask(reader, type="delete", message_id=message["id"])
            assert refused["code"] == "forbidden"
            deleted = await ask(author, type="delete", message_id=message["id"])
            assert deleted["message"]["deleted_at"] and "text" not in deleted["message"]
            assert all(now(node)["deleted_at"] and "text" not in now(node) for node in cluster.nodes)
            gone = await ask(author, type="react", message_id=f"{channel['id']}.999", emoji="👍")
            assert gone["code"] == "not_found"
    run(check())


@pytest.mark.serial
def test_people_of_a_dead_node_are_offline_soon():
    with Cluster(3) as own:
        own.start()
        admin = register(own.nodes[0], "admin")
        own.wait_replicated(admin.token)
        ben = register(own.nodes[1], "ben")

        async def check():
            async with connect(own.nodes[0]) as watcher:
                await signed_in(watcher, admin.token)
                assert (await ask(watcher, type="presence.watch", user_ids=[ben.id]))["type"] == "ok"
                device = await websockets.connect(own.nodes[2].ws, proxy=None)
                await signed_in(device, ben.token)
                while (await frame(watcher, "presence.changed", 3))["status"] != "online":
                    pass
                own.nodes[2].kill()
                began = time.monotonic()
                while (await frame(watcher, "presence.changed", 20))["status"] != "offline":
                    pass
                assert time.monotonic() - began < 15
                assert presence(admin, own.nodes[1], ben)[ben.id]["status"] == "offline"
        run(check())
