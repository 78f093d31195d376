"""People who keep writing while nodes come and go, and keep account of every answer."""
import contextlib
import threading
import time
import uuid

import httpx

from roostkit import cleartext


class Writers:
    """Each thread writes to a channel of its own, through the nodes in turn, and repeats a failed request once
    elsewhere with the same client_id. A context manager: leaving it stops the writing."""

    def __init__(self, person, nodes, count=4, pause=0.02):
        self.nodes = nodes          # a callable: the nodes that may be asked now
        self.pause = pause
        self.channels = [person.channel()["id"] for _ in range(count)]
        self.headers = {"Authorization": f"Bearer {person.token}"}
        self.acked = {c: [] for c in self.channels}     # client ids in the order of their answers
        self.failed = []            # what failed twice
        self.retries = 0
        self.gaps = {c: 0.0 for c in self.channels}     # the longest time between two answers, in seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(i, c), daemon=True)
                         for i, c in enumerate(self.channels)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def count(self):
        return sum(len(a) for a in self.acked.values())

    def forget_gaps(self):
        for channel in self.channels:
            self.gaps[channel] = 0.0

    def _write(self, number, channel):
        turn, last = number, time.monotonic()
        with cleartext.Client(timeout=10, headers=self.headers) as http:
            while not self._stop.is_set():
                key = uuid.uuid4().hex
                problems = []
                for _ in range(2):
                    nodes = self.nodes()
                    turn += 1
                    problem = self._post(http, nodes[turn % len(nodes)], channel, key)
                    if problem is None:
                        break
                    problems.append(problem)
                    self.retries += 1
                if len(problems) == 2:
                    self.failed.append(problems)
                else:
                    self.acked[channel].append(key)
                    now = time.monotonic()
                    self.gaps[channel] = max(self.gaps[channel], now - last)
                    last = now
                time.sleep(self.pause)

    def _post(self, http, node, channel, key):
        """None when it was taken, else why not."""
        try:
            answer = http.post(node.http + "/v1/messages", json={"channel_id": channel, "text": key, "client_id": key})
        except httpx.HTTPError as error:
            return f"{node.name}: {type(error).__name__}"
        return None if answer.status_code == 202 else f"{node.name}: {answer.status_code} {answer.text}"

    def judge(self, person):
        """Everything that was answered is there once, in order, on every node that is asked."""
        assert not self.failed, self.failed[:5]
        for channel, keys in self.acked.items():
            there = [m["text"] for m in person.history(channel)]
            assert [k for k in there if k in set(keys)] == keys, f"lost or moved in {channel}"
            assert len(set(there)) == len(there), f"twice in {channel}"


def until(condition, seconds=30, what="it"):
    """Polls until the condition holds; what it raises of httpx counts as not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            result = condition()
            if result:
                return result
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come about within {seconds} s")
