"""A member of channels over the WebSocket, made of the `websockets` package: stays connected to whichever node
answers, resumes, and keeps every event it was given together with whatever was wrong with it."""
import asyncio
import json

import websockets

FINAL_CODES = {1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403}


class Listener:
    """Follows every channel of one person. All of it runs on one asyncio loop."""

    def __init__(self, nodes, token, name="listener", first=0):
        self.nodes = list(nodes)
        self.token = token
        self.name = name
        self.at = first
        self.events = {}        # channel id -> events in the order of arrival
        self.last = {}          # channel id -> last seq seen
        self.faults = []        # what the contract forbids, as text
        self.connects = 0
        self.resets = []
        self.on_event = None    # called with each durable event
        self._socket = None
        self._live = asyncio.Event()
        self._pending = {}
        self._ref = 0
        self._task = None

    async def start(self):
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._live.wait(), 60)
        return self

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def follow(self, channel):
        """Expect events of a channel from here on: those after `channel["seq"]`."""
        self.last.setdefault(channel["id"], channel["seq"])
        self.events.setdefault(channel["id"], [])

    async def _run(self):
        while True:
            node = self.nodes[self.at % len(self.nodes)]
            try:
                async with websockets.connect(node.ws, open_timeout=3, close_timeout=1, ping_interval=20,
                                              max_size=4 << 20, proxy=None) as socket:
                    await self._follow(socket)
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                if code in FINAL_CODES:
                    self.faults.append(f"closed with {code} {closed.rcvd.reason!r} by {node.name}")
                    self._fail_pending()
                    return
            except (OSError, TimeoutError, websockets.InvalidHandshake, websockets.InvalidMessage, EOFError):
                pass
            finally:
                self._live.clear()
                self._socket = None
                self._fail_pending()
            self.at += 1
            await asyncio.sleep(0.03)

    async def _follow(self, socket):
        hello = {"type": "auth", "token": self.token}
        if self.last:
            hello["resume"] = dict(self.last)
        await socket.send(json.dumps(hello))
        async for text in socket:
            frame = json.loads(text)
            kind = frame["type"]
            if kind == "ready":
                self.connects += 1
                for channel in frame["channels"]:
                    self.last.setdefault(channel["id"], channel["seq"])
                    self.events.setdefault(channel["id"], [])
                self._socket = socket
                self._live.set()
            elif kind in ("ok", "error", "pong"):
                waiting = self._pending.pop(frame.get("ref"), None)
                if waiting and not waiting.done():
                    waiting.set_result(frame)
                elif kind == "error" and "ref" not in frame:
                    self.faults.append(f"error without a ref: {frame}")
            elif kind == "channel.reset":
                self.resets.append(frame)
                self.last[frame["channel_id"]] = frame["seq"]
            elif kind == "channel.joined":
                self.follow(frame["channel"])
            elif "seq" in frame and "channel_id" in frame and kind != "read.updated":
                self._take(frame)

    def _take(self, event):
        channel, seq = event["channel_id"], event["seq"]
        expected = self.last.get(channel, seq - 1) + 1
        if seq != expected:
            word = "again" if seq < expected else "gap"
            self.faults.append(f"{self.name}: {word} in {channel}: seq {seq} where {expected} was due")
        self.last[channel] = max(seq, self.last.get(channel, 0))
        self.events.setdefault(channel, []).append(event)
        if self.on_event:
            self.on_event(event)

    def _fail_pending(self):
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the connection ended before the answer"))

    async def ask(self, request, seconds=10):
        """Sends one request and returns its answer.
        Raises ConnectionError or TimeoutError where the outcome is unknown."""
        await asyncio.wait_for(self._live.wait(), seconds)
        self._ref += 1
        ref = f"{self.name}-{self._ref}"
        waiting = asyncio.get_running_loop().create_future()
        self._pending[ref] = waiting
        # Whoever gave up on an answer does not want to hear that it failed, too.
        waiting.add_done_callback(lambda future: future.cancelled() or future.exception())
        try:
            await self._socket.send(json.dumps(dict(request, ref=ref)))
            return await asyncio.wait_for(waiting, seconds)
        except (websockets.ConnectionClosed, AttributeError) as error:
            raise ConnectionError(str(error)) from error
        finally:
            self._pending.pop(ref, None)

    async def hop(self):
        """Leaves the node for the next one, as someone does who gets no answer."""
        if self._socket:
            self._live.clear()
            await self._socket.close()

    async def wait_seq(self, channel_id, seq, seconds=30):
        """Until the events of a channel up to this seq have arrived."""
        end = asyncio.get_running_loop().time() + seconds
        while self.last.get(channel_id, 0) < seq:
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"{self.name} has seq {self.last.get(channel_id)} of {channel_id}, not {seq}, "
                                     f"after {seconds} s; faults {self.faults}")
            await asyncio.sleep(0.01)
