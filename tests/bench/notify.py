"""Acknowledged to told: how long after its answer an event reaches the webhook of a subscription, while events come at a steady rate.

    python -m tests.bench.notify PORT SECONDS RATE SUBSCRIPTIONS [ONE_IN]

The events are spread evenly over the services that the subscriptions ask for, so each is told once; with ONE_IN, as many services again as
nobody asks for make it one of so many. Senders and receiver share one process, and thereby one clock; both are raw asyncio protocols,
since the load shares two cores with what it measures.
"""

import asyncio
import json
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import httpx
import uvloop

from tests import patience
from tests.bench.load import percentile

_SENDERS: Final = 16
_SETTLED_S: Final = 30.0
_LOOK_S: Final = 0.05
_END: Final = b"\r\n\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Messages(asyncio.Protocol, ABC):
    """Cuts what arrives into HTTP messages with a Content-Length."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head = bytes(self._buffer[:end]).lower()
            start = head.find(b"content-length:")
            size = end + len(_END) + (int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0)
            if len(self._buffer) < size:
                return
            body = bytes(self._buffer[end + len(_END) : size])
            del self._buffer[:size]
            self.message(head, body)

    @abstractmethod
    def message(self, head: bytes, body: bytes) -> None: ...


class Receiver(Messages):
    """Answers every webhook at once, and notes when an event came first."""

    def __init__(self, arrivals: dict[str, float], counts: list[int]) -> None:
        super().__init__()
        self._arrivals, self._counts = arrivals, counts

    def message(self, _head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        self.transport.write(OK)
        self._arrivals.setdefault(json.loads(body)["data"]["id"], now)
        self._counts[0] += 1


class Sender(Messages):
    """Sends an event, waits for its answer, sends the next one when its time has come."""

    def __init__(
        self, number: int, target_services: frozenset[str], services: int, interval: float, deadline: float, acks: dict[str, float]
    ) -> None:
        super().__init__()
        self._turn, self._services, self._interval, self._deadline = number * 7, services, interval, deadline
        self._target_services, self._acks = target_services, acks
        self.sent = 0
        self.errors = 0
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._due = time.perf_counter()
        self._send()

    def message(self, head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        if head[9:12] == b"201":
            self.sent += 1
            if self._service in self._target_services:
                self._acks[json.loads(body)["id"]] = now
        else:
            self.errors += 1
        asyncio.get_running_loop().call_later(max(0.0, self._due - now), self._send)

    def _send(self) -> None:
        now = time.perf_counter()
        if now >= self._deadline:
            self.transport.close()
            if not self.end.done():
                self.end.set_result(None)
            return
        self._due = max(self._due + self._interval, now)
        self._turn += 1
        self._service = f"s{self._turn % self._services}"
        body = json.dumps({"kind": "deployment", "title": f"release {self._turn}", "service": self._service}).encode()
        head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def subscribe(port: int, receiver: int, subscriptions: int) -> None:
    """Make so many subscriptions, each to a service of its own, and a path of its own."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        for number in range(subscriptions):
            target = {"type": "webhook", "url": f"http://127.0.0.1:{receiver}/{number}"}
            asked = {"name": f"bench {number}", "filter": {"service": f"s{number}", "stream": "events"}, "target": target}
            (await http.post("/v1/subscriptions", json=asked)).raise_for_status()


async def measure(port: int, seconds: float, rate: float, subscriptions: int, one_in: int = 1) -> dict[str, float]:
    """Return what was seen: latencies in ms from the answer to the first arrival; events that were never told are `missing`."""
    loop = asyncio.get_running_loop()
    arrivals: dict[str, float] = {}
    acks: dict[str, float] = {}
    counts = [0]
    server = await loop.create_server(lambda: Receiver(arrivals, counts), "127.0.0.1", 0)
    await subscribe(port, server.sockets[0].getsockname()[1], subscriptions)
    target_services = frozenset(f"s{number}" for number in range(subscriptions))
    began = time.perf_counter()
    senders = [
        (
            await loop.create_connection(
                lambda n=n: Sender(n, target_services, subscriptions * one_in, _SENDERS / rate, began + seconds, acks),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
        )[1]
        for n in range(_SENDERS)
    ]
    await asyncio.gather(*(sender.end for sender in senders))
    ended = time.perf_counter()
    for _ in range(int(_SETTLED_S / _LOOK_S)):
        if acks.keys() <= arrivals.keys():
            break
        await patience.lasting(_LOOK_S, "between two looks")
    server.close()
    took = sorted(arrivals[name] - at for name, at in acks.items() if name in arrivals)
    return {
        "events": sum(sender.sent for sender in senders),
        "per_second": sum(sender.sent for sender in senders) / (ended - began),
        "told": len(acks),
        "errors": sum(sender.errors for sender in senders),
        "received": counts[0],
        "missing": len(acks.keys() - arrivals.keys()),
        "p50_ms": percentile(took, 0.50) * 1e3,
        "p99_ms": percentile(took, 0.99) * 1e3,
    } | second_half(list(acks.values()), list(arrivals.values()), began, ended)


def second_half(acks: Sequence[float], arrivals: Sequence[float], began: float, ended: float) -> dict[str, float]:
    """Return the rates of the second half of a load, how far telling was behind at its end, and by how much more a second.

    `half` and `ended` are of the system's monotonic clock, in seconds, as every process reads it.
    """
    half = (began + ended) / 2
    behind_half, behind_end = (sum(ack < at for ack in acks) - sum(arrival < at for arrival in arrivals) for at in (half, ended))
    span = ended - half
    return {
        "half": half,
        "ended": ended,
        "acknowledged_per_second": sum(half <= at < ended for at in acks) / span,
        "told_per_second": sum(half <= at < ended for at in arrivals) / span,
        "behind": behind_end,
        "behind_per_second": (behind_end - behind_half) / span,
    }


def notified(*arguments: float) -> dict[str, float]:
    """Return what `measure` sees in a process of its own; its arguments, in order."""
    command = [sys.executable, "-m", "tests.bench.notify", *map(str, arguments)]
    seen: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seen


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:]]
    print(json.dumps(uvloop.run(measure(int(numbers[0]), numbers[1], numbers[2], *map(int, numbers[3:])))))
