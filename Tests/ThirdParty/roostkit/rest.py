"""A REST client of Roost made of httpx, for checks: nothing is hidden, nothing is repeated by itself."""
import itertools
import uuid

from roostkit import cleartext

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def unique(stem):
    """A name that no other check uses."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"


class Person:
    """Someone signed in on one node. `on` gives the same session on another node."""

    def __init__(self, node, grant):
        self.node = node
        self.grant = grant
        self.http = cleartext.Client(base_url=node.http, timeout=20,
                                     headers={"Authorization": f"Bearer {grant['access_token']}"})

    @property
    def id(self):
        return self.grant["user"]["id"]

    @property
    def name(self):
        return self.grant["user"]["username"]

    @property
    def token(self):
        return self.grant["access_token"]

    def on(self, node):
        return Person(node, self.grant)

    def get(self, path, **kw):
        return self.http.get(path, **kw)

    def post(self, path, body=None, **kw):
        return self.http.post(path, json={} if body is None else body, **kw)

    def put(self, path, body=None, **kw):
        return self.http.put(path, json={} if body is None else body, **kw)

    def patch(self, path, body=None, **kw):
        return self.http.patch(path, json={} if body is None else body, **kw)

    def delete(self, path, **kw):
        return self.http.delete(path, **kw)

    def channel(self, name=None, kind="public"):
        answer = self.post("/v1/channels", {"name": name or unique("room"), "type": kind})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def say(self, channel_id, text, client_id=None):
        body = {"channel_id": channel_id, "text": text}
        if client_id is not None:
            body["client_id"] = client_id
        answer = self.post("/v1/messages", body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def history(self, channel_id):
        """Every message of the channel, by pages of 200."""
        items, after = [], 0
        while True:
            answer = self.get("/v1/messages", params={"channel_id": channel_id, "after": after, "limit": 200})
            assert answer.status_code == 200, answer.text
            page = answer.json()["items"]
            if not page:
                return items
            items += page
            after = page[-1]["seq"]


def register(node, name=None, password=PASSWORD):
    name = name or unique("person")
    answer = cleartext.post(node.http + "/auth/register", json={"username": name, "password": password}, timeout=30)
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    return Person(node, answer.json())


def login(node, name, password=PASSWORD):
    answer = cleartext.post(node.http + "/auth/login", json={"username": name, "password": password}, timeout=30)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return Person(node, answer.json())
