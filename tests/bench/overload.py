"""Ten times what the stack sustains, for a minute: memory, latency of what is accepted, and whether all of that arrives exactly once.

SECONDS=60 python -m tests.bench.overload
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.event import Event
from causeline.schemas.topics import EVENTS
from causeline.schemas.wire.codec import decode_record
from tests.bench.parts import load
from tests.bench.report import Report, least, most
from tests.stack import Stack, running

SIZE = 500
CONNECTIONS = 1_000
PROCESSES = ("causeline server", "causeline processors", "kafka.Kafka")
MIB = 1 << 20
_ARRIVE_S = 300.0


def overloaded(stack: Stack, seconds: float, connections: int, ledger: Path, times: float = 10.0) -> dict[str, Any]:
    """Offer `times` what eight connections get through, and return what was seen, as plain data.

    `rss_mib`: by process, the highest of the first and of the last third of the time, and the highest; `lost` and `doubled` count events.
    """
    load(stack.http_port, 8, 2, f"batch:{SIZE}")
    sustained = load(stack.http_port, 8, 4, f"batch:{SIZE}")["events_per_second"]
    rate = times * sustained / SIZE
    arguments = [stack.http_port, connections, seconds, rate, ledger, SIZE]
    flood = subprocess.Popen([sys.executable, "-m", "tests.bench.flood", *map(str, arguments)], stdout=subprocess.PIPE)
    samples = _sampled({words: stack.child(words) for words in PROCESSES}, flood)
    seen: dict[str, Any] = json.loads(flood.communicate()[0])
    third = max(1, len(samples) // 3)
    rss = {
        words: {
            "first": max(sample[words] for sample in samples[:third]),
            "last": max(sample[words] for sample in samples[-third:]),
            "highest": max(sample[words] for sample in samples),
        }
        for words in PROCESSES
    }
    acknowledged = [int(line) for line in ledger.read_text().split()]
    counts = asyncio.run(_found(stack.kafka, acknowledged))
    lost = sum(1 for number in acknowledged for item in range(SIZE) if not counts[f"{number:08d}-{item}"])
    doubled = sum(times - 1 for times in counts.values())
    arrived = {"acknowledged": len(acknowledged) * SIZE, "lost": lost, "doubled": doubled}
    return seen | arrived | {"sustained_per_second": sustained, "times": seen["offered_per_second"] / sustained, "rss_mib": rss}


def _sampled(processes: dict[str, psutil.Process], flood: "subprocess.Popen[bytes]") -> list[dict[str, float]]:
    samples = []
    while flood.poll() is None:
        samples.append({words: process.memory_info().rss / MIB for words, process in processes.items()})
        try:
            flood.wait(1.0)
        except subprocess.TimeoutExpired:
            continue
    return samples


async def _found(kafka: str, acknowledged: list[int]) -> Counter[str]:
    """Count the flood's events on the public topic by title, until the acknowledged ones are there and nothing more comes."""
    total = len(acknowledged) * SIZE
    counts: Counter[str] = Counter()
    consumer = AIOKafkaConsumer(EVENTS, **client_options(kafka), isolation_level="read_committed", auto_offset_reset="earliest")
    await consumer.start()
    try:
        deadline = time.monotonic() + _ARRIVE_S
        quiet = 0
        while quiet < 4 and time.monotonic() < deadline:
            polled = await consumer.getmany(timeout_ms=500)
            for records in polled.values():
                for record in records:
                    event = decode_record(record.value, Event) if record.value else None
                    if event is not None and event.tenant == "flood":
                        counts[event.title] += 1
            quiet = quiet + 1 if not polled and counts.total() >= total else 0
    finally:
        await consumer.stop()
    return counts


def measure(report: Report, seconds: float = 60.0) -> dict[str, Any]:
    """Run the overload on a stack of its own, add its rows and return what was seen."""
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder, running(Path(folder) / "data") as stack:
        seen = overloaded(stack, seconds, CONNECTIONS, Path(folder) / "ledger")
    note = f"{seen['answers']}, {seen['hints']}; sustained before {seen['sustained_per_second']:,.0f}/s"
    report.add(
        f"overload: offered for {seen['seconds']:.0f} s on {CONNECTIONS} connections", seen["offered_per_second"], "events/s", note=note
    )
    note = f"p50 {seen['p50_ms']:.0f} ms, highest {seen['max_ms']:.0f} ms, {seen['accepted_per_second']:,.0f} events/s accepted"
    report.add("overload: p99 of the accepted", seen["p99_ms"], "ms", note=note, aim=most(1_000))
    report.add("overload: p99 of a quiet tenant", seen["polite_p99_ms"], "ms", note=str(seen["polite_answers"]), aim=most(1_000))
    missing = f"{seen['lost']} lost, {seen['doubled']} doubled"
    arrived = seen["acknowledged"] - seen["lost"] - seen["doubled"]
    report.add("overload: acknowledged events found once", arrived, "events", note=missing, aim=least(seen["acknowledged"]))
    for words, rss in seen["rss_mib"].items():
        note = f"highest of the first third {rss['first']:.0f}, of the last {rss['last']:.0f}"
        report.add(f"overload: memory of {words}", rss["highest"], "MiB", note=note)
    return seen


def overload(report: Report) -> None:
    """Ten times the sustained load for `SECONDS` (60)."""
    measure(report, float(os.environ.get("SECONDS", "60")))


if __name__ == "__main__":
    overload(Report())
