"""The transcripts in docs/api/transcripts, played against three nodes, each next request on the next node.

They are one day of one workspace, in the order of their names: what one shows, the later ones build on.
"""
import datetime
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from roostkit import cleartext
from roostkit.load import until
from roostkit.nodes import Cluster
from roostkit.transcripts import Mismatch, Names, read

PAGES = sorted((Path(__file__).parents[2] / "docs" / "api" / "transcripts").glob("[0-9]*.md"))
# As a workspace is founded; few shards, so that a report on all of them can be shown.
OPTIONS = ("--shards", "16")
# The name that clients know the cluster by; `n2.chat.example` is one node of it.
NAME = "chat.example"


def moment(**ahead):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**ahead)
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Day:
    """What goes on from page to page: the cluster, whose turn it is, and what placeholders stand for."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.turn = 0
        self.broken = None
        self.names = Names({"in an hour": moment(hours=1), "tomorrow": moment(days=1), "in a week": moment(days=7)})
        for node in cluster.nodes:
            self.names.known[node.name] = node.ready_line().group(1)

    def node(self, host):
        """The node that the request names, else the next."""
        for node in self.cluster.nodes:
            if host == f"{node.name}.{NAME}":
                return node
        self.turn += 1
        return self.cluster.nodes[self.turn % len(self.cluster.nodes)]

    def send(self, request):
        method, target = self.names.filled(request.head).split(" ", 1)
        headers = {name: self.names.filled(value) for name, value in request.headers.items()}
        node = self.node(headers.get("host"))
        headers = {"host": NAME, "user-agent": "curl/8.5.0", **headers}
        body = self.names.filled(request.body).encode() or None
        return cleartext.request(method, node.http + target, headers=headers, content=body, timeout=20)

    def wait(self, name, state):
        """Until the report says so of the node."""
        def reached():
            nodes = self.cluster.report(self.names.known["ada.token"])["nodes"]
            return any(n["id"] == self.names.known[name] and n["state"] == state for n in nodes)
        until(reached, 60, f"{name} being {state}")

    def play(self, page):
        for exchange in read(page):
            if exchange.until:
                self.wait(*exchange.until)
            try:
                self.names.compare(exchange, self.send(exchange.request))
            except Mismatch as error:
                self.broken = page.name
                raise AssertionError(f"{page.name}:{exchange.request.line}: {exchange.request.head}\n{error}") from None


@pytest.fixture(scope="module")
def day():
    with Cluster(3, OPTIONS) as cluster:
        cluster.start()
        yield Day(cluster)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_nodes_answer_as_the_page_shows(day, page):
    assert day.broken is None, f"{day.broken}, which comes before, was not played to its end"
    token = day.names.known.get("ada.token")
    if "cluster" in page.stem:
        # It shows where replicas are, which the founding of the cluster may not have ended with.
        day.cluster.wait_replicated(token)
        until(lambda: all(r["role"] == "voter" for s in day.cluster.report(token)["shards"] for r in s["replicas"]),
              60, "learners becoming voters")
    day.play(page)


def test_the_pages_show_every_route(day):
    contract = cleartext.get(day.cluster.nodes[0].http + "/openapi.json", timeout=20).json()
    operations = {(method.upper(), path) for path, methods in contract["paths"].items() for method in methods}
    shown, unknown = set(), []
    for page in PAGES:
        for exchange in read(page):
            path = unquote(urlsplit(exchange.target).path)
            # A part that is written out (…/users/me) goes before one that may be anything.
            fitting = [one for one in operations if one[0] == exchange.method and re.fullmatch(
                re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one[1])), path)]
            if fitting:
                shown.add(min(fitting, key=lambda one: one[1].count("{")))
            else:
                unknown.append(f"{page.name}:{exchange.request.line}: {exchange.request.head}")
    assert not unknown
    assert not operations - shown, "no page shows these"
