"""A load generator in one process: keep-alive connections over loopback, each sending its next request as soon as it has an answer.

    python -m tests.bench.load PORT CONNECTIONS SECONDS single|batch:N|array:N [PATH [REQUESTS_A_SECOND [TENANT]]]

`batch:N` sends N events of the native API as lines, `array:N` N items of the path's API as a JSON array. SIGTERM ends the load before its
time.

Prints one JSON line: requests, events, errors, seconds, latency percentiles in ms. It is written on raw asyncio protocols because the load
shares two cores with what it measures: a full client would measure itself.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Callable

import uvloop

from tests.bench.bodies import BY_PATH, native

_HEADER_END = b"\r\n\r\n"


def requests_of(
    port: int, path: str, bodies: Callable[[random.Random], bytes], content_type: str, variants: int, tenant: str = ""
) -> list[bytes]:
    """Return prebuilt requests, so that building them is not part of the load."""
    rng = random.Random(port)
    built = []
    fields = f"Host: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n" + (f"Causeline-Tenant: {tenant}\r\n" if tenant else "")
    for _ in range(variants):
        body = bodies(rng)
        built.append(f"POST {path} HTTP/1.1\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return built


class Connection(asyncio.Protocol):
    """One client: sends, waits for the whole answer, notes how long it took, sends again.

    With an `interval` the first request is due after `wait`, and each later one so long after the one before was due, or at once where
    that has passed: a late timer does not lower the rate, and a slow answer is not made up for.
    """

    def __init__(self, requests: list[bytes], at: int, deadline: float, interval: float, wait: float) -> None:
        self.requests, self.at, self.deadline, self.interval = requests, at, deadline, interval
        self.due = time.perf_counter() + wait
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.errors = 0
        self.buffer = bytearray()
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send_when_due()

    def send(self) -> None:
        if time.perf_counter() >= self.deadline:
            self.transport.close()
            if not self.end.done():
                self.end.set_result(None)
            return
        self.at += 1
        self.began = time.perf_counter()
        self.transport.write(self.requests[self.at % len(self.requests)])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(_HEADER_END)
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        self.errors += head[9:10] != b"2"
        self.latencies.append(time.perf_counter() - self.began)
        self.buffer.clear()
        self.due = max(self.due + self.interval, time.perf_counter())
        self._send_when_due()

    def _send_when_due(self) -> None:
        if self.interval:
            asyncio.get_running_loop().call_later(max(0.0, self.due - time.perf_counter()), self.send)
        else:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors += exc is not None
        if not self.end.done():
            self.end.set_result(None)


async def run(port: int, connections: int, seconds: float, requests: list[bytes], rate: float = 0.0) -> dict[str, float]:
    """Return what the load saw. `rate` (requests a second over all connections, 0: as fast as answers come) holds the load back."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    interval = connections / rate if rate else 0.0
    clients = [Connection(requests, i * 7, began + seconds, interval, i / rate if rate else 0.0) for i in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    loop.add_signal_handler(signal.SIGTERM, _stop, clients)
    await asyncio.gather(*(c.end for c in clients))
    took = time.perf_counter() - began
    latencies = sorted(x for c in clients for x in c.latencies)
    return {
        "requests": len(latencies),
        "errors": sum(c.errors for c in clients),
        "seconds": took,
        "per_second": len(latencies) / took,
        "p50_ms": percentile(latencies, 0.50) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }


def _stop(clients: list[Connection]) -> None:
    for client in clients:
        client.deadline = 0.0


def percentile(sorted_values: list[float], share: float) -> float:
    """Return the value below which this share of the ordered values lies, 0 for none."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] if sorted_values else 0.0


def main(argv: list[str]) -> None:
    """Run the load that the arguments describe and print what it saw."""
    port, connections, seconds, kind = int(argv[0]), int(argv[1]), float(argv[2]), argv[3]
    path = argv[4] if len(argv) > 4 else "/v1/events"
    rate = float(argv[5]) if len(argv) > 5 else 0.0
    tenant = argv[6] if len(argv) > 6 else ""
    form, _, count = kind.partition(":")
    size = int(count or 1)
    if form == "batch":
        requests = requests_of(port, path, lambda rng: b"\n".join(native(rng) for _ in range(size)), "application/x-ndjson", 40, tenant)
    elif form == "array":
        item = BY_PATH[path].body
        variants = max(40, 2_000 // size)
        requests = requests_of(
            port, path, lambda rng: b"[" + b",".join(item(rng) for _ in range(size)) + b"]", "application/json", variants, tenant
        )
    else:
        requests = requests_of(port, path, BY_PATH[path].body, "application/json", 2_000, tenant)
    seen = uvloop.run(run(port, connections, seconds, requests, rate))
    print(json.dumps(seen | {"events_per_second": seen["per_second"] * size}))


if __name__ == "__main__":
    main(sys.argv[1:])
