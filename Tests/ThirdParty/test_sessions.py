"""Accounts, tokens and what ends them."""
import time

import jwt
import pytest
import websockets.sync.client as sync_ws

from roostkit import cleartext
from roostkit.rest import PASSWORD, login, register, unique


def refresh(node, token):
    return cleartext.post(node.http + "/auth/refresh", json={"refresh_token": token}, timeout=20)


def test_an_account_made_on_one_node_signs_in_on_every_other(cluster):
    name = unique("eve")
    register(cluster.nodes[0], name)
    for node in cluster.nodes:
        assert login(node, name).get("/v1/users/me").json()["username"] == name


def test_a_taken_name_is_a_conflict_on_every_node(cluster, ada):
    for node in cluster.nodes:
        answer = cleartext.post(node.http + "/auth/register", timeout=20,
                                json={"username": ada.name, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_two_registrations_of_one_name_at_once_make_one_account(cluster):
    import concurrent.futures
    for _ in range(5):
        name = unique("race")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            codes = list(pool.map(lambda n: cleartext.post(n.http + "/auth/register", timeout=30, json={
                "username": name, "password": PASSWORD}).status_code, cluster.nodes))
        assert sorted(codes) == [201, 409, 409], codes
        login(cluster.nodes[0], name)


def test_wrong_password_and_unknown_user_get_the_same_answer(cluster, ada):
    def ask(name, password):
        a = cleartext.post(cluster.nodes[0].http + "/auth/login", timeout=20,
                           json={"username": name, "password": password})
        body = a.json()
        body.pop("request_id")
        return a.status_code, body
    wrong, unknown = ask(ada.name, "not the password"), ask(unique("nobody"), "not the password")
    assert wrong == unknown
    assert wrong[0] == 401 and wrong[1]["code"] == "invalid_credentials"


def test_refresh_rotates_and_the_same_token_within_ten_seconds_gives_the_same_successor(cluster, ada):
    old = ada.grant["refresh_token"]
    first = refresh(cluster.nodes[1], old)
    assert first.status_code == 200, first.text
    assert first.json()["refresh_token"] != old
    again = refresh(cluster.nodes[2], old)
    assert again.status_code == 200, again.text
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert ada.on(cluster.nodes[0]).get("/v1/users/me").status_code == 200


def test_an_old_refresh_token_after_ten_seconds_ends_the_session(cluster):
    eve = register(cluster.nodes[0])
    old = eve.grant["refresh_token"]
    new = refresh(cluster.nodes[0], old).json()
    time.sleep(11)
    assert refresh(cluster.nodes[1], old).status_code == 401
    assert refresh(cluster.nodes[2], new["refresh_token"]).status_code == 401
    deadline = time.monotonic() + 2
    while cleartext.get(cluster.nodes[2].http + "/v1/users/me",
                        headers={"Authorization": "Bearer " + new["access_token"]}).status_code != 401:
        assert time.monotonic() < deadline, "an access token of the ended session is still good"
        time.sleep(0.05)


@pytest.mark.serial
def test_logout_closes_the_sockets_of_the_session_on_other_nodes_with_4403(cluster):
    import json
    eve = register(cluster.nodes[0])
    with sync_ws.connect(cluster.nodes[2].ws, proxy=None) as socket:
        socket.send(json.dumps({"type": "auth", "token": eve.token}))
        assert json.loads(socket.recv(10))["type"] == "ready"
        began = time.monotonic()
        assert eve.post("/auth/logout", {}).status_code == 204
        with pytest.raises(Exception) as closed:
            while True:
                socket.recv(5)
        assert closed.value.rcvd.code == 4403
        assert time.monotonic() - began < 2
    while eve.on(cluster.nodes[1]).get("/v1/users/me").status_code != 401:
        assert time.monotonic() - began < 2
    assert refresh(cluster.nodes[1], eve.grant["refresh_token"]).status_code == 401


def test_access_tokens_verify_with_an_independent_library_and_the_published_keys(cluster, ada):
    for node in cluster.nodes:
        keys = jwt.PyJWKSet.from_dict(cleartext.get(node.http + "/.well-known/jwks.json").json())
        head = jwt.get_unverified_header(ada.token)
        assert head["alg"] not in ("none", "HS256")
        key = next(k for k in keys.keys if k.key_id == head["kid"])
        claims = jwt.decode(ada.token, key.key, algorithms=[head["alg"]], options={"verify_aud": False})
        assert claims["sub"] == ada.id
        assert 0 < claims["exp"] - time.time() <= 900
        assert not {"d", "p", "q", "k"} & set(cleartext.get(node.http + "/.well-known/jwks.json").json()["keys"][0])


def test_forged_and_mangled_tokens_are_refused(cluster, ada):
    head, payload, signature = ada.token.split(".")
    none = jwt.utils.base64url_encode(b'{"alg":"none","typ":"at+jwt"}').decode()
    forged = [
        "x", "a.b.c", f"{none}.{payload}.", f"{none}.{payload}.{signature}", f"{head}.{payload}.",
        f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload[:-2]}.{signature}",
        jwt.encode({"sub": ada.id, "exp": time.time() + 600}, "k" * 32, algorithm="HS256"),
        ada.grant["refresh_token"], "x" * 7000,
    ]
    for token in forged:
        answer = cleartext.get(cluster.nodes[1].http + "/v1/users/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, (token[:40], answer.status_code)
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_token_in_the_query_is_no_token(cluster, ada):
    assert cleartext.get(cluster.nodes[0].http + f"/v1/users/me?access_token={ada.token}").status_code == 401


def test_introspection_tells_active_tokens_from_others(cluster, ada):
    good = ada.post("/auth/introspect", {"token": ada.token})
    assert good.status_code == 200 and good.json()["active"] is True and good.json()["sub"] == ada.id
    form = ada.http.post("/auth/introspect", data={"token": ada.token})
    assert form.status_code == 200 and form.json()["active"] is True
    bad = ada.post("/auth/introspect", {"token": "nonsense"})
    assert bad.status_code == 200 and bad.json() == {"active": False}


def test_a_token_whose_session_has_ended_is_active_on_no_node(cluster, ada, ben):
    for node in cluster.nodes:
        assert ben.on(node).post("/auth/introspect", {"token": ada.token}).json()["active"] is True
    begun = time.monotonic()
    assert ada.on(cluster.nodes[2]).post("/auth/logout").status_code == 204
    for node in cluster.nodes:
        while (answer := ben.on(node).post("/auth/introspect", {"token": ada.token}).json()) != {"active": False}:
            assert time.monotonic() - begun < 1, answer


@pytest.mark.parametrize("body", [
    {"username": "x", "password": PASSWORD}, {"username": "has space", "password": PASSWORD},
    {"username": "fine-name", "password": "short"}, {"username": "a" * 65, "password": PASSWORD},
    {"username": "fine-name", "password": "x" * 2000}, {"username": {"$gt": ""}, "password": PASSWORD},
    {"username": ["fine"], "password": PASSWORD}, {"password": PASSWORD}, {"username": "fine-name"},
])
def test_an_invalid_registration_names_the_field(cluster, body):
    answer = cleartext.post(cluster.nodes[0].http + "/auth/register", json=body, timeout=20)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] and all({"field", "detail"} <= set(e) for e in answer.json()["errors"])


def test_the_registration_setting_decides():
    from roostkit.nodes import Cluster
    with Cluster(1, options=["--rate-limits", "off"]) as invited:
        node = invited.start().nodes[0]
        register(node)
        answer = cleartext.post(node.http + "/auth/register", timeout=20,
                                json={"username": "second", "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "invite_required")
