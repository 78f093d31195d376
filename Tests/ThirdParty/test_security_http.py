"""Attacks on HTTP and on bodies: group E of docs/security.md. A docstring begins with the line that its check holds;
lines that older checks hold are in that page's table."""
import base64
import concurrent.futures
import json
import re
import socket
import statistics
import time

import httpx
import pytest

from roostkit import cleartext
from roostkit.rest import PASSWORD, register, unique
from test_rest import check_problem, raw
from test_security_access import OPEN, fill

pytestmark = pytest.mark.neighbours

SEALS = {
    "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000", "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ANY = {"id": "chn_" + "0" * 26, "user_id": "usr_" + "0" * 26, "channel_id": "chn_" + "0" * 26, "emoji": "sun",
       "name": "sun"}


@pytest.fixture(scope="module")
def contract(cluster):
    return cleartext.get(cluster.nodes[0].http + "/openapi.json", timeout=20).json()


def operations(contract):
    return [(method.upper(), path, operation) for path, methods in contract["paths"].items()
            for method, operation in methods.items()]


def parameters(contract, operation):
    """The names of what an operation takes beside its body."""
    named = set()
    for parameter in operation.get("parameters", []):
        if "$ref" in parameter:
            parameter = contract["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
        named.add(parameter["name"])
    return named


def test_what_is_no_text_is_no_text(cluster, contract, ada):
    """E4: an object, a list, a number or a switch in the place of each field of each body: 422 or 404, and no change."""
    room = ada.channel()["id"]
    names = ANY | {"id": room, "channel_id": room}
    before = ada.get(f"/v1/channels/{room}").json()
    tried = 0
    for method, path, operation in operations(contract):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if not body or path.startswith("/v1/cluster") or path in ("/auth/logout",):
            continue
        fields = {**body.get("properties", {})}
        for part in body.get("anyOf", []) + body.get("oneOf", []):
            fields |= part.get("properties", {})
        for field, schema in fields.items():
            for wrong in ({"$gt": ""}, ["x"], 7.5, True):
                kinds = {type(wrong).__name__}
                said = json.dumps(schema)
                if kinds & {"dict"} and ('"object"' in said or "$ref" in said) or kinds & {"list"} and '"array"' in said \
                        or kinds & {"bool"} and '"boolean"' in said or "{}" == said:
                    continue
                answer = ada.http.request(method, fill(path, names), json={field: wrong})
                tried += 1
                assert answer.status_code in (401, 403, 404, 422), (method, path, field, wrong, answer.status_code)
                if answer.status_code == 422:
                    assert answer.json()["errors"], answer.text
    assert tried > 100
    assert ada.get(f"/v1/channels/{room}").json() == before
    for body in ({"username": {"$gt": ""}, "password": {"$gt": ""}}, {"username": ["admin"], "password": [PASSWORD]},
                 {"username": True, "password": 1}):
        assert cleartext.post(cluster.nodes[0].http + "/auth/login", json=body, timeout=20).status_code == 422


HOSTILE = ["'; DROP TABLE item; --", "\" OR 1=1 --", "a'||(SELECT 1)||'", "%_\\", "*", "NEAR(", "NEAR(a b, 3)", "text:x",
           "rowid:1", "a AND", "OR OR", "NOT", "^a", "{a b}:c", "(", ")", "\"", "\"\"\"", "a\0b", "-", "--", "++", "a*b*",
           "$(id)", "`id`", "../../etc/passwd", "%00", "\u202etxt", "<script>alert(1)</script>", "{{7*7}}", "${jndi:x}"]


def test_letters_that_mean_something_elsewhere_are_letters_here(cluster, ada):
    """E5: of SQL, of full-text search, of shells and paths: kept as they are, or 422, and the tables stand."""
    room = ada.channel(kind="private")["id"]
    sent = [ada.say(room, f"marker {text}")["id"] for text in HOSTILE]
    for number, text in enumerate(HOSTILE):
        there = ada.on(cluster.nodes[number % 3])
        assert there.get(f"/v1/messages/{sent[number]}").json()["text"] == f"marker {text}"
        topic = there.patch(f"/v1/channels/{room}", {"topic": text})
        assert topic.status_code == 422 or topic.json()["topic"] == text, topic.text
        name = there.post("/v1/channels", {"name": unique("x") + text, "type": "public"})
        assert name.status_code in (201, 422), name.text
        shown = there.patch("/v1/users/me", {"display_name": text, "status_text": text})
        assert shown.status_code in (200, 422), shown.text
        for path, key in (("/v1/search/messages", "q"), ("/v1/users", "query"), ("/v1/search/users", "q"),
                          ("/v1/channels", "query")):
            answer = there.get(path, params={key: text})
            assert answer.status_code in (200, 422), (path, text, answer.text)
            answer = there.get(path, params={key: f"marker {text}"})
            assert answer.status_code in (200, 422), (path, text, answer.text)
        for path in ("/v1/messages", "/v1/search/messages"):
            for field in ("channel_id", "from", "before", "cursor"):
                answer = there.get(path, params={"q": "marker", "channel_id": room, field: text})
                assert answer.status_code in (200, 404, 422), (path, field, text, answer.status_code)
        encoded = "".join(f"%{byte:02x}" for byte in text.encode()[:40])
        assert there.get(f"/v1/channels/{encoded}").status_code in (400, 404), text
        assert there.put(f"/v1/messages/{sent[number]}/reactions/{encoded}").status_code in (200, 400, 404, 422), text
    texts = [m["text"] for m in ada.history(room)]
    assert texts == [f"marker {text}" for text in HOSTILE]
    found = ada.get("/v1/search/messages", params={"q": "marker", "channel_id": room, "limit": 200}).json()["items"]
    assert len(found) == len(HOSTILE)


def trickle(node, head, body=b"", seconds=45):
    """Sends a byte a second and reads; how long until an answer, and its first line."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", node.http_port), timeout=1) as s:
        s.sendall(head)
        sent = 0
        while time.monotonic() - began < seconds:
            try:
                s.sendall(body[sent:sent + 1] or b"")
                sent += 1
            except OSError:
                pass
            try:
                if answer := s.recv(4096):
                    return time.monotonic() - began, answer.split(b"\r\n")[0].decode()
                return time.monotonic() - began, "closed"
            except TimeoutError:
                pass
            except OSError:
                return time.monotonic() - began, "closed"
    return seconds, "nothing"


def test_who_sends_a_byte_a_second_is_told_so_and_hurts_nobody(cluster, ada):
    """E6: heads 408 at 10 s, bodies at 30 s; three hundred at once change little for others."""
    node = cluster.nodes[0]
    head = (b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n")
    ada = ada.on(node)
    with concurrent.futures.ThreadPoolExecutor(304) as pool:
        heads = [pool.submit(trickle, node, b"GET /health HTTP/1.1\r\n", b"X-Slow: " + b"y" * 60) for _ in range(280)]
        bodies = [pool.submit(trickle, node, head, b'{"username":"' + b"a" * 60) for _ in range(20)]
        times = []
        for _ in range(30):
            began = time.perf_counter()
            assert ada.get("/v1/users/me").status_code == 200
            times.append(time.perf_counter() - began)
            time.sleep(0.1)
        heads, bodies = [f.result() for f in heads], [f.result() for f in bodies]
    assert statistics.median(times) < 1, statistics.median(times)
    for took, line in heads:
        assert line in ("HTTP/1.1 408 Request Timeout", "closed") and took < 25, (took, line)
    assert sum(line.startswith("HTTP/1.1 408") for _, line in heads) > 200
    for took, line in bodies:
        assert line.startswith("HTTP/1.1 408") and 20 < took < 42, (took, line)


def test_no_page_of_another_origin_gets_an_answer_or_sends_a_form(cluster, ada):
    """E11: no CORS header for any origin, no preflight passes, a form of any kind is refused."""
    for origin in ("https://evil.example", "null", cluster.nodes[1].http):
        for method, path in (("GET", "/v1/users/me"), ("OPTIONS", "/v1/messages"), ("POST", "/auth/login"),
                             ("GET", "/health"), ("GET", "/openapi.json"), ("GET", "/v1/nothing")):
            answer = ada.http.request(method, path, headers={
                "Origin": origin, "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization"})
            assert not [h for h in answer.headers if h.startswith("access-control-")], (origin, path)
            assert method != "OPTIONS" or answer.status_code == 405
    bodies = {"text/plain": b'{"username":"a","password":"b"}', "application/x-www-form-urlencoded": b"username=a",
              "multipart/form-data; boundary=x": b"--x--"}
    for kind, body in bodies.items():
        for path in ("/auth/login", "/auth/register", "/auth/refresh"):
            answer = cleartext.post(cluster.nodes[0].http + path, content=body, headers={"Content-Type": kind})
            check_problem(answer, 415)
        check_problem(ada.http.post("/v1/channels", content=body, headers={"Content-Type": kind}), 415)


def check_seals(answer, what, allowed=()):
    for name, value in SEALS.items():
        if name not in allowed:
            assert answer.headers.get(name) == value, (what, name, answer.headers.get(name))
    assert "server" not in answer.headers and "x-powered-by" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_every_answer_is_sealed(cluster, contract, ada):
    """E12: not to be kept, sniffed, framed or referred to: every route, signed in and not, and every refusal."""
    for method, path, _ in operations(contract):
        if path.startswith("/v1/cluster") or path in ("/auth/logout", "/auth/sessions"):
            continue
        allowed = ("cache-control",) if path in ("/openapi.json", "/.well-known/jwks.json") else ()
        load = {} if method == "GET" else {"json": {}}
        for answer in (cleartext.request(method, cluster.nodes[0].http + fill(path, ANY), timeout=20, **load),
                       ada.http.request(method, fill(path, ANY), **load)):
            check_seals(answer, (method, path, answer.status_code), allowed)
    node = cluster.nodes[1]
    for request in (b"GARBAGE\r\n\r\n", b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"PUT /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"):
        head = raw(node, request).split(b"\r\n\r\n")[0].decode()
        if not head and request.startswith(b"GARBAGE"):
            continue
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        assert head.startswith("HTTP/1.1 4"), head
        check_seals(httpx.Response(400, headers=lines), request[:30])


def test_pages_have_a_size_and_cursors_one_reader(cluster, contract, ada, ben):
    """E14: sizes that are none, forged cursors and those of other people, lists or nodes' secrets: 422."""
    stem = unique("page")
    for i in range(3):
        ada.channel(f"{stem}-{i}")
    lists = [path for method, path, operation in operations(contract)
             if method == "GET" and "cursor" in parameters(contract, operation)]
    assert len(lists) > 5
    room = ada.channel()["id"]
    said = ada.say(room, "hello")
    cursor = ada.get("/v1/channels", params={"query": stem, "limit": 1}).json()["next_cursor"]
    assert ada.on(cluster.nodes[1]).get("/v1/channels", params={"query": stem, "cursor": cursor}).status_code == 200
    for path in lists:
        place = path.replace("{id}", said["id"] if "/messages/" in path or "/threads/" in path else room)
        who = cluster.admin if path.startswith("/v1/admin/") else ada
        for wrong in ({"limit": 0}, {"limit": -1}, {"limit": 10**9}, {"limit": "many"}, {"limit": "1e2"},
                      {"cursor": "forged"}, {"cursor": "A" * 3000}, {"cursor": base64.b64encode(b'{"id":1}').decode()}):
            answer = who.get(place, params={"q": "hello", "query": stem} | wrong)
            assert answer.status_code == 422, (path, wrong, answer.status_code, answer.text)
        if path != "/v1/channels":
            answer = who.get(place, params={"q": "hello", "cursor": cursor})
            assert answer.status_code == 422, (path, answer.text)
    for changed in (cursor[:-1], cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"), cursor * 2):
        assert ada.get("/v1/channels", params={"query": stem, "cursor": changed}).status_code == 422
    assert ben.get("/v1/channels", params={"query": stem, "cursor": cursor}).status_code == 422


def test_what_went_wrong_says_nothing_of_the_inside(cluster, ada):
    """E15: no stack, path, SQL, type or address of a node in any refusal."""
    inside = re.compile(r"/(work|home|tmp|root|usr|var)/|\.swift|SELECT|sqlite|Fatal|127\.0\.0\.1|stack|0x[0-9a-f]{6}|"
                        r"Optional\(|NIO|Hummingbird|Decoding", re.I)
    room = ada.channel()["id"]
    answers = [
        ada.http.post("/v1/channels", content=body, headers={"Content-Type": "application/json"})
        for body in (b"{", b"\xff", b'{"a":' * 5000, b'{"name":"' + b"\\u0000" * 50 + b'","type":"x"}', b"null", b"7")]
    answers += [ada.get(path) for path in (
        "/v1/channels/%ff", "/v1/messages/%2e%2e%2f", "/v1/messages?channel_id=%00", "/v1/search/messages?q=%22",
        "/v1/users/usr_%27", "/v1/messages?channel_id=" + room + "&before=-1", "/v1/messages?limit=zz", "/v1/%E0%A4%A",
        "/v1/channels?cursor=%00", "/..%2f..%2fetc/passwd", "/v1/channels/" + "x" * 3000)]
    answers += [ada.http.request("BREW", "/v1/channels"), ada.patch("/v1/users/me", {"email": {}}),
                cleartext.get(cluster.nodes[0].http + "/v1/users/me",
                              headers={"Authorization": "Bearer " + "a." * 3000})]
    for answer in answers:
        assert 400 <= answer.status_code < 500, (answer.request.url, answer.status_code)
        assert not inside.search(answer.text), (str(answer.request.url)[:80], answer.text[:300])


def test_nothing_of_the_workshop_is_served(cluster, ada, admin):
    """E16: no debugging, failpoint, profiling or file routes on the port that clients use."""
    for path in ("/debug", "/debug/pprof/", "/debug/vars", "/failpoints", "/v1/failpoints", "/v1/debug", "/internal", "/admin",
                 "/actuator/env", "/.env", "/.git/config", "/server-status", "/metrics/", "/console", "/v1/admin/exec",
                 "/v1/admin/failpoints", "/api/v1/failpoints", "/data", "/wal", "/shutdown", "/v1/cluster/key", "/swagger"):
        for method in ("GET", "POST", "PUT"):
            for someone in (None, ada, admin):
                request = someone.http.request if someone else httpx.request
                address = path if someone else cluster.nodes[0].http + path
                answer = request(method, address)
                # `/metrics/` is `/metrics`, which is open unless it was given a port of its own.
                expected = (200, 404, 405) if path == "/metrics/" else (404,)
                assert answer.status_code in expected, (method, path, answer.status_code)


def test_the_nodes_bear_it(cluster):
    """After the attacks: alive, no fault was answered."""
    for node in cluster.nodes:
        assert node.is_running()
        assert "a request failed" not in (node.folder / "log").read_text(errors="replace")
        counted = cleartext.get(node.http + "/metrics", timeout=20).text
        fives = re.findall(r'roost_http_requests_total\{[^}]*status="5xx"[^}]*\} (\d+)', counted)
        assert fives
