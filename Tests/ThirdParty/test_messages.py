"""Messages over REST: one order, pages, and the key that makes a repeat harmless."""
import concurrent.futures

import pytest

from roostkit.rest import unique
from test_rest import check_problem

pytestmark = pytest.mark.neighbours


@pytest.fixture
def channel(ada):
    return ada.channel()


def page(person, channel, **parameters):
    answer = person.get("/v1/messages", params={"channel_id": channel["id"], **parameters})
    assert answer.status_code == 200, answer.text
    return [m["seq"] for m in answer.json()["items"]]


def test_a_message_carries_the_documented_fields(cluster, ada, channel):
    sent = ada.say(channel["id"], "hé 你好 🪺", client_id=unique("key"))
    assert {"id", "channel_id", "seq", "user_id", "text", "parsed", "created_at", "edited_at", "deleted_at", "thread_id",
            "files", "reactions", "reply_count", "client_id"} <= set(sent)
    assert sent["id"] == f"{channel['id']}.{sent['seq']}"
    assert sent["text"] == "hé 你好 🪺" and sent["user_id"] == ada.id
    assert sent["created_at"].endswith("Z") and len(sent["created_at"]) == 24
    for node in cluster.nodes:
        assert ada.on(node).get(f"/v1/messages/{sent['id']}").json() == sent


def test_the_client_id_is_for_its_author_only(cluster, ada, ben, channel):
    sent = ada.say(channel["id"], "mine", client_id=unique("key"))
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    assert not ben.get(f"/v1/messages/{sent['id']}").json().get("client_id")


def test_concurrent_sends_through_all_nodes_get_one_gapless_order(cluster, ada, channel):
    people = [ada.on(node) for node in cluster.nodes]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        sent = list(pool.map(lambda i: people[i % 3].say(channel["id"], f"word {i}"), range(120)))
    seqs = sorted(m["seq"] for m in sent)
    assert seqs == list(range(seqs[0], seqs[0] + 120))
    histories = [person.history(channel["id"]) for person in people]
    assert histories[0] == histories[1] == histories[2]
    assert [m["seq"] for m in histories[0]] == seqs
    assert {m["id"]: m["text"] for m in sent} == {m["id"]: m["text"] for m in histories[0]}


def test_a_read_right_after_the_answer_sees_it_on_every_other_node(cluster, ada, channel):
    people = [ada.on(node) for node in cluster.nodes]
    for i in range(30):
        sent = people[i % 3].say(channel["id"], f"word {i}")
        assert page(people[(i + 1) % 3], channel, limit=1) == [sent["seq"]]
        assert people[(i + 2) % 3].get(f"/v1/messages/{sent['id']}").status_code == 200


def test_pages_before_after_and_around(cluster, ada, channel):
    seqs = [ada.say(channel["id"], f"word {i}")["seq"] for i in range(60)]
    for node in cluster.nodes:
        there = ada.on(node)
        assert page(there, channel) == seqs[-50:], "without a position: the newest page, oldest first"
        assert page(there, channel, limit=7) == seqs[-7:]
        assert page(there, channel, after=seqs[9], limit=5) == seqs[10:15]
        assert page(there, channel, before=seqs[10], limit=5) == seqs[5:10]
        assert page(there, channel, before=seqs[2], limit=5) == seqs[:2]
        assert page(there, channel, after=seqs[-1]) == []
        around = page(there, channel, around=seqs[30], limit=11)
        assert seqs[30] in around and len(around) == 11 and around == sorted(around)
        assert around[0] < seqs[30] < around[-1]
        assert page(there, channel, after=0, limit=200) == seqs


@pytest.mark.parametrize("parameters", [
    {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"before": "x"}, {"after": -1}, {"after": 1, "before": 9}])
def test_a_bad_page_is_422(cluster, ada, channel, parameters):
    answer = ada.get("/v1/messages", params={"channel_id": channel["id"], **parameters})
    if parameters == {"after": 1, "before": 9} and answer.status_code == 200:
        return  # A range is no contradiction; the contract is silent.
    check_problem(answer, 422)


def test_the_same_client_id_is_one_message_on_every_node(cluster, ada, channel):
    key = unique("key")
    answers = [ada.on(node).say(channel["id"], "once", client_id=key) for node in cluster.nodes * 2]
    assert len({a["id"] for a in answers}) == 1
    assert answers.count(answers[0]) == 6
    assert page(ada, channel) == [answers[0]["seq"]]


def test_the_same_client_id_at_once_through_all_nodes_is_one_message(cluster, ada, channel):
    for _ in range(5):
        key = unique("key")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda n: ada.on(n).say(channel["id"], "once", client_id=key), cluster.nodes * 2))
        assert len({a["id"] for a in answers}) == 1
    assert len(page(ada, channel)) == 5


def test_a_client_id_with_another_body_is_refused(cluster, ada, channel):
    key = unique("key")
    ada.say(channel["id"], "first", client_id=key)
    answer = ada.on(cluster.nodes[1]).post("/v1/messages", {"channel_id": channel["id"], "text": "other", "client_id": key})
    check_problem(answer, 422, "idempotency_key_reused")


def test_a_client_id_belongs_to_its_person(cluster, ada, ben, channel):
    key = unique("key")
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    assert ada.say(channel["id"], "ada's", client_id=key)["id"] != ben.say(channel["id"], "ben's", client_id=key)["id"]


def test_an_idempotency_key_repeats_the_first_answer(cluster, ada, channel):
    key = unique("key")
    body = {"channel_id": channel["id"], "text": "keyed"}
    answers = [ada.on(n).post("/v1/messages", body, headers={"Idempotency-Key": key}) for n in cluster.nodes]
    assert {a.status_code for a in answers} == {202}
    assert len({a.json()["id"] for a in answers}) == 1
    other = ada.post("/v1/messages", dict(body, text="another"), headers={"Idempotency-Key": key})
    check_problem(other, 422, "idempotency_key_reused")


def test_an_idempotency_key_makes_one_channel(cluster, ada):
    key, body = unique("key"), {"name": unique("room"), "type": "public"}
    answers = [ada.on(n).post("/v1/channels", body, headers={"Idempotency-Key": key}) for n in cluster.nodes]
    assert [a.status_code for a in answers] == [201] * 3, [a.text for a in answers]
    assert len({a.json()["id"] for a in answers}) == 1
    check_problem(ada.post("/v1/channels", dict(body, type="private"), headers={"Idempotency-Key": key}), 422,
                  "idempotency_key_reused")


def test_the_length_of_a_text_is_bounded_in_bytes(cluster, ada, channel):
    assert ada.say(channel["id"], "é" * 8192)["text"] == "é" * 8192
    for text in ("", "x" * 16385, "é" * 8193):
        check_problem(ada.post("/v1/messages", {"channel_id": channel["id"], "text": text}), 422)
    for text in (17, None, ["x"], {"a": 1}):
        check_problem(ada.post("/v1/messages", {"channel_id": channel["id"], "text": text}), 422)


@pytest.mark.parametrize("text", ["'; DROP TABLE message;--", '" OR ""="', "\x00nul", "\\", "\u202e", "<script>", "%s%n", "a\nb"])
def test_a_text_comes_back_as_it_went(cluster, ada, channel, text):
    sent = ada.say(channel["id"], text)
    assert sent["text"] == text
    assert ada.on(cluster.nodes[2]).get(f"/v1/messages/{sent['id']}").json()["text"] == text


@pytest.mark.parametrize("message_id", ["x", "chn_x.1", "1", "%2e", "%00", "a.b.c", "x" * 200])
def test_a_foreign_message_id_is_not_found(cluster, ada, message_id):
    answer = ada.get(f"/v1/messages/{message_id}")
    assert answer.status_code in (404, 405, 400), answer.text
