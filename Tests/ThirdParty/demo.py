#!/usr/bin/env python3
"""The acceptance test of Roost, written as its adversary.

Three fresh nodes; two people, registered on two different nodes, share a channel. Senders push numbered messages
through all three nodes over WebSocket while node after node is killed with SIGKILL and started again. Every outcome
that is unknown is tried again with the same client_id on another node. At the end both people and all three nodes'
REST history must tell the same story:

  lost       acknowledged, and not in the history, or not at the seq it was acknowledged with
  doubled    one client_id at two places of the history, or acknowledged with two seqs
  reordered  a message that was sent after another's ack, and stands before it; or an event out of order at a reader
  phantom    in the history and never sent, or with another text

Exit status 0 only when all of it is nought."""
import argparse
import asyncio
import json
import random
import sys
import time

from roostkit.listener import Listener
from roostkit.nodes import Cluster
from roostkit.rest import register

# Refusals after which nothing is known or nothing was applied: the same key, another node.
PASSING = {"outcome_unknown", "unavailable", "overloaded", "not_ready", "draining", "rate_limited"}


def say(*words):
    print(*words, flush=True)


class Record:
    """What the senders did: the only truth the history is held against."""

    def __init__(self):
        self.sent = {}          # client_id -> (text, time of the first attempt)
        self.acked = {}         # client_id -> (seq, time of the ack)
        self.ack_times = []
        self.retries = 0
        self.faults = []

    def begin(self, client_id, text):
        self.sent[client_id] = (text, time.monotonic())

    def ack(self, client_id, message):
        now = time.monotonic()
        if message["text"] != self.sent[client_id][0]:
            self.faults.append(f"{client_id} was acknowledged with another text")
        if client_id in self.acked:
            if self.acked[client_id][0] != message["seq"]:
                self.faults.append(f"{client_id} has seq {self.acked[client_id][0]} and {message['seq']}")
            return
        self.acked[client_id] = (message["seq"], now)
        self.ack_times.append(now)

    def longest_gap(self, begin, end):
        """The longest time without an ack that overlaps [begin, end], in seconds."""
        times = [begin] + [t for t in self.ack_times if begin <= t <= end] + [end]
        return max(b - a for a, b in zip(times, times[1:]))


class Pace:
    """When the next message may go: at the asked rate, and at a trickle once a kill takes longer than its share of
    the stream, so that no kill finds the stream at its end."""

    TRICKLE = 20.0

    def __init__(self, rate, total, kill_count, record):
        self.rate, self.total, self.kill_count, self.record = rate, total, kill_count, record
        self.kills_done = 0
        self.next_at = 0.0

    async def turn(self):
        ahead = len(self.record.sent) > self.total * (self.kills_done + 1.5) / (self.kill_count + 1)
        rate = self.TRICKLE if ahead and self.kills_done < self.kill_count else self.rate
        if not rate:
            return
        now = time.monotonic()
        self.next_at = max(self.next_at + 1 / rate, now)
        await asyncio.sleep(self.next_at - now)


class Sender:
    """One outstanding message after the other through one connection that moves on when its node dies."""

    def __init__(self, number, listener, channel_id, record, queue, budget, pace):
        self.pace = pace
        self.number, self.listener, self.channel_id = number, listener, channel_id
        self.record, self.queue, self.budget = record, queue, budget

    async def run(self):
        while True:
            await self.pace.turn()
            if not self.queue:
                return
            client_id, text = self.queue.pop()
            self.record.begin(client_id, text)
            await self._until_acked(client_id, text)

    async def _until_acked(self, client_id, text):
        end = time.monotonic() + self.budget
        request = {"type": "send", "channel_id": self.channel_id, "text": text, "client_id": client_id}
        # Now and then the same message goes out twice at once: still one message.
        twins = 2 if random.random() < 0.02 else 1
        while time.monotonic() < end:
            answers = await asyncio.gather(*[self.listener.ask(request, 3) for _ in range(twins)],
                                           return_exceptions=True)
            settled = False
            for answer in answers:
                if isinstance(answer, BaseException):
                    if not isinstance(answer, (ConnectionError, TimeoutError)):
                        raise answer
                elif answer["type"] == "ok":
                    self.record.ack(client_id, answer["message"])
                    settled = True
                elif answer["code"] not in PASSING:
                    self.record.faults.append(f"{client_id} was refused: {answer}")
                    return
            if settled:
                return
            self.record.retries += 1
            if any(isinstance(a, TimeoutError) for a in answers):
                await self.listener.hop()
            await asyncio.sleep(0.05)
        self.record.faults.append(f"{client_id} was not acknowledged within {self.budget} s")


async def kills(cluster, record, rounds, progress, total, gaps, pace, rng):
    """Kills each node once a round, at evenly spaced points of the stream, and starts it again."""
    order = [n for _ in range(rounds) for n in rng.sample(cluster.nodes, len(cluster.nodes))]
    for i, node in enumerate(order):
        while progress() < total * (i + 1) / (len(order) + 1):
            await asyncio.sleep(0.01)
        await asyncio.sleep(rng.random() * 0.05)
        at = time.monotonic()
        node.kill()
        say(f"  {node.name} killed after {progress()} acks")
        await asyncio.sleep(0.5 + rng.random())
        node.start()
        await asyncio.to_thread(node.wait_ready, 60)
        ready_after = time.monotonic() - at
        # The window ends well after the node is back, so that a stall caused by its return counts too.
        await asyncio.sleep(1.0)
        pace.kills_done += 1
        gaps.append((node.name, record.longest_gap(at, time.monotonic()), ready_after))


def judge(record, history, readers, channel_id, expected_head):
    """Holds the history and both readers against the record. Returns {fault: [text]}."""
    found = {"lost": [], "doubled": [], "reordered": [], "phantom": [], "other": list(record.faults)}
    place = {}
    for message in history:
        client_id, _, _ = message["text"].partition(" ")
        if client_id in place:
            found["doubled"].append(f"{client_id} at {place[client_id]} and {message['seq']}")
        place.setdefault(client_id, message["seq"])
        if client_id not in record.sent or record.sent[client_id][0] != message["text"]:
            found["phantom"].append(f"seq {message['seq']}: {message['text'][:60]}")
    for client_id, (seq, _) in record.acked.items():
        if place.get(client_id) != seq:
            found["lost"].append(f"{client_id} acknowledged at {seq}, found at {place.get(client_id)}")
    seqs = [m["seq"] for m in history]
    if seqs != sorted(set(seqs)):
        found["reordered"].append("the history is not in strictly rising order of seq")
    if seqs and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        found["reordered"].append(f"the history has gaps: {len(seqs)} messages from {seqs[0]} to {seqs[-1]}")
    # Real time: whoever was sent after another's ack stands behind it.
    earliest_ack_behind = float("inf")
    for message in reversed(history):
        client_id = message["text"].partition(" ")[0]
        if client_id in record.sent and record.sent[client_id][1] > earliest_ack_behind:
            found["reordered"].append(f"{client_id} was sent after a message behind it was acknowledged")
        if client_id in record.acked:
            earliest_ack_behind = min(earliest_ack_behind, record.acked[client_id][1])
    truth = [(m["seq"], m["text"], m["user_id"]) for m in history]
    for reader in readers:
        found["reordered"] += [f for f in reader.faults]
        if reader.resets:
            found["other"].append(f"{reader.name} was reset instead of resumed: {reader.resets[:2]}")
        seen = [(e["seq"], e["message"]["text"], e["message"]["user_id"])
                for e in reader.events.get(channel_id, []) if e["type"] == "message.created"]
        if seen != truth:
            missing = len(set(truth) - set(seen))
            extra = len(set(seen) - set(truth))
            found["other"].append(f"{reader.name} holds {len(seen)} messages, the history {len(truth)}: "
                                  f"{missing} missing, {extra} foreign, "
                                  f"{'same set, other order' if not missing and not extra else 'not the same set'}")
        if reader.last.get(channel_id) != expected_head:
            found["other"].append(f"{reader.name} ended at seq {reader.last.get(channel_id)}, not {expected_head}")
    return found


async def play(cluster, options):
    rng = random.Random(options.seed)
    random.seed(options.seed)
    await asyncio.to_thread(cluster.start)
    say(f"three nodes are ready (seed {options.seed})")
    ada = await asyncio.to_thread(register, cluster.nodes[0], "ada")
    ben = await asyncio.to_thread(register, cluster.nodes[1], "ben")
    await asyncio.to_thread(cluster.wait_replicated, ada.token)
    say("every shard has three voters and a leader")
    channel = ada.channel("harbour", "private")
    answer = ada.put(f"/v1/channels/{channel['id']}/members/{ben.id}", {"role": "member"})
    assert answer.status_code in (200, 201, 204), answer.text
    start = ada.get(f"/v1/channels/{channel['id']}").json()
    assert start["member_count"] == 2, start

    # Two readers, on the nodes where they registered, and six senders over all nodes.
    readers = [await Listener(cluster.nodes, ada.token, "ada", 0).start(),
               await Listener(cluster.nodes, ben.token, "ben", 1).start()]
    for reader in readers:
        reader.follow(start)
    record = Record()
    total = options.messages
    keys = [f"m{i:06d}-{rng.getrandbits(32):08x}" for i in reversed(range(total))]
    queue = [(key, f"{key} {'é' * rng.randint(0, 40)}x") for key in keys]
    links = [await Listener(cluster.nodes, (ada, ben)[i % 2].token, f"sender{i}", i).start() for i in range(6)]
    pace = Pace(options.rate, total, options.rounds * len(cluster.nodes), record)
    senders = [Sender(i, link, channel["id"], record, queue, options.budget, pace) for i, link in enumerate(links)]

    gaps = []
    began = time.monotonic()
    work = asyncio.gather(*[s.run() for s in senders])
    killer = asyncio.create_task(kills(
        cluster, record, options.rounds, lambda: len(record.acked) + len(record.faults), total, gaps, pace, rng))
    await work
    took = time.monotonic() - began
    await killer
    for node in cluster.nodes:
        await asyncio.to_thread(node.wait_ready, 60)

    head = (await asyncio.to_thread(ada.get, f"/v1/channels/{channel['id']}")).json()["seq"]
    for reader in readers:
        try:
            await reader.wait_seq(channel["id"], head, 30)
        except AssertionError as error:
            record.faults.append(str(error))
    histories = [await asyncio.to_thread((ada, ben)[i % 2].on(node).history, channel["id"])
                 for i, node in enumerate(cluster.nodes)]
    plain = [[(m["seq"], m["id"], m["text"], m["user_id"], m["created_at"]) for m in h] for h in histories]
    for node, other in zip(cluster.nodes[1:], plain[1:]):
        if other != plain[0]:
            record.faults.append(f"{node.name} tells another history: {len(other)} messages against {len(plain[0])}")
    found = judge(record, histories[0], readers, channel["id"], head)
    if len(histories[0]) != total:
        found["other"].append(f"{len(histories[0])} messages in the history, {total} were sent")
    for link in links:
        found["reordered"] += link.faults
        await link.stop()
    for reader in readers:
        await reader.stop()
    return record, found, gaps, took, readers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=1, help="times each node is killed")
    parser.add_argument("--rate", type=float, default=150, help="messages a second; 0: as fast as they are acked")
    parser.add_argument("--budget", type=float, default=30, help="seconds after which a message must be acked")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--long", action="store_true", help="20,000 messages, ten rounds of kills")
    parser.add_argument("--gap-max", type=float, default=None, help="fail when writes stood still longer, in seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.long:
        options.messages, options.rounds = max(options.messages, 20_000), max(options.rounds, 10)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)

    with Cluster(3) as cluster:
        record, found, gaps, took, readers = asyncio.run(play(cluster, options))
    for name, gap, ready in gaps:
        say(f"  {name}: longest gap between acks {gap * 1000:.0f} ms; ready again {ready:.1f} s after its kill")
    if options.gap_max is not None:
        found["other"] += [f"writes stood still for {g:.2f} s round the kill of {n}" for n, g, _ in gaps
                           if g > options.gap_max]
    say(f"acked {len(record.acked)} in {took:.1f} s   retries {record.retries}   "
        f"connections {' '.join(f'{r.name} {r.connects}' for r in readers)}")
    say(f"lost {len(found['lost'])}   doubled {len(found['doubled'])}   reordered {len(found['reordered'])}   "
        f"phantom {len(found['phantom'])}")
    for kind, texts in found.items():
        for text in texts[:10]:
            say(f"  {kind}: {text}")
        if len(texts) > 10:
            say(f"  {kind}: … and {len(texts) - 10} more")
    good = len(record.acked) == options.messages and not any(found.values())
    if options.json:
        print(json.dumps({"acked": len(record.acked), "seconds": took, "gaps_ms": [round(g * 1000) for _, g, _ in gaps],
                          "seed": options.seed, **{k: len(v) for k, v in found.items()}, "passed": good}))
    say("passed" if good else f"FAILED (replay the schedule with --seed {options.seed})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
