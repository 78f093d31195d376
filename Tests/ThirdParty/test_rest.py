"""The REST contract of what exists: channels, membership, conventions and limits."""
import concurrent.futures
import json
import socket
import unicodedata

import httpx
import pytest

from roostkit import cleartext
from roostkit.rest import unique

pytestmark = pytest.mark.neighbours

PROBLEM_FIELDS = {"type", "title", "status", "code", "detail", "request_id"}


def check_problem(answer, status, code=None):
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    body = answer.json()
    assert PROBLEM_FIELDS <= set(body), body
    assert body["status"] == status
    assert body["request_id"] == answer.headers["Request-Id"]
    if code:
        assert body["code"] == code
    if status in (429, 503):
        assert "Retry-After" in answer.headers
    if status == 422:
        assert body.get("errors") or body["code"] == "idempotency_key_reused"
    return body


def test_a_channel_made_on_one_node_is_the_same_on_all(cluster, ada):
    channel = ada.channel()
    assert {"id", "name", "type", "topic", "created_by", "created_at", "archived_at", "member_count", "seq"} <= set(channel)
    assert channel["id"].startswith("chn_") and channel["created_by"] == ada.id
    assert channel["member_count"] == 1 and channel["archived_at"] is None
    for node in cluster.nodes:
        assert ada.on(node).get(f"/v1/channels/{channel['id']}").json() == ada.get(f"/v1/channels/{channel['id']}").json()
        mine = ada.on(node).get("/v1/users/me/channels").json()["items"]
        assert channel["id"] in [c["id"] for c in mine]
        entry = next(c for c in mine if c["id"] == channel["id"])
        assert {"seq", "read_seq", "unread", "mentions", "muted"} <= set(entry)


def test_a_taken_channel_name_is_a_conflict_on_another_node(cluster, ada, ben):
    channel = ada.channel()
    check_problem(ben.post("/v1/channels", {"name": channel["name"], "type": "public"}), 409, "name_taken")


def test_a_private_channel_is_not_there_for_others(cluster, ada, ben):
    channel = ada.channel(kind="private")
    sent = ada.say(channel["id"], "between us")
    missing = "chn_" + "0" * (len(channel["id"]) - 4)

    def shape(answer, own):
        body = check_problem(answer, 404)
        body.pop("request_id")
        return json.dumps(body).replace(own, "ID")

    for path in ("/v1/channels/{}", "/v1/channels/{}/members", "/v1/messages?channel_id={}"):
        assert shape(ben.get(path.format(channel["id"])), channel["id"]) == shape(ben.get(path.format(missing)), missing)
    check_problem(ben.get(f"/v1/messages/{sent['id']}"), 404)
    check_problem(ben.post(f"/v1/channels/{channel['id']}/join"), 404)
    check_problem(ben.post("/v1/messages", {"channel_id": channel["id"], "text": "hi"}), 404)
    assert channel["id"] not in [c["id"] for c in ben.get("/v1/channels?query=" + channel["name"]).json()["items"]]


def test_members_come_and_go_and_a_removed_one_sees_nothing_on_any_node(cluster, ada, ben):
    channel = ada.channel(kind="private")
    sent = ada.say(channel["id"], "for members")
    path = f"/v1/channels/{channel['id']}"
    assert ada.put(f"{path}/members/{ben.id}", {"role": "member"}).status_code in (200, 201)
    for node in cluster.nodes:
        there = ben.on(node)
        assert [m["id"] for m in there.history(channel["id"])] == [sent["id"]]
        members = there.get(f"{path}/members").json()["items"]
        assert {(m["user_id"], m["role"]) for m in members} == {(ada.id, "owner"), (ben.id, "member")}
        assert all("joined_at" in m for m in members)
        assert channel["id"] in [c["id"] for c in there.get("/v1/users/me/channels").json()["items"]]
    assert ada.get(path).json()["member_count"] == 2
    assert ada.delete(f"{path}/members/{ben.id}").status_code == 204
    for node in cluster.nodes:
        check_problem(ben.on(node).get(path), 404)
        check_problem(ben.on(node).get(f"/v1/messages/{sent['id']}"), 404)
        check_problem(ben.on(node).get("/v1/messages", params={"channel_id": channel["id"]}), 404)
        assert channel["id"] not in [c["id"] for c in ben.on(node).get("/v1/users/me/channels").json()["items"]]


def test_a_public_channel_is_joined_and_left(cluster, ada, ben):
    channel = ada.channel()
    path = f"/v1/channels/{channel['id']}"
    assert ben.get(path).status_code == 200, "a public channel is readable by every member of the workspace"
    check_problem(ben.post("/v1/messages", {"channel_id": channel["id"], "text": "no member"}), 403)
    assert ben.post(f"{path}/join").status_code == 204
    assert ben.post(f"{path}/join").status_code == 204
    assert ben.on(cluster.nodes[2]).get(path).json()["member_count"] == 2
    ben.say(channel["id"], "member now")
    assert ben.post(f"{path}/leave").status_code == 204
    check_problem(ben.on(cluster.nodes[2]).post("/v1/messages", {"channel_id": channel["id"], "text": "gone"}), 403)


def test_the_public_directory_is_paged_by_cursor(cluster, ada):
    stem = unique("page")
    made = sorted(ada.channel(f"{stem}-{i}")["id"] for i in range(5))
    for node in cluster.nodes:
        seen, cursor = [], None
        for _ in range(10):
            parameters = {"query": stem, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = ada.on(node).get("/v1/channels", params=parameters).json()
            assert len(page["items"]) <= 2
            seen += [c["id"] for c in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == made
    check_problem(ada.get("/v1/channels", params={"cursor": "forged"}), 422)


def test_another_person_is_seen_without_email(cluster, ada, ben):
    seen = ada.get(f"/v1/users/{ben.id}").json()
    assert seen["id"] == ben.id and seen["username"] == ben.name
    assert not seen.get("email")
    check_problem(ada.get("/v1/users/usr_nobody"), 404)


def test_the_cluster_report_is_for_admins(cluster, admin, ada):
    check_problem(ada.get("/v1/cluster"), 403)
    reports = [cluster.report(admin.token, node) for node in cluster.nodes]
    for report in reports:
        assert report["cluster_id"] == reports[0]["cluster_id"]
        assert {n["id"] for n in report["nodes"]} == {n["id"] for n in reports[0]["nodes"]}
        assert {n["state"] for n in report["nodes"]} == {"active"}
        # 32 shards of channels and users, and the directory.
        assert len(report["shards"]) == 33
        for shard in report["shards"]:
            assert shard["leader"] in [r["node_id"] for r in shard["replicas"] if r["role"] == "voter"]
            assert shard["term"] >= 1


def test_leaderships_spread_over_the_nodes(cluster, admin):
    import collections
    import time
    deadline = time.monotonic() + 120
    while True:
        led = collections.Counter(s["leader"] for s in cluster.report(admin.token)["shards"])
        if len(led) == 3 and min(led.values()) >= 5:
            return
        assert time.monotonic() < deadline, f"leaderships by node: {led}"
        time.sleep(0.5)


# MARK: conventions and limits

def test_request_ids_are_taken_or_made(cluster):
    node = cluster.nodes[0]
    assert cleartext.get(node.http + "/health", headers={"Request-Id": "my-id-1"}).headers["Request-Id"] == "my-id-1"
    made = [cleartext.get(node.http + "/health").headers["Request-Id"] for _ in range(2)]
    assert made[0] and made[0] != made[1]
    evil = cleartext.get(node.http + "/v1/users/me", headers={"Request-Id": "x" * 5000})
    assert evil.headers["Request-Id"] != "x" * 5000
    check_problem(evil, 401)


def test_every_open_probe_answers_on_every_node(cluster):
    for node in cluster.nodes:
        for path in ("/health", "/ready"):
            assert cleartext.get(node.http + path).status_code == 200
        metrics = cleartext.get(node.http + "/metrics")
        assert metrics.status_code == 200 and "# TYPE roost_" in metrics.text


def test_unknown_routes_and_methods_are_problems(cluster, ada):
    check_problem(ada.get("/v1/nothing"), 404)
    check_problem(ada.http.request("PATCH", "/auth/login", json={}), 405)
    check_problem(cleartext.get(cluster.nodes[0].http + "/v1/users/me"), 401)


@pytest.mark.parametrize("body, status", [
    (b"{", 400), (b"", 400), (b"\xff\xfe", 400), (b'{"name":"a"}trailing', 400), (b'{"a":' * 20000, 400),
    (b'{"name":1e309,"type":"public"}', (400, 422)), (b'{"name":"\\ud800","type":"public"}', (400, 422)),
    (b'[]', (400, 422)), (b'{"name":["x"],"type":"public"}', 422), (b'{"name":"","type":"public"}', 422),
    (b'{"name":"ok-name","type":"secret"}', 422), (b'{"type":"public"}', 422), (b"null", (400, 422)),
])
def test_a_bad_body_is_told_apart(cluster, ada, body, status):
    answer = ada.http.post("/v1/channels", content=body, headers={"Content-Type": "application/json"})
    expected = status if isinstance(status, tuple) else (status,)
    assert answer.status_code in expected, answer.text
    check_problem(answer, answer.status_code)


def test_another_media_type_is_refused(cluster, ada):
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        answer = ada.http.post("/v1/channels", content=b'{"name":"x","type":"public"}', headers={"Content-Type": kind})
        check_problem(answer, 415)
    compressed = ada.http.post("/v1/channels", content=b"x", headers={
        "Content-Type": "application/json", "Content-Encoding": "gzip"})
    check_problem(compressed, 415)


def test_a_body_over_a_mebibyte_is_refused_declared_or_chunked(cluster, ada):
    body = json.dumps({"name": "x" * (1 << 20), "type": "public"}).encode()
    check_problem(ada.http.post("/v1/channels", content=body, headers={"Content-Type": "application/json"}), 413)
    chunks = (body[i:i + 65536] for i in range(0, len(body), 65536))
    try:
        answer = ada.http.post("/v1/channels", content=chunks, headers={"Content-Type": "application/json"})
        check_problem(answer, 413)
    except httpx.TransportError:
        pass  # Answered and closed while the rest was still on its way.


def raw(node, text, seconds=10):
    with socket.create_connection(("127.0.0.1", node.http_port), seconds) as connection:
        connection.sendall(text)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
                if b"\r\n\r\n" in received:
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return received


@pytest.mark.parametrize("head", [
    b"".join(b"X-%d: y\r\n" % i for i in range(300)), b"X-Long: " + b"y" * 9000 + b"\r\n",
    b"".join(b"X-%d: %s\r\n" % (i, b"y" * 5500) for i in range(6)),
])
def test_a_header_block_that_is_too_large_is_431(cluster, head):
    answer = raw(cluster.nodes[0], b"GET /health HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431"), answer[:80]


def test_garbage_instead_of_http_is_400_or_closed(cluster):
    for text in (b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        answer = raw(cluster.nodes[0], text, 5)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer[:80]


def test_smuggled_lengths_are_refused(cluster):
    both = (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert raw(cluster.nodes[0], both).startswith(b"HTTP/1.1 400")
    twice = (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
             b"Content-Length: 3\r\n\r\n{}x")
    assert raw(cluster.nodes[0], twice).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/", "/nope", "/auth/login", "/v1/users/me", "/v1/messages/x", "/health",
                                  "/openapi.json"])
def test_a_head_leaves_its_connection_in_step(cluster, path):
    """Whatever it is answered with: a byte of a body would be the beginning of the next answer."""
    with socket.create_connection(("127.0.0.1", cluster.nodes[0].http_port), timeout=10) as sock:
        for _ in range(2):
            sock.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            seen = b""
            while b"\r\n\r\n" not in seen:
                part = sock.recv(65_536)
                assert part, seen
                seen += part
            assert seen.startswith(b"HTTP/1.1 ") and seen.endswith(b"\r\n\r\n") and seen.count(b"\r\n\r\n") == 1, seen
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest = b""
        while part := sock.recv(65_536):
            rest += part
    assert rest.startswith(b"HTTP/1.1 200 "), rest
    assert rest.endswith(b'{"status":"ok"}'), rest


def test_answers_are_not_cached_and_not_framed(cluster, ada):
    for answer in (ada.get("/v1/users/me"), ada.get("/v1/nothing")):
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_what_may_be_past_says_so(cluster, ada):
    channel = ada.channel()["id"]
    ada.say(channel, "x")
    for node in cluster.nodes:
        reader = ada.on(node)
        for path in (f"/v1/messages?channel_id={channel}", f"/v1/channels/{channel}", "/v1/users/me/channels?"):
            assert "roost-consistency" not in reader.get(path).headers
            # A replica may not have the channel yet: that is a refusal, and says nothing of what it has.
            local = reader.get(f"{path}&consistency=local" if "?" in path else f"{path}?consistency=local")
            assert local.status_code in (200, 403, 404), local.text
            assert local.headers.get("roost-consistency") == ("local" if local.status_code == 200 else None)


def test_names_that_are_one_to_the_eye_are_one_on_all_nodes(cluster, ada):
    name = unique("cafe\u0301 ")
    made = ada.post("/v1/channels", {"name": name, "type": "public"})
    assert made.status_code == 201 and made.json()["name"] == unicodedata.normalize("NFC", name)
    for node, other in zip(cluster.nodes, (unicodedata.normalize("NFC", name), name.upper(), name.replace(" ", "\u00a0\u3000"))):
        check_problem(ada.on(node).post("/v1/channels", {"name": other, "type": "public"}), 409, "name_taken")
        check_problem(ada.on(node).post("/v1/channels", {"name": name + "\u200b", "type": "public"}), 422, "invalid")
        check_problem(ada.on(node).patch("/v1/users/me", {"display_name": "\u3164"}), 422, "invalid")


@pytest.mark.parametrize("name", ["channel", "here", "all", "everyone", "admin", "root", "ada."])
def test_user_names_that_mean_others_are_nobodys(cluster, name):
    for node in cluster.nodes:
        answer = cleartext.post(node.http + "/auth/register", json={"username": name, "password": "long enough"}, timeout=30)
        assert answer.status_code in ((409, 422) if name == "admin" else (422,)), answer.text


def test_a_dozen_edits_of_one_message_at_once_are_all_carried_out(cluster, ada):
    room = ada.channel()["id"]
    message = ada.say(room, "first")["id"]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(
            lambda turn: ada.on(cluster.nodes[turn % 3]).patch(f"/v1/messages/{message}", {"text": f"turn {turn}"}),
            range(12)))
    assert [answer.status_code for answer in answers] == [200] * 12, [answer.text for answer in answers]
    edits = ada.get(f"/v1/messages/{message}/history").json()["items"]
    assert {edit["text"] for edit in edits} == {"first"} | {f"turn {turn}" for turn in range(12)}
