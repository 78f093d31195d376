"""What administrators and moderators decide: written on one node, asked of the others at once.

Where a node may lag behind the directory for a moment (what a token may still do), the bound is a second, and the check
measures it.
"""
import concurrent.futures
import json
import time

import pytest
import websockets.exceptions
import websockets.sync.client as sync_ws

from roostkit import cleartext
from roostkit.nodes import Cluster
from roostkit.rest import PASSWORD, login, register, unique


def within(seconds, ask, what):
    """Asks until the answer is true; the bound is the promise that is checked."""
    end = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"


def sign_up(node, name, invite=None):
    body = {"username": name, "password": PASSWORD}
    if invite is not None:
        body["invite"] = invite
    return cleartext.post(node.http + "/auth/register", json=body, timeout=60)


def invite(admin, **fields):
    answer = admin.post("/v1/admin/invites", fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def give_role(admin, person, role):
    answer = admin.put(f"/v1/admin/users/{person.id}/role", {"role": role})
    assert answer.status_code == 200, answer.text
    return answer.json()


def open_socket(node, token):
    socket = sync_ws.connect(node.ws, open_timeout=10)
    socket.send(json.dumps({"type": "auth", "token": token}))
    ready = json.loads(socket.recv(timeout=10))
    assert ready["type"] == "ready", ready
    return socket


def close_code(socket, seconds):
    """Reads until the node closes; the code it gave."""
    end = time.monotonic() + seconds
    try:
        while True:
            socket.recv(timeout=max(end - time.monotonic(), 0.01))
    except websockets.exceptions.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


# Roles

ADMIN_READS = ["/v1/admin/settings", "/v1/admin/audit", "/v1/admin/invites", "/v1/cluster"]


def test_a_role_counts_on_every_node_at_once(cluster, admin, ben):
    first, others = cluster.nodes[0], cluster.nodes[1:]
    boss = admin.on(first)
    for node in others:
        for path in ADMIN_READS + ["/v1/admin/flags"]:
            assert ben.on(node).get(path).status_code == 403, path
    assert give_role(boss, ben, "admin")["role"] == "admin"
    for node in others:
        for path in ADMIN_READS + ["/v1/admin/flags"]:
            assert ben.on(node).get(path).status_code == 200, path
        assert ben.on(node).get(f"/v1/users/{ben.id}").json()["role"] == "admin"
    assert give_role(boss, ben, "moderator")["role"] == "moderator"
    for node in others:
        for path in ADMIN_READS:
            assert ben.on(node).get(path).status_code == 403, path
        assert ben.on(node).get("/v1/admin/flags").status_code == 200
        assert ben.on(node).put(f"/v1/admin/users/{ben.id}/role", {"role": "admin"}).status_code == 403
        assert ben.on(node).post("/v1/admin/invites").status_code == 403
    give_role(boss, ben, "member")
    for node in others:
        assert ben.on(node).get("/v1/admin/flags").status_code == 403


@pytest.mark.serial
def test_a_guest_creates_nothing_on_any_node_and_sees_only_people_of_its_channels(cluster, admin, ada, ben):
    give_role(admin, ben, "guest")
    for node in cluster.nodes:
        guest = ben.on(node)
        within(1, lambda: guest.post("/v1/channels", {"name": unique("r"), "type": "public"}).status_code == 403,
               "a guest creates a channel")
        found = guest.get("/v1/users", params={"query": ada.name}).json()["items"]
        assert found == [], found
    room = ada.channel()
    assert ada.put(f"/v1/channels/{room['id']}/members/{ben.id}").status_code == 200
    for node in cluster.nodes:
        found = ben.on(node).get("/v1/users", params={"query": ada.name}).json()["items"]
        assert [u["id"] for u in found] == [ada.id]


def test_roles_that_are_none_and_people_who_are_nobody(cluster, admin, ada):
    answer = admin.put(f"/v1/admin/users/{ada.id}/role", {"role": "emperor"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "role")
    nobody = "usr_00000000000000000000000000"
    assert admin.put(f"/v1/admin/users/{nobody}/role", {"role": "guest"}).status_code == 404
    assert admin.post(f"/v1/admin/users/{nobody}/deactivate").status_code == 404
    assert admin.post("/v1/admin/users/x/deactivate").status_code == 404


def test_the_last_administrator_stays(cluster, admin):
    """Others of the shared cluster may be administrators for a while, so this one has its own."""
    with Cluster(1) as own:
        own.start()
        boss = register(own.nodes[0], "boss")
        for answer in [boss.put(f"/v1/admin/users/{boss.id}/role", {"role": "member"}),
                       boss.post(f"/v1/admin/users/{boss.id}/deactivate")]:
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), answer.text
        assert boss.get("/v1/admin/settings").status_code == 200


# Deactivation

@pytest.mark.serial
def test_who_is_deactivated_is_gone_from_every_node_and_comes_back_with_everything(cluster, admin):
    eve = register(cluster.nodes[0], unique("eve"))
    room = eve.channel()
    said = eve.say(room["id"], "still here")
    sockets = [open_socket(node, eve.token) for node in cluster.nodes]
    began = time.monotonic()
    assert admin.on(cluster.nodes[0]).post(f"/v1/admin/users/{eve.id}/deactivate").status_code == 204
    for socket in sockets:
        assert close_code(socket, 2) == 4403
    assert time.monotonic() - began < 1.5
    for node in cluster.nodes:
        within(1, lambda: eve.on(node).get("/v1/users/me").status_code == 401, f"401 at {node.name}")
        answer = cleartext.post(node.http + "/auth/login", timeout=20,
                                json={"username": eve.name, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "user_deactivated"), answer.text
        answer = cleartext.post(node.http + "/auth/refresh", json={"refresh_token": eve.grant["refresh_token"]},
                                timeout=20)
        assert answer.status_code in (401, 403), answer.text
        boss = admin.on(node)
        assert boss.get(f"/v1/users/{eve.id}").json()["deactivated_at"] is not None
        assert boss.get("/v1/users", params={"query": eve.name}).json()["items"] == []
        all_of_them = boss.get("/v1/users", params={"query": eve.name, "deactivated": "true"}).json()["items"]
        assert [u["id"] for u in all_of_them] == [eve.id]
    # Again is nothing new.
    assert admin.on(cluster.nodes[1]).post(f"/v1/admin/users/{eve.id}/deactivate").status_code == 204
    assert admin.on(cluster.nodes[1]).post(f"/v1/admin/users/{eve.id}/reactivate").status_code == 204
    for node in cluster.nodes:
        back = login(node, eve.name)
        assert back.get("/v1/users/me").json()["deactivated_at"] is None
        assert back.get(f"/v1/messages/{said['id']}").json()["text"] == "still here"


# Finding people

def test_people_are_found_from_every_node_as_soon_as_they_have_signed_up(cluster, ada):
    stem = unique("find")
    made = [register(cluster.nodes[n % 3], f"{stem}-{n}") for n in range(5)]
    for node in cluster.nodes:
        looking = ada.on(node)
        for path, name in [("/v1/users", "query"), ("/v1/search/users", "q")]:
            answer = looking.get(path, params={name: stem.upper()})
            assert answer.status_code == 200, answer.text
            assert [u["id"] for u in answer.json()["items"]] == [p.id for p in made]
            assert "email" not in answer.json()["items"][0]
        pages, cursor = [], None
        for _ in range(5):
            query = {"query": stem, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = looking.get("/v1/users", params=query).json()
            pages += [u["id"] for u in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert pages == [p.id for p in made]
    assert ada.get("/v1/users", params={"query": stem, "deactivated": "true"}).status_code == 403
    assert ada.get("/v1/users", params={"query": "x" * 513}).status_code == 422
    assert ada.get("/v1/users", params={"cursor": "forged"}).status_code == 422


@pytest.mark.parametrize("first, second", [("barney", "bamey"), ("vvendy", "wendy"), ("bob0", "bobo"),
                                           ("a1ice", "alice")])
def test_a_name_that_looks_like_another_is_taken(cluster, first, second):
    stem = unique("s")
    assert sign_up(cluster.nodes[0], f"{stem}{first}").status_code == 201
    for node in cluster.nodes:
        answer = sign_up(node, f"{stem}{second}")
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


# Settings, sign-up, invites: what closes the door closes it for all, so they have their own cluster.

@pytest.fixture(scope="module")
def walled():
    with Cluster(3, options=("--registration", "invite", "--rate-limits", "off")) as running:
        running.start()
        running.admin = register(running.nodes[0], "boss")
        running.wait_replicated(running.admin.token)
        yield running


@pytest.mark.serial
def test_an_invite_lets_as_many_in_as_it_says_from_whatever_nodes(walled):
    n1, n2, n3 = walled.nodes
    assert sign_up(n2, unique("p")).json()["code"] == "invite_required"
    for wrong in ["inv_x", "", "inv_00000000000000000000000000"]:
        answer = sign_up(n3, unique("p"), wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "invite_invalid"), wrong
    made = invite(walled.admin.on(n1), role="moderator", max_uses=2)
    assert (made["role"], made["max_uses"], made["uses"]) == ("moderator", 2, 0)
    assert made["url"].endswith("/#/join/" + made["invite"])
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: sign_up(walled.nodes[n % 3], unique("p"), made["invite"]), range(6)))
    assert sorted(a.status_code for a in answers) == [201, 201, 403, 403, 403, 403]
    assert {a.json()["code"] for a in answers if a.status_code == 403} == {"invite_invalid"}
    assert {a.json()["user"]["role"] for a in answers if a.status_code == 201} == {"moderator"}
    # A sign-up that was refused for its name costs no use.
    one = invite(walled.admin.on(n2))
    assert sign_up(n1, "boss", one["invite"]).json()["code"] == "name_taken"
    assert sign_up(n3, unique("p"), one["invite"]).status_code == 201


@pytest.mark.serial
def test_a_revoked_or_expired_invite_lets_nobody_in(walled):
    n1, n2, n3 = walled.nodes
    kept, revoked = invite(walled.admin.on(n1), max_uses=9), invite(walled.admin.on(n1))
    for node in (n2, n3):
        listed = walled.admin.on(node).get("/v1/admin/invites").json()["items"]
        assert [i["invite"] for i in listed[:2]] == [revoked["invite"], kept["invite"]]
    page = walled.admin.on(n2).get("/v1/admin/invites", params={"limit": 1}).json()
    rest = walled.admin.on(n3).get("/v1/admin/invites", params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert [page["items"][0]["invite"], rest["items"][0]["invite"]] == [revoked["invite"], kept["invite"]]
    assert walled.admin.on(n2).delete(f"/v1/admin/invites/{revoked['invite']}").status_code == 204
    assert walled.admin.on(n3).delete(f"/v1/admin/invites/{revoked['invite']}").status_code == 204
    for node in walled.nodes:
        assert sign_up(node, unique("p"), revoked["invite"]).json()["code"] == "invite_invalid"
    brief = invite(walled.admin.on(n1), expires_in=1)
    time.sleep(1.2)
    assert sign_up(n2, unique("p"), brief["invite"]).json()["code"] == "invite_invalid"
    for bad in [{"max_uses": 0}, {"max_uses": 10_001}, {"expires_in": 0}, {"role": "owner"},
                {"expires_in": 400 * 86_400}]:
        assert walled.admin.post("/v1/admin/invites", bad).status_code == 422, bad


@pytest.mark.serial
def test_who_may_sign_up_is_what_was_set_last_on_every_node(walled):
    n1, n2, n3 = walled.nodes
    spare = invite(walled.admin.on(n1), max_uses=9)["invite"]
    for mode, plain, invited in [("closed", "registration_closed", "registration_closed"), ("open", None, None),
                                 ("invite", "invite_required", None)]:
        answer = walled.admin.on(n1).put("/v1/admin/settings", {"registration": mode})
        assert (answer.status_code, answer.json()["registration"]) == (200, mode)
        for node in (n2, n3):
            assert walled.admin.on(node).get("/v1/admin/settings").json()["registration"] == mode
            for key, expected in [(None, plain), (spare, invited)]:
                got = sign_up(node, unique("p"), key)
                assert got.json().get("code") == expected, (mode, key, got.text)


@pytest.mark.serial
def test_settings_change_field_by_field_and_say_what_is_wrong(walled):
    n1, n2, n3 = walled.nodes
    before = walled.admin.on(n2).get("/v1/admin/settings").json()
    change = {"name": "Lab", "retention_days": 30, "mention_right": "owners", "edit_window_seconds": 0,
              "content_policy": "anonymise", "public_url": "https://chat.example/app/",
              "allowed_origins": ["https://a.example", "http://[::1]:3000"], "unknown": 1}
    assert walled.admin.on(n1).put("/v1/admin/settings", change).status_code == 200
    for node in (n2, n3):
        now = walled.admin.on(node).get("/v1/admin/settings").json()
        assert now == before | {k: v for k, v in change.items() if k != "unknown"}
        within(1, lambda: invite(walled.admin.on(node))["url"].startswith("https://chat.example/app/#/join/inv_"),
               "the public address in invites")
    back = {"retention_days": None, "edit_window_seconds": None, "public_url": None, "allowed_origins": [],
            "mention_right": "everyone", "content_policy": "keep"}
    assert walled.admin.on(n2).put("/v1/admin/settings", back).json() == before | back | {"name": "Lab"}
    for bad in [{"registration": "yes"}, {"retention_days": 0}, {"retention_days": "30"}, {"name": ""},
                {"public_url": "javascript:alert(1)"}, {"public_url": "https://a.example/?q"},
                {"allowed_origins": ["https://a.example/path"]}, {"allowed_origins": "x"}, {"mention_right": 1}]:
        answer = walled.admin.put("/v1/admin/settings", bad)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(bad))), bad


@pytest.mark.serial
def test_an_allowed_origin_opens_sockets_on_every_node(walled):
    page = "https://pages.example"

    def enters(node):
        try:
            sync_ws.connect(node.ws, origin=page, open_timeout=10).close()
            return True
        except websockets.exceptions.InvalidStatus as refused:
            assert refused.response.status_code == 403
            return False
    assert not any(enters(node) for node in walled.nodes)
    assert walled.admin.put("/v1/admin/settings", {"allowed_origins": [page]}).status_code == 200
    for node in walled.nodes:
        within(1, lambda: enters(node), f"the origin at {node.name}")
    assert walled.admin.put("/v1/admin/settings", {"allowed_origins": []}).status_code == 200


# The audit log

def test_the_audit_log_is_one_chain_read_from_any_node(cluster, admin):
    n1, n2, n3 = cluster.nodes
    eve = register(n1, unique("eve"))
    began = admin.get("/v1/admin/audit", params={"limit": 1}).json()["items"]
    give_role(admin.on(n1), eve, "moderator")
    give_role(admin.on(n2), eve, "guest")
    assert admin.on(n3).post(f"/v1/admin/users/{eve.id}/deactivate", {"policy": "keep"}).status_code == 204
    for node in (n1, n2, n3):
        mine = admin.on(node).get("/v1/admin/audit", params={"target": eve.id}).json()["items"]
        assert [e["action"] for e in mine] == ["user.deactivate", "user.role", "user.role"]
        assert all(e["actor_id"] == admin.id for e in mine)
        assert mine[1]["details"] == {"from": "moderator", "to": "guest"}
        roles = admin.on(node).get("/v1/admin/audit", params={
            "target": eve.id, "action": "user.role", "actor_id": admin.id, "since": mine[2]["at"],
            "until": mine[1]["at"]}).json()["items"]
        assert [e["id"] for e in roles] == [mine[1]["id"], mine[2]["id"]]
        assert admin.on(node).get("/v1/admin/audit", params={"actor_id": eve.id}).json()["items"] == []
    # Page by page, each from another node: no gap in the numbers, no break in the chain.
    seen, cursor = [], None
    for turn in range(50):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = admin.on(cluster.nodes[turn % 3]).get("/v1/admin/audit", params=query).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    numbers = [int(e["id"]) for e in seen]
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
    assert all(newer["previous_hash"] == older["hash"] for newer, older in zip(seen, seen[1:]))
    if began:
        assert any(e["hash"] == began[0]["hash"] for e in seen) or cursor is not None
    if cursor is None:
        assert numbers[-1] == 1 and seen[-1]["previous_hash"] == "0" * 64
    for bad in [{"since": "yesterday"}, {"actor_id": "eve"}, {"cursor": "x"}, {"action": "a" * 257}]:
        assert admin.get("/v1/admin/audit", params=bad).status_code == 422, bad


# Flags

def test_a_flag_reaches_the_moderators_and_is_resolved_once(cluster, admin, ada, ben, person):
    n1, n2, n3 = cluster.nodes
    watcher = person("moderator")
    room = ada.on(n1).channel(kind="private")
    assert ada.put(f"/v1/channels/{room['id']}/members/{ben.id}").status_code == 200
    said = [ada.say(room["id"], text) for text in ("something rude", "something else")]
    flags = []
    for message in said:
        answer = ben.on(n2).post(f"/v1/messages/{message['id']}/flag", {"reason": "rude"})
        assert answer.status_code == 201, answer.text
        flags.append(answer.json()["id"])

    def listed(node, state):
        answer = watcher.on(node).get("/v1/admin/flags", params={"state": state, "limit": 200})
        assert answer.status_code == 200, answer.text
        return {f["id"]: f for f in answer.json()["items"]}
    for node in (n1, n3):
        flag = listed(node, "open")[flags[0]]
        assert (flag["message_id"], flag["reason"], flag["excerpt"]) == (said[0]["id"], "rude", "something rude")
        assert (flag["user_id"], flag["reporter_id"], flag["state"]) == (ada.id, ben.id, "open")
    assert ben.on(n3).get("/v1/admin/flags").status_code == 403
    resolve = f"/v1/admin/flags/{flags[0]}/resolve"
    assert ben.on(n3).post(resolve, {"action": "dismissed"}).status_code == 403
    assert watcher.on(n3).post(resolve, {"action": "burned"}).status_code == 422
    assert watcher.on(n3).post(resolve, {"action": "deleted", "note": "gone"}).status_code == 204
    assert watcher.on(n1).post(resolve, {"action": "dismissed"}).status_code == 204
    assert watcher.on(n2).post(f"/v1/admin/flags/{flags[1]}/resolve", {"action": "dismissed"}).status_code == 204
    for node in cluster.nodes:
        assert not set(flags) & set(listed(node, "open"))
        closed = listed(node, "resolved")
        assert closed[flags[0]]["resolution"]["action"] == "deleted"
        assert (closed[flags[0]]["resolution"]["by"], closed[flags[0]]["resolution"]["note"]) == (watcher.id, "gone")
        assert closed[flags[1]]["resolution"]["action"] == "dismissed"
        assert ben.on(node).get(f"/v1/messages/{said[0]['id']}").json()["deleted_at"] is not None
        assert ben.on(node).get(f"/v1/messages/{said[1]['id']}").json()["deleted_at"] is None
    missing = "flg_00000000000000000000000000"
    assert watcher.post(f"/v1/admin/flags/{missing}/resolve", {"action": "dismissed"}).status_code == 404


# Emoji

def test_emoji_names_are_one_list_on_every_node(cluster, admin, ada, ben):
    n1, n2, n3 = cluster.nodes
    name = unique("party")
    assert ada.on(n1).post("/v1/emoji", {"name": name, "alias": "🎉"}).status_code == 201
    assert ben.on(n2).post("/v1/emoji", {"name": name, "alias": "🎉"}).status_code == 201
    assert ben.on(n3).post("/v1/emoji", {"name": name, "alias": "🔥"}).json()["code"] == "name_taken"
    for node in (n2, n3):
        listed = {e["name"]: e for e in ben.on(node).get("/v1/emoji", params={"limit": 200}).json()["items"]}
        assert (listed[name]["alias"], listed[name]["created_by"]) == ("🎉", ada.id)
    assert ben.on(n2).delete(f"/v1/emoji/{name}").status_code == 403
    assert ada.on(n2).delete(f"/v1/emoji/{name}").status_code == 204
    for node in cluster.nodes:
        listed = [e["name"] for e in ben.on(node).get("/v1/emoji", params={"limit": 200}).json()["items"]]
        assert name not in listed
    for bad in [{"name": "A b", "alias": "x"}, {"name": "x"}, {"name": "x", "alias": ""}]:
        assert ada.post("/v1/emoji", bad).status_code == 422
