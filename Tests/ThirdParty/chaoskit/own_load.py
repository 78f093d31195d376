"""A small load of our own, on `roostkit`: slower than `roost-load history`, and a second opinion that shares no code
with it or with the server. Its judge is that of the acceptance test."""
import asyncio
import bisect
import random
import threading
import time

from demo import PASSING, Record, judge
from roostkit.listener import Listener
from roostkit.rest import login, register

from .verdict import AFTER_US, spans


class OwnLoad:
    """Senders that retry each key anywhere until it has a verdict, and readers that resume anywhere."""

    name = "own"

    def __init__(self, world, out, channels=4, senders=12, rate=150.0, seed=0):
        self.world, self.out = world, out
        self.channel_count, self.sender_count, self.rate = channels, senders, rate
        self.rng = random.Random(seed)
        self.records = []
        self.tries = self.failures = 0
        self.problems = []
        self._found = {}
        self._sending = threading.Event()
        self._sending.set()
        self._ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._main, name="load", daemon=True)

    def start(self):
        nodes = self.world.founders
        self.people = [register(nodes[i % len(nodes)], f"load-{i}") for i in range(3)]
        self.channels = []
        for i in range(self.channel_count):
            channel = self.people[0].channel(f"load-{i}", "private")
            for person in self.people[1:]:
                answer = self.people[0].put(f"/v1/channels/{channel['id']}/members/{person.id}", {"role": "member"})
                assert answer.status_code in (200, 201, 204), answer.text
            self.channels.append(self.people[0].get(f"/v1/channels/{channel['id']}").json())
            self.records.append(Record())
        self._thread.start()
        self._ready.wait(60)
        return self

    def acked(self):
        return sum(len(r.acked) for r in self.records)

    def alive(self):
        return self._thread.is_alive()

    def gaps(self, records):
        """fault -> [(seconds, alone)], of the channel that stood still longest."""
        channels = [sorted(int(t * 1e6) for t in r.ack_times) for r in self.records]
        found = {}
        for span in spans(records):
            worst = [g for g in (longest_gap(c, span.begin, span.end + AFTER_US) for c in channels) if g is not None]
            if worst:
                found.setdefault(span.fault, []).append((max(worst) / 1e6, span.alone))
        return found

    def share(self):
        counts = self.counts()
        return counts["acked"] / max(1, counts["acked"] + counts["unknown"])

    def stop(self):
        """At once, without a verdict; the thread ends with the program."""
        self._sending.clear()

    def finish(self, seconds):
        """Stops sending, waits for the verdicts that are due and reads everything back."""
        self._sending.clear()
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.problems.append(f"the load did not come to its end within {seconds} s")
        if self._failure:
            self.problems.append(f"the load broke down: {self._failure!r}")

    def counts(self):
        return {"acked": self.acked(), "tries": self.tries, "failed_tries": self.failures,
                "unknown": sum(len(r.sent) - len(r.acked) for r in self.records)}

    def verdict(self):
        """Lines about what must not be; none where all is well."""
        return [f"{kind}: {text}" for kind, texts in self._found.items() for text in texts] + self.problems

    def picture(self):
        """None: that is what roost-load draws."""

    def _main(self):
        try:
            asyncio.run(self._play())
        except BaseException as error:      # noqa: BLE001 - it is reported by finish
            self._failure = error

    async def _play(self):
        nodes = self.world.founders
        readers = [await Listener(nodes, p.token, p.name, i).start() for i, p in enumerate(self.people[:2])]
        for reader in readers:
            for channel in self.channels:
                reader.follow(channel)
        links = [await Listener(nodes, self.people[i % 3].token, f"sender{i}", i).start()
                 for i in range(self.sender_count)]
        self._ready.set()
        self._next_at = time.monotonic()
        await asyncio.gather(*[self._send(link, i) for i, link in enumerate(links)])
        for link in links:
            await link.stop()
        await self._judge(readers)
        for reader in readers:
            await reader.stop()

    async def _send(self, link, number):
        count = 0
        while self._sending.is_set():
            self._next_at = max(self._next_at + 1 / self.rate, time.monotonic() - 0.5)
            await asyncio.sleep(self._next_at - time.monotonic())
            which = self.rng.randrange(self.channel_count)
            key = f"s{number}-{count}-{self.rng.getrandbits(32):08x}"
            count += 1
            await self._until_known(link, which, key, f"{key} {'x' * self.rng.randrange(200)}")

    async def _until_known(self, link, which, key, text):
        record = self.records[which]
        record.begin(key, text)
        request = {"type": "send", "channel_id": self.channels[which]["id"], "text": text, "client_id": key}
        wait, end = 0.05, None
        while True:
            # After the end of the run what hangs gets a while to find out, then it stays unknown.
            if not self._sending.is_set():
                end = end or time.monotonic() + 20
                if time.monotonic() > end:
                    return
            self.tries += 1
            try:
                answer = await link.ask(request, 3)
            except (ConnectionError, TimeoutError) as error:
                self.failures += 1
                if isinstance(error, TimeoutError):
                    await link.hop()
            else:
                if answer["type"] == "ok":
                    record.ack(key, answer["message"])
                    return
                self.failures += 1
                if answer["code"] not in PASSING and answer["code"] != "insufficient_storage":
                    record.faults.append(f"{key} was refused: {answer}")
                    return
                if answer["code"] in ("unavailable", "insufficient_storage") and self.rng.random() < 0.3:
                    await link.hop()
            await asyncio.sleep(wait * (0.5 + self.rng.random()))
            wait = min(wait * 2, 1.0)

    async def _judge(self, readers):
        nodes = [n for n in self.world.founders if n.is_running()]
        # Tokens live for 15 minutes; a long run outlives them.
        person = await asyncio.to_thread(login, nodes[0], self.people[0].name)
        for channel, record in zip(self.channels, self.records):
            head = (await asyncio.to_thread(person.get, f"/v1/channels/{channel['id']}")).json()["seq"]
            for reader in readers:
                try:
                    await reader.wait_seq(channel["id"], head, 30)
                except AssertionError as error:
                    record.faults.append(str(error))
            histories = [await asyncio.to_thread(person.on(n).history, channel["id"]) for n in nodes]
            plain = [[(m["seq"], m["id"], m["text"], m["user_id"], m["created_at"]) for m in h] for h in histories]
            for node, other in zip(nodes[1:], plain[1:]):
                if other != plain[0]:
                    record.faults.append(f"{node.name} tells another history: {len(other)} against {len(plain[0])}")
            for kind, texts in judge(record, histories[0], readers, channel["id"], head).items():
                self._found.setdefault(kind, []).extend(dict.fromkeys(texts))


def longest_gap(times, begin, end):
    """The longest time without an ack that overlaps [begin, end], in microseconds; None without enough acks."""
    first = max(0, bisect.bisect_right(times, begin) - 1)
    last = bisect.bisect_left(times, end) + 1
    near = times[first:last]
    return max((b - a for a, b in zip(near, near[1:])), default=None)
