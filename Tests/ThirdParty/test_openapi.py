"""The contract at /openapi.json: well-formed, and true of what a node does."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis
from openapi_spec_validator import validate

from roostkit import cleartext
from roostkit.nodes import Cluster
from roostkit.rest import login, register

SEED = os.environ.get("SCHEMATHESIS_SEED", "20")

# Requests that would take away what the others are made with.
LEFT_OUT = {
    "drainNode": "ends the only node",
    "removeNode": "ends the only node",
    "logout": "ends the session of the checks",
    "endSession": "may name the session of the checks, which the list of sessions shows",
    "endOtherSessions": "ends sessions that other requests are signed in with",
    "deactivateUser": "may name the account of the checks, once there is a second administrator",
    "setRole": "may take the administrator's role from the account of the checks",
}


@pytest.fixture(scope="module")
def node():
    with Cluster(1) as running:
        running.start()
        yield running.nodes[0]


@pytest.fixture(scope="module")
def contract(node):
    answer = cleartext.get(node.http + "/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    return answer.json()


@pytest.fixture(scope="module")
def things(node):
    """Something of every kind, for requests to be about."""
    ada, ben = register(node, "ada"), register(node, "ben")
    channels = [ada.channel(f"room-{number}") for number in range(6)]
    messages = []
    for channel in channels:
        assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
        for number in range(8):
            messages.append((ada if number % 2 else ben).say(channel["id"], f"rain in the {number}th week @ada"))
    flags = []
    for message in messages[:3]:
        flags.append(ada.post(f"/v1/messages/{message['id']}/flag", {"reason": "loud"}).json()["id"])
        assert ada.put(f"/v1/messages/{message['id']}/pin").status_code == 200
        assert ada.put(f"/v1/messages/{message['id']}/reactions/sun").status_code == 200
        reply = ben.post(f"/v1/threads/{message['id']}/replies", {"text": "**sun**, `here`"})
        assert reply.status_code == 202
    return ada, {"users": [ben.id], "channels": [c["id"] for c in channels], "messages": [m["id"] for m in messages],
                 "flags": flags}


def test_the_contract_is_well_formed(contract):
    validate(contract)
    assert contract["openapi"].startswith("3.1.")


def test_every_route_of_the_rest_pages_is_in_the_contract(contract):
    """Every call that a page of docs/api names has its path and method in the contract."""
    known = {(method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
             for path, methods in contract["paths"].items() for method in methods}
    named = set()
    for page in sorted((Path(__file__).parents[2] / "docs" / "api").glob("*.md")):
        for methods, path in re.findall(r"\b((?:GET|POST|PUT|PATCH|DELETE)(?:, (?:GET|POST|PUT|PATCH|DELETE))*) "
                                        r"(/(?:v1|auth)[A-Za-z0-9_/{}.-]*)", page.read_text()):
            for method in methods.split(", "):
                named.add((method, re.sub(r"\{[^}]*\}|(?<=/)(?:(?:usr|chn|inv|flg|ntf)_[a-z0-9.]*|wave)", "{}",
                                          path.rstrip("/."))))
    assert len(named) > 20
    assert not named - known


def strict(contract):
    """The contract with no field in an answer that it does not name.

    Clients are told to bear unknown fields, so the contract leaves answers open; but a field that is written and not
    described is a mistake, and this finds it.
    """
    copy = json.loads(json.dumps(contract))

    def close(schema):
        if isinstance(schema, list):
            for part in schema:
                close(part)
        elif isinstance(schema, dict):
            if "properties" in schema and "additionalProperties" not in schema:
                schema["additionalProperties"] = False
            for part in schema.values():
                close(part)

    # Only answers refer to these; bodies of requests stand in their operations, where unknown fields are ignored.
    close(copy["components"]["schemas"])
    return copy


def test_what_the_comparison_leaves_out_answers_as_the_contract_says(node, contract, things):
    """Once each, with accounts and sessions that nothing else needs."""
    ada, known = things
    operations = schemathesis.openapi.from_dict(strict(contract))
    eve, other = register(node), register(node)
    again = [login(node, eve.name) for _ in range(3)]
    asked = {
        ("setRole", 200): ada.put(f"/v1/admin/users/{other.id}/role", {"role": "guest"}),
        ("setRole", 422): ada.put(f"/v1/admin/users/{other.id}/role", {"role": "king"}),
        ("setRole", 403): eve.put(f"/v1/admin/users/{other.id}/role", {"role": "guest"}),
        ("setRole", 409): ada.put(f"/v1/admin/users/{ada.id}/role", {"role": "member"}),
        ("deactivateUser", 204): ada.post(f"/v1/admin/users/{other.id}/deactivate", {"policy": "keep"}),
        ("deactivateUser", 409): ada.post(f"/v1/admin/users/{ada.id}/deactivate"),
        ("drainNode", 404): ada.post("/v1/cluster/nodes/nobody/drain"),
        ("removeNode", 409): ada.post(f"/v1/cluster/nodes/{node.ready_line()[1]}/remove"),
    }
    ended = eve.get("/auth/sessions").json()["items"][0]["id"]
    asked |= {
        ("endSession", 204): eve.delete(f"/auth/sessions/{ended}"),
        ("endSession", 404): eve.delete(f"/auth/sessions/{ended}"),
        ("endOtherSessions", 204): eve.delete("/auth/sessions"),
        ("endOtherSessions", 401): again[0].delete("/auth/sessions"),
        ("logout", 204): eve.post("/auth/logout", {"refresh_token": eve.grant["refresh_token"]}),
        ("logout", 401): eve.post("/auth/logout"),
    }
    assert {operation for operation, _ in asked} == set(LEFT_OUT)
    for (operation, status), answer in asked.items():
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.text}"
        operations.find_operation_by_id(operation).validate_response(answer)


# Requests that are wrong because they are long are refused for that.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429, 431, "5xx"]
"""


def test_a_node_does_what_the_contract_says(node, contract, things, tmp_path):
    ada, known = things
    (tmp_path / "contract.json").write_text(json.dumps(strict(contract)))
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    # One worker: of two threads that parse, one ends with a SystemError now and then (CPython 3.11, gh-106905).
    argv = [sys.executable, "-m", "schemathesis.cli", "run", "contract.json", "--url", node.http, "--checks", "all",
            "-H", f"Authorization: Bearer {ada.token}", "--max-examples", "20", "--seed", SEED, "--workers", "1",
            "--continue-on-failure", "--generation-database", "none", "--no-color", "--warnings", "off"]
    for operation in LEFT_OUT:
        argv += ["--exclude-operation-id", operation]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "roostkit.contract_hooks",
                   "PYTHONPATH": str(Path(__file__).parent), "CONTRACT_THINGS": json.dumps(known)}
    ran = subprocess.run(argv, cwd=tmp_path, env=environment, timeout=540, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    assert ran.returncode == 0, ran.stdout[-20_000:]
    assert re.search(r"Tested: (\d+)", ran.stdout)[1] == str(
        sum(len(methods) for methods in contract["paths"].values()) - len(LEFT_OUT))
    assert node.is_running(), node.tail()
