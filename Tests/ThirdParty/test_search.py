"""Search: what was just written is found on every node at once, and only by who may see it now."""
import time

import pytest

from roostkit.rest import unique
from test_rest import check_problem

pytestmark = pytest.mark.neighbours


def find(person, q="", **parameters):
    answer = person.get("/v1/search/messages", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(person, q="", **parameters):
    return [item["message"]["id"] for item in find(person, q, **parameters)["items"]]


@pytest.fixture
def word():
    """One that no other check writes."""
    return unique("w").replace("-", "")


@pytest.fixture
def channel(ada):
    return ada.channel()


def test_what_was_written_on_one_node_is_found_on_the_others_at_once(cluster, ada, channel, word):
    people = [ada.on(node) for node in cluster.nodes]
    sent = []
    for i in range(12):
        sent.append(people[i % 3].say(channel["id"], f"{word} number {i}")["id"])
        for person in people:
            assert ids(person, word) == sent[::-1]


def test_a_hit_is_the_message_and_a_highlight(cluster, ada, channel, word):
    sent = ada.say(channel["id"], f"<b>{word}</b> & more", client_id=unique("key"))
    for node in cluster.others(cluster.nodes[0]):
        item, = find(ada.on(node), word)["items"]
        assert item["message"] == ada.on(node).get(f"/v1/messages/{sent['id']}").json()
        assert item["highlight"] == f"&lt;b&gt;<mark>{word}</mark>&lt;/b&gt; &amp; more"


@pytest.mark.parametrize("text, query", [
    ("Crème Brûlée", "creme brulee"), ("Zürich", "ZURICH"), ("这个设计很好", "设计"), ("我们的数据库坏了", "数据库"),
    ("明日の会議は10時です", "会議"), ("오늘회의있습니다", "회의"), ("ราคาสินค้าวันนี้", "สินค้า"), ("deploy prod-eu v2.3.1", "prod-eu"),
])
def test_accents_case_and_pieces_of_words_without_spaces(cluster, ada, channel, text, query):
    sent = ada.say(channel["id"], text)
    assert ids(ada.on(cluster.nodes[1]), query, channel_id=channel["id"]) == [sent["id"]]


def test_only_what_one_may_see_now(cluster, ada, ben, word):
    private = ada.channel(kind="private")
    public = ada.channel()
    hidden = ada.say(private["id"], f"{word} hidden")["id"]
    shown = ada.say(public["id"], f"{word} shown")["id"]
    first, second, third = cluster.nodes
    assert ids(ben.on(second), word) == [shown]
    assert ids(ben.on(second), word, channel_id=private["id"]) == []
    assert ada.on(third).put(f"/v1/channels/{private['id']}/members/{ben.id}").status_code in (200, 204)
    assert ids(ben.on(second), word) == [shown, hidden]
    assert ada.on(first).delete(f"/v1/channels/{private['id']}/members/{ben.id}").status_code == 204
    for node in cluster.nodes:
        assert ids(ben.on(node), word) == [shown]


def test_pages_by_cursor_across_nodes(cluster, ada, word):
    channels = [ada.channel()["id"] for _ in range(4)]
    sent = [ada.on(cluster.nodes[i % 3]).say(channels[i % 4], f"{word} {i}") for i in range(23)]
    found, cursor, pages = [], None, 0
    while True:
        parameters = {"limit": 5, **({"cursor": cursor} if cursor else {})}
        page = find(ada.on(cluster.nodes[pages % 3]), word, **parameters)
        found += [item["message"] for item in page["items"]]
        pages += 1
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sorted(m["id"] for m in found) == sorted(m["id"] for m in sent)
    assert [m["created_at"] for m in found] == sorted((m["created_at"] for m in found), reverse=True)
    assert pages == 5
    foreign = find(ada, word, limit=5)["next_cursor"]
    check_problem(ada.get("/v1/search/messages", params={"q": word + "x", "cursor": foreign}), 422, "invalid")


def test_filters_and_operators_say_the_same(cluster, ada, ben, channel, word):
    assert ben.post(f"/v1/channels/{channel['id']}/join").status_code == 204
    one = ada.say(channel["id"], f"{word} see https://example.org")
    two = ben.say(channel["id"], f"{word} plain")
    third = cluster.nodes[2]
    ada, ben = ada.on(third), ben.on(third)
    assert ids(ada, f"{word} from:@{ben.name}") == ids(ada, word, **{"from": ben.id}) == [two["id"]]
    assert ids(ada, f"{word} has:link") == ids(ada, word, has="link") == [one["id"]]
    assert ids(ada, f"{word} in:#{channel['name']}") == ids(ada, word, channel_id=channel["id"]) == [two["id"], one["id"]]
    assert ids(ada, f"{word} -plain") == [one["id"]]
    assert ids(ada, f"{word} pla*") == [two["id"]]
    assert ids(ada, f'"{word} plain"') == [two["id"]]
    assert ids(ada, word, before=one["created_at"]) == []
    assert ids(ada, word, before="2999-01-01") == [two["id"], one["id"]]
    assert ids(ada, word, after="2999-01-01T00:00:00Z") == []
    assert ids(ada, f"{word} from:@nobody-{word}") == []
    assert ids(ada, f"{word} in:#no-{word}") == []


@pytest.mark.parametrize("q", ['"', 'a" OR "b', "NEAR(a b)", "text:a", "^a", "a AND", "(((", ")", "NOT x", "{a}:c", "' OR 1=1 --"])
def test_the_syntax_of_an_index_is_text(ada, channel, q, word):
    ada.say(channel["id"], word)
    answer = ada.get("/v1/search/messages", params={"q": f"{q} {word}", "channel_id": channel["id"]})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("parameters", [
    {}, {"q": ""}, {"q": "!!!"}, {"q": "a" * 1025}, {"q": "a " * 17}, {"q": "x", "has": "nothing"}, {"q": "x", "before": "noon"},
    {"q": "x", "limit": 0}, {"q": "x", "limit": 201}, {"q": "x", "cursor": "zzz"}, {"q": "x", "sort": "oldest"}, {"q": "x from:a from:b"},
])
def test_what_can_not_be_meant_is_422(ada, parameters):
    check_problem(ada.get("/v1/search/messages", params=parameters), 422, "invalid")


def test_files_are_none_yet(ada):
    assert ada.get("/v1/search/files", params={"q": "x"}).json() == {"items": [], "next_cursor": None}


def test_a_search_of_everything_is_quick(cluster, ada, channel, word):
    for i in range(20):
        ada.say(channel["id"], f"{word} {i}")
    times = []
    for i in range(20):
        begin = time.monotonic()
        ids(ada.on(cluster.nodes[i % 3]), word)
        times.append(time.monotonic() - begin)
    assert sorted(times)[10] < 2, times
