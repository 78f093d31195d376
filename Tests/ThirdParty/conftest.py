"""Clusters for the checks. One three-node cluster serves all checks that break nothing; the others start their own."""
import asyncio
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from roostkit.nodes import Cluster  # noqa: E402
from roostkit.rest import login, register, unique  # noqa: E402


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


@pytest.fixture
def ada(cluster):
    return register(cluster.nodes[0], unique("ada"))


@pytest.fixture
def ben(cluster):
    return register(cluster.nodes[1], unique("ben"))


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
