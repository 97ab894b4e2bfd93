"""An open-loop load in one process: batches leave when they are due, whether or not earlier ones were answered in time.

    python -m tests.bench.flood PORT CONNECTIONS SECONDS BATCHES_A_SECOND LEDGER [SIZE]

A connection that waits for its answer sends the next batch late, and its latency counts from when it was sent. One more connection sends
single events of another tenant, twenty a second: what a quiet neighbour sees. Prints one JSON line; LEDGER gets the number of each
batch that was acknowledged, one a line.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path

import uvloop

from tests import patience
from tests.bench.load import percentile

_HEADER_END = b"\r\n\r\n"
_MARK = b"@@@@@@@@"
POLITE_RATE = 20.0


class Flood:
    """What all connections have in common: the numbers of batches and what became of them."""

    def __init__(self, port: int, size: int, deadline: float) -> None:
        lines = [b'{"kind":"deployment","title":"%s-%d","service":"checkout","environment":"prod"}' % (_MARK, i) for i in range(size)]
        self.port, self.deadline, self.body = port, deadline, b"\n".join(lines)
        self.numbers = count(1)
        self.acknowledged: list[int] = []
        self.answers: Counter[str] = Counter()
        self.hints: Counter[str] = Counter()
        self.latencies: list[float] = []

    def request(self, number: int) -> bytes:
        body = self.body.replace(_MARK, b"%08d" % number)
        return _head(self.port, "flood", "application/x-ndjson", len(body)) + body


def _head(port: int, tenant: str, media: str, length: int) -> bytes:
    head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCauseline-Tenant: {tenant}\r\n"
    return f"{head}Content-Type: {media}\r\nContent-Length: {length}\r\n\r\n".encode()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[str, dict[bytes, bytes]]:
    writer.write(request)
    head = await reader.readuntil(_HEADER_END)
    lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return lines[0][9:12].decode(), fields


async def _flood(flood: Flood, start: float, interval: float) -> None:
    due = start
    writer = None
    while due < flood.deadline and time.perf_counter() < flood.deadline:
        await patience.lasting(due - time.perf_counter(), "until the next request is due")
        due += interval
        number = next(flood.numbers)
        sent = time.perf_counter()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", flood.port)
            status, fields = await _exchange(reader, writer, flood.request(number))
        except (OSError, asyncio.IncompleteReadError):
            flood.answers["connection ended"] += 1
            if writer is not None:
                writer.close()
            writer = None
            continue
        flood.answers[status] += 1
        if status[0] == "2":
            flood.latencies.append(time.perf_counter() - sent)
            flood.acknowledged.append(number)
        else:
            flood.hints["with Retry-After" if b"retry-after" in fields else "without Retry-After"] += 1
    if writer is not None:
        writer.close()


async def _polite(flood: Flood) -> tuple[Counter[str], list[float]]:
    answers: Counter[str] = Counter()
    latencies: list[float] = []
    body = b'{"kind":"deployment","title":"quiet"}'
    request = _head(flood.port, "polite", "application/json", len(body)) + body
    reader, writer = await asyncio.open_connection("127.0.0.1", flood.port)
    while time.perf_counter() < flood.deadline:
        sent = time.perf_counter()
        status, _ = await _exchange(reader, writer, request)
        answers[status] += 1
        latencies.append(time.perf_counter() - sent)
        await patience.lasting(1 / POLITE_RATE, "the pace of the polite tenant")
    writer.close()
    return answers, latencies


async def run(port: int, connections: int, seconds: float, rate: float, ledger: Path, size: int) -> dict[str, object]:
    """Return what the load saw."""
    began = time.perf_counter()
    flood = Flood(port, size, began + seconds)
    interval = connections / rate
    async with asyncio.TaskGroup() as tasks:
        polite = tasks.create_task(_polite(flood))
        for number in range(connections):
            tasks.create_task(_flood(flood, began + interval * number / connections, interval))
    took = time.perf_counter() - began
    ledger.write_text("".join(f"{number}\n" for number in flood.acknowledged))  # noqa: ASYNC240 - the load is over
    answers, calm = polite.result()
    latencies = sorted(flood.latencies)
    calm.sort()
    return {
        "seconds": took,
        "answers": dict(flood.answers),
        "hints": dict(flood.hints),
        "offered_per_second": sum(flood.answers.values()) * size / took,
        "accepted_per_second": len(flood.acknowledged) * size / took,
        "p50_ms": percentile(latencies, 0.50) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "max_ms": percentile(latencies, 1.0) * 1e3,
        "polite_answers": dict(answers),
        "polite_p99_ms": percentile(calm, 0.99) * 1e3,
    }


def main(argv: list[str]) -> None:
    """Run the load that the arguments describe and print what it saw."""
    size = int(argv[5]) if len(argv) > 5 else 500
    print(json.dumps(uvloop.run(run(int(argv[0]), int(argv[1]), float(argv[2]), float(argv[3]), Path(argv[4]), size))))


if __name__ == "__main__":
    main(sys.argv[1:])
