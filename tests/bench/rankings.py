"""From a problem's opening until its ranking can be read from `causeline.causes`: at a steady rate, and in a storm.

A whole stack with `CHANGES` changes of the hours before. The storm is of one tenant, the probes of ordinary events are of another.
"""

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from aiokafka import AIOKafkaConsumer

from causeline.schemas.client import CauseRevision, decode
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES
from tests import patience
from tests.bench.load import percentile
from tests.bench.parts import SECONDS
from tests.bench.report import Report, most
from tests.bench.stages import visible_at
from tests.stack import Stack, running

CHANGES: Final = int(os.environ.get("CHANGES", "1000"))
STEADY: Final = (10.0, 30.0)
"""Problems a second, and for how many seconds."""
STORM: Final = (1_000, 60.0)
_SERVICES: Final = 40
_TENANT: Final = {"Causeline-Tenant": "storm"}
"""Of the problems and their changes: the probes, and the load about them, are the default tenant's."""
_BATCH: Final = 500
_AFTER_S: Final = 300.0


def causes(report: Report) -> None:
    """Opened → published: 10 problems a second, and a storm of 1,000 in a minute beside ordinary events."""
    with (
        tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder,
        running(Path(folder) / "data") as stack,
        following(stack) as seen,
    ):
        fill(stack)
        before = visible_at(stack.http_port, 4 * SECONDS, 50)
        rate, seconds = STEADY
        delays, _ = opening(stack, seen, int(rate * seconds), seconds, "steady")
        note = f"{len(delays)} problems, {CHANGES:,} changes in the hours before, load average {os.getloadavg()[0]:.1f}"
        report.add(f"opened → published, {rate:.0f} a second: p50", percentile(delays, 0.5) * 1e3, "ms", note=note)
        report.add(f"opened → published, {rate:.0f} a second: p99", percentile(delays, 0.99) * 1e3, "ms", note=note, aim=most(3_000))
        count, within_s = STORM
        with ThreadPoolExecutor(1) as beside:
            storm = beside.submit(opening, stack, seen, count, within_s, "storm")
            during = visible_at(stack.http_port, within_s - 5, 50)
            delays, took = storm.result()
        note = f"p50 {percentile(delays, 0.5):.1f} s, p99 {percentile(delays, 0.99):.1f} s, load average {os.getloadavg()[0]:.1f}"
        report.add(f"storm of {count:,} in {within_s:.0f} s, all ranked after", took, "s", note=note, aim=most(120))
        note = f"p50 {during['p50_ms']:.0f} ms, without {before['p50_ms']:.0f} ms"
        report.add("ordinary events beside the storm, visible: p99", during["p99_ms"], "ms", before["p99_ms"], "ms without", note)


def fill(stack: Stack) -> None:
    """Send the changes of the hours before, the storm's tenant and of some services."""
    now = datetime.now(UTC)
    with httpx.Client(base_url=stack.url, headers=_TENANT, timeout=60) as http:
        for first in range(0, CHANGES, _BATCH):
            batch = [
                {
                    "kind": ("deployment", "config_change", "flag")[n % 3],
                    "title": f"Deploy s{n % _SERVICES} {n}",
                    "service": f"s{n % _SERVICES}",
                    "environment": "production",
                    "ts": (now - timedelta(seconds=60 + n * 40)).isoformat(),
                }
                for n in range(first, min(first + _BATCH, CHANGES))
            ]
            http.post("/v1/events", json=batch).raise_for_status()
    stack.wait_flow()


class Arrivals:
    """When the first ranking of each problem could be read, by its title (`time.perf_counter`)."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    async def follow(self, bootstrap: str) -> None:
        consumer = AIOKafkaConsumer(
            CAUSES, **client_options(bootstrap), isolation_level="read_committed", auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        await consumer.start()
        try:
            while not self._stop.is_set():
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    at = time.perf_counter()
                    for record in records:
                        revision = decode(record)
                        if isinstance(revision, CauseRevision):
                            self.times.setdefault(revision.title, at)
        finally:
            await consumer.stop()


@contextmanager
def following(stack: Stack) -> Iterator[Arrivals]:
    arrivals = Arrivals()
    thread = threading.Thread(target=lambda: asyncio.run(arrivals.follow(stack.kafka)))
    thread.start()
    try:
        yield arrivals
    finally:
        arrivals.stop()
        thread.join()


def opening(stack: Stack, seen: Arrivals, count: int, seconds: float, name: str) -> tuple[list[float], float]:
    """Open problems evenly; return the delays from each request to its ranking, sorted, and from the first request to the last ranking."""
    opened: dict[str, float] = {}
    began = time.perf_counter()
    with httpx.Client(base_url=stack.url, headers=_TENANT, timeout=60) as http:
        for number in range(count):
            patience.pause(began + number * seconds / count - time.perf_counter(), "the pace of the problems")
            title = f"{name}-{number}"
            body = {"kind": "incident", "status": "open", "title": title, "service": f"s{number % _SERVICES}"}
            opened[title] = time.perf_counter()
            http.post("/v1/events", json={**body, "correlation_id": title, "environment": "production"}).raise_for_status()
    patience.asked(lambda: opened.keys() - seen.times.keys(), lambda missing: not missing, seconds=_AFTER_S, every=0.05)
    delays = sorted(seen.times[own] - at for own, at in opened.items())
    return delays, max(seen.times[own] for own in opened) - began


if __name__ == "__main__":
    own_report = Report()
    causes(own_report)
    own_report.print()
    print(json.dumps({"load": os.getloadavg()}))
