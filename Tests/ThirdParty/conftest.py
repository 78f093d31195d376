"""Clusters for the checks. One three-node cluster serves all checks that break nothing (one for each worker, where several
run side by side); the others start their own. Marks of checks: pytest.ini."""
import asyncio
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from roostkit.nodes import Cluster  # noqa: E402
from roostkit.rest import Person, login, register, unique  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Faults take namespaces, loop devices and control groups, of which a machine has one set."""
    for item in items:
        if item.path.name == "test_chaos.py":
            item.add_marker(pytest.mark.serial)


@pytest.fixture(scope="session")
def cluster():
    with Cluster(3) as running:
        running.start()
        running.admin = register(running.nodes[0], "admin")
        running.admin_since = time.monotonic()
        running.wait_replicated(running.admin.token)
        yield running
        dead = [n.name for n in running.nodes if not n.is_running()]
        assert not dead, f"died during the checks: {dead}"


@pytest.fixture(autouse=True)
def everyone_alive(request):
    """No check may end a node of the shared cluster."""
    yield
    if "cluster" in request.fixturenames:
        for node in request.getfixturevalue("cluster").nodes:
            assert node.is_running(), f"{node.name} died:\n{node.tail()}"


@pytest.fixture(autouse=True)
def fresh_admin(request):
    """Access tokens live for fifteen minutes, and all the checks together take longer."""
    if "cluster" not in request.fixturenames:
        return
    cluster = request.getfixturevalue("cluster")
    if time.monotonic() - cluster.admin_since > 300:
        cluster.admin = login(cluster.nodes[0], cluster.admin.name)
        cluster.admin_since = time.monotonic()


@pytest.fixture
def admin(cluster):
    return cluster.admin


class Neighbours:
    """The people that checks marked `neighbours` have in common.

    A new account costs a hash of its password, in a debug build a second of a core: longer than most checks take. Those
    that look only at what they have made themselves need no new one.
    """

    # How many checks share an account, so that its lists stay within a page, and for how long its token is good.
    CHECKS, SECONDS = 20, 300

    def __init__(self, cluster):
        self.cluster = cluster
        self.known = {}

    def get(self, name, number, module):
        grant, used, since, home = self.known.get(name, (None, 0, 0, None))
        if home != module or used >= self.CHECKS or time.monotonic() - since > self.SECONDS:
            grant, used, since = register(self.cluster.nodes[number], unique(name)).grant, 0, time.monotonic()
        self.known[name] = grant, used + 1, since, module
        # Each check has connections of its own.
        return Person(self.cluster.nodes[number], dict(grant))


@pytest.fixture(scope="session")
def neighbours(cluster):
    return Neighbours(cluster)


def somebody(name, number):
    """A fixture: someone on that node, new or, where the check bears it, one that others have met."""
    @pytest.fixture(name=name)
    def made(cluster, neighbours, request):
        if request.node.get_closest_marker("neighbours") and not request.node.get_closest_marker("strangers"):
            return neighbours.get(name, number, request.module.__name__)
        return register(cluster.nodes[number], unique(name))
    return made


ada = somebody("ada", 0)
ben = somebody("ben", 1)


@pytest.fixture
def person(cluster):
    """Makes people: `person()`, `person("moderator")`, `person("guest", node)`."""
    def make(role="member", node=None):
        made = register(node or cluster.nodes[0], unique(role))
        if role != "member":
            answer = cluster.admin.put(f"/v1/admin/users/{made.id}/role", {"role": role})
            assert answer.status_code == 200, answer.text
        return made
    return make


@pytest.fixture
def alone():
    """One node, fresh, with the registration open."""
    with Cluster(1) as running:
        running.start()
        yield running.nodes[0]


def run(coroutine, seconds=60):
    """Runs one asynchronous check within a bound."""
    return asyncio.run(asyncio.wait_for(coroutine, seconds))
