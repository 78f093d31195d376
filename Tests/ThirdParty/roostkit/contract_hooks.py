"""What a contract can not say in JSON Schema, told to schemathesis: loaded by it, not by the checks themselves.

Only requests that are meant to be good are touched. A request is good when it also keeps the rules that the contract
has in words: a text that is short enough in bytes, a time that lies ahead, a message of the channel that is named, a
cursor that a list gave (so none is made up), a key of its own. Ids are replaced by those of things that are there, so
that requests are answered with more than 404.
"""
import datetime
import json
import os
import random
import uuid

import schemathesis
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

THINGS = json.loads(os.environ["CONTRACT_THINGS"])
_chance = random.Random(1)
# What each part of a path names, by the operation's tag or the end of its path.
_BEHIND = (("/v1/channels/{id}", "channels"), ("/v1/messages/{id}", "messages"), ("/v1/threads/{id}", "messages"),
           ("/v1/admin/messages/{id}", "messages"), ("/v1/users/{id}", "users"), ("/v1/admin/users/{id}", "users"),
           ("/v1/admin/flags/{id}", "flags"))


def _one_of(kind):
    return _chance.choice(THINGS[kind])


def _ahead():
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=_chance.randint(1, 1_000))
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _message_in(channel):
    return _chance.choice([m for m in THINGS["messages"] if m.startswith(channel + ".")] or [None])


def _cut(text, bytes_max):
    return text.encode("utf-8", "surrogatepass")[:bytes_max].decode("utf-8", "ignore")


def _fit(schema, value):
    """The value with no text longer in bytes than its schema says in `x-bytes-max`."""
    if isinstance(value, str) and "x-bytes-max" in schema:
        return _cut(value, schema["x-bytes-max"]).strip() or "text"
    if isinstance(value, dict):
        for part in schema.get("anyOf", [schema]):
            for name, inner in part.get("properties", {}).items():
                if name in value:
                    value[name] = _fit(inner, value[name])
    return value


def _fix_path(case):
    path = case.operation.path
    for start, kind in _BEHIND:
        if path.startswith(start) and "id" in case.path_parameters:
            case.path_parameters["id"] = _one_of(kind)
    if "user_id" in case.path_parameters:
        case.path_parameters["user_id"] = _one_of("users")
    if "channel_id" in case.path_parameters:
        case.path_parameters["channel_id"] = _one_of("channels")


def _fix_query(case, names_things):
    query = case.query
    query.pop("cursor", None)
    for name in [n for n in ("before", "after", "around") if n in query][1:]:
        if case.operation.path == "/v1/messages":
            del query[name]
    if "channel_id" in query and names_things:
        query["channel_id"] = _one_of("channels")
    if "thread_id" in query:
        query["thread_id"] = _message_in(case.path_parameters["channel_id"]) or \
            case.path_parameters["channel_id"] + ".1"
    if "user_ids" in query and names_things:
        query["user_ids"] = ",".join(THINGS["users"])
    if case.operation.path.startswith("/v1/search/") and case.operation.path != "/v1/search/users":
        # Operators have a grammar of their own.
        query["q"] = _chance.choice(["rain", "\"in the\" rain", "ra*", "-rain sun", "has:pin", "rain before:2100-01-01"])
    for parameter in case.operation.query:
        if isinstance(query.get(parameter.name), str):
            query[parameter.name] = _fit(parameter.definition.get("schema", {}), query[parameter.name])


def _fix_body(case, names_things):
    body = case.body
    for alternative in case.operation.body:
        if alternative.media_type == case.media_type:
            body = _fit(alternative.definition.get("schema", {}), body)
    # In a sequence of requests a field may hold something of another kind that an earlier answer had under its name.
    if body.get("channel_id"):
        if names_things or not isinstance(body["channel_id"], str):
            body["channel_id"] = _one_of("channels")
        if body.get("thread_id"):
            body["thread_id"] = _message_in(body["channel_id"])
    for name in ("send_at", "at", "until", "status_until"):
        if isinstance(body.get(name), str):
            body[name] = _ahead()
    if body.get("message_id") and names_things:
        body["message_id"] = _one_of("messages")
    if body.get("client_id"):
        body["client_id"] = str(uuid.uuid4())
    if body.get("user_ids"):
        # Nine with the caller, who may be among them or not.
        named = names_things or not isinstance(body["user_ids"], list)
        body["user_ids"] = THINGS["users"][:1] if named else body["user_ids"][:8]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.path in ("/v1/messages", "/v1/threads/{id}/replies") and isinstance(case.body, dict):
        # Beside it the header is ignored, good or bad.
        if case.headers and "Idempotency-Key" in case.headers:
            case.body.pop("client_id", None)
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    # A sequence of requests is about what its first ones made.
    names_things = case.meta.phase.name != TestPhase.STATEFUL
    if case.path_parameters and names_things:
        _fix_path(case)
    if case.query is None:
        case.query = {}
    _fix_query(case, names_things)
    if isinstance(case.body, dict):
        _fix_body(case, names_things)
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
