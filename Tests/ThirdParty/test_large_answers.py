"""Answers that are longer than what nodes send each other at once: whole on every node, whoever leads the shard."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from test_rest import check_problem

TEXT_MAX = 16384
# Words of their own, so that a search for one is no search for thousands of places in each text.
LONG = ("long " + " ".join(str(number) for number in range(10_000, 20_000)))[:TEXT_MAX - 8].rstrip()


@pytest.fixture(scope="module")
def room(cluster):
    """A channel with a hundred of the longest messages, all pinned, and half of them with the longest attachments."""
    writer = cluster.admin
    channel = writer.channel()["id"]
    attachments = [{"text": "a" * 15000}, {"text": "b" * 15000}]

    def send(number):
        body = {"channel_id": channel, "text": f"{number:03} {LONG}"}
        if number % 2:
            body["attachments"] = attachments
        answer = writer.post("/v1/messages", body)
        assert answer.status_code == 202, answer.text
        pinned = writer.put(f"/v1/messages/{answer.json()['id']}/pin")
        assert pinned.status_code == 200, pinned.text
        return answer.json()["id"]

    with ThreadPoolExecutor(4) as pool:
        return channel, list(pool.map(send, range(100)))


def everywhere(cluster, path, **params):
    bodies = []
    for node in cluster.nodes:
        answer = cluster.admin.on(node).get(path, params=params)
        assert answer.status_code == 200, (node.name, answer.text[:300])
        bodies.append(answer.json())
    assert all(body == bodies[0] for body in bodies)
    return bodies[0]["items"], len(answer.content)


def test_a_page_of_the_longest_messages(cluster, room):
    channel, sent = room
    items, size = everywhere(cluster, "/v1/messages", channel_id=channel, limit=200)
    assert {item["id"] for item in items} == set(sent) and size > 3 << 20
    items, size = everywhere(cluster, "/v1/messages", channel_id=channel)
    assert len(items) == 50 and size > 1 << 20
    items, _ = everywhere(cluster, "/v1/messages", channel_id=channel, limit=200, consistency="local")
    assert len(items) == 100


def test_pins_and_hits_of_the_longest_messages(cluster, room):
    channel, sent = room
    items, size = everywhere(cluster, f"/v1/channels/{channel}/pins", limit=200)
    assert {item["id"] for item in items} == set(sent) and size > 3 << 20
    items, size = everywhere(cluster, "/v1/search/messages", q="long", channel_id=channel, limit=200)
    assert {item["message"]["id"] for item in items} == set(sent) and size > 3 << 20


def test_drafts_of_the_longest_texts(cluster, person):
    writer = person()
    channels = [writer.channel()["id"] for _ in range(90)]
    for channel in channels:
        answer = writer.put(f"/v1/users/me/drafts/{channel}", {"text": LONG})
        assert answer.status_code == 200, answer.text
    for node in cluster.nodes:
        answer = writer.on(node).get("/v1/users/me/drafts")
        assert answer.status_code == 200, (node.name, answer.text[:300])
        assert {item["channel_id"] for item in answer.json()["items"]} == set(channels)


def test_all_texts_of_a_message_come_by_pages(cluster, ada):
    sent = ada.say(ada.channel()["id"], "first")
    texts = ["first"]
    for number in range(120):
        texts.append(f"{number:03} {LONG}")
        answer = ada.patch(f"/v1/messages/{sent['id']}", {"text": texts[-1]})
        assert answer.status_code == 200, answer.text
    for node in cluster.nodes:
        reader, found, cursor = ada.on(node), [], None
        while True:
            params = {"limit": 100} | ({"cursor": cursor} if cursor else {})
            page = reader.get(f"/v1/messages/{sent['id']}/history", params=params)
            assert page.status_code == 200, (node.name, page.text[:300])
            found += [item["text"] for item in page.json()["items"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
            assert len(page.json()["items"]) == 100
        assert found == texts, node.name
    path = f"/v1/messages/{sent['id']}/history"
    assert len(ada.get(path).json()["items"]) == 50
    check_problem(ada.get(path, params={"limit": 0}), 422, "invalid")
    check_problem(ada.get(path, params={"cursor": "zz"}), 422, "invalid")
