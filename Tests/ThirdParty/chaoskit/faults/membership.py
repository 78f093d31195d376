"""F16: nodes come, go, forget and come back as what they are not any more."""
import shutil
import time

import httpx

from .base import Fault, Skip, running


class Membership(Fault):
    id, name = "F16", "membership"
    about = "a node joins, is drained, is wiped, or comes back with an older or a copied data folder (and is refused)"
    destroys = True
    least_nodes = 3
    seconds = (1.0, 4.0)

    @classmethod
    def draw(cls, rng, names):
        return {"target": rng.choice(names), "action": rng.choice(["join", "drain", "wipe", "roll back", "clone"])}

    def begin(self, world, nodes):
        running(nodes)
        action = self.params["action"]
        self._detail = getattr(self, "_" + action.replace(" ", "_"))(world, nodes[0])
        return f"{action}: {self._detail}"

    def end(self, world, nodes):
        ailment = world.wait_whole(120, quiet=True)
        if ailment:
            world.find(f"120 s after '{self.params['action']}' of {nodes[0].name}: {ailment}")
        return "whole again"

    def _wipe(self, world, node):
        node.wipe()
        node.start()
        return "came back with an empty disk"

    def _join(self, world, node):
        fresh = world.add()
        fresh.start()
        fresh.wait_ready(60)
        time.sleep(self.params["seconds"])
        return f"{fresh.name} joined; " + self._leave(world, fresh)

    def _drain(self, world, node):
        text = self._leave(world, node)
        node.wipe()
        node.start()
        return text + "; came back with an empty disk"

    def _leave(self, world, node):
        """Drains a node until the cluster has removed it, and ends its process."""
        report = world.report()
        if report is None:
            raise Skip("no node reports on the cluster")
        world.ids(report)
        other = next(n for n in world.nodes if n is not node and n.is_running())
        answer = world.admin.on(other).post(f"/v1/cluster/nodes/{node.known_id}/drain")
        if answer.status_code in (404, 405, 501):
            node_is_new = node not in world.founders
            if node_is_new:
                node.halt()
                world.nodes.remove(node)
            raise Skip(f"no drain in this build: {answer.status_code}")
        if answer.status_code >= 300:
            raise Skip(f"drain was refused: {answer.status_code} {answer.text[:200]}")
        self.excuse(node)
        end = time.monotonic() + 90
        while time.monotonic() < end:
            report = world.report() or {"nodes": []}
            state = next((r["state"] for r in report["nodes"] if r["id"] == node.known_id), None)
            if state in (None, "removed"):
                break
            time.sleep(0.3)
        else:
            world.find(f"{node.name} is still '{state}' 90 s after its drain")
        node.halt()
        if node not in world.founders:
            world.nodes.remove(node)
        return f"{node.name} drained and removed"

    def _roll_back(self, world, node):
        """An old copy of its folder. The cluster remembers the higher boot counter and must refuse it."""
        copy = world.work / f"{node.name}.old"
        shutil.rmtree(copy, ignore_errors=True)
        node.halt()
        shutil.copytree(node.data, copy)
        node.start()
        node.wait_ready(60)
        time.sleep(self.params["seconds"])
        node.halt()
        shutil.rmtree(node.data)
        shutil.move(copy, node.data)
        text = self._expect_refusal(world, node, "an older copy of its folder")
        node.wipe()
        node.start()
        return text + "; came back with an empty disk"

    def _clone(self, world, node):
        """A copy of a live node's folder under another address. It must be refused; the original goes on."""
        twin = world.add()
        node.halt()
        shutil.copytree(node.data, twin.data)
        node.start()
        node.wait_ready(60)
        text = self._expect_refusal(world, twin, f"a copy of {node.name}'s folder")
        twin.halt()
        world.nodes.remove(twin)
        return text

    @staticmethod
    def _expect_refusal(world, node, what):
        node.start()
        with node.lock:
            node.wanted = False
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if not node.is_running():
                status = node.process.returncode
                if status <= 0:
                    world.find(f"{node.name} with {what} ended with {status}, not with a named refusal:\n{node.last_words()}")
                return f"refused with status {status}"
            ready = False
            try:
                ready = httpx.get(node.http + "/ready", timeout=1).status_code == 200
            except httpx.HTTPError:
                pass
            if ready:
                world.find(f"{node.name} serves with {what}")
                break
            time.sleep(0.1)
        else:
            world.find(f"{node.name} with {what} was neither refused nor ended within 30 s")
        node.halt()
        return "NOT refused"
