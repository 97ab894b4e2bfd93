"""One rare service's last hour, asked for by eight clients at once, while other services of the same tenant bring 10,000 events a second.

What it takes must not grow with what came in: the same is asked after each of `AMOUNTS` events. A new event of the rare service is written
before each time, so that every answer can be checked. Where the machine takes less than the rate, an amount that would take too long is
left at what has come in, which the row says.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx

from tests import patience
from tests.bench.parts import SECONDS
from tests.bench.report import Report, most
from tests.bench.writer import Writing, writing
from tests.stack import running

AMOUNTS: Final = tuple(int(amount) for amount in os.environ.get("AMOUNTS", "100000,300000,1000000").split(","))
RATE: Final = 10_000.0
CLIENTS: Final = 8
AIM_MS: Final = 100.0
SERVICE: Final = "rare"
PATH: Final = f"/v1/events?service={SERVICE}&from=now-1h&limit=100"
_BEFORE: Final = 20
_SLOWER: Final = 3.0
"""How many times as long as at the full rate an amount may take to come in."""


def rare(report: Report) -> None:
    """One rare service's last hour, eight clients at once, while others of its tenant bring 10,000 events a second (`AMOUNTS=100000,…`)."""
    with (
        tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder,
        running(Path(folder) / "data") as stack,
        httpx.Client(base_url=stack.url, timeout=30) as http,
    ):
        for number in range(_BEFORE):
            post(http, number)
        alone = asked(stack.http_port)
        report.add("rare service, nothing else came in: p99", alone["p99_ms"], "ms", note=told(alone, _BEFORE))
        refusals = 0
        with writing(stack.url, RATE) as writer:
            for number, amount in enumerate(AMOUNTS, _BEFORE):
                came = came_in(writer, amount)
                post(http, number)
                before, began = writer.stored(), time.perf_counter()
                seen = asked(stack.http_port)
                per_second = (writer.stored() - before) / (time.perf_counter() - began)
                refusals += seen["answers"] - seen["statuses"].get("200", 0)
                report.point("rare", came=came, per_second=per_second, p50_ms=seen["p50_ms"], p99_ms=seen["p99_ms"])
                note = f"{told(seen, number + 1)}; {per_second:,.0f} events/s stored meanwhile"
                what = f"rare service, {came:,} others came in: p99"
                report.add(what, seen["p99_ms"], "ms", alone["p99_ms"], "ms before them", note, most(AIM_MS))
    report.add("rare service: answers other than 200", refusals, "answers", note="they are fast, and no answer", aim=most(0))
    report.add("rare service: the writer beside it: held", writer.per_second, "events/s", RATE, "wanted", writer.note)


def post(http: httpx.Client, number: int) -> None:
    """Write one event of the rare service, again where the server is too busy to take it."""
    body = {"kind": "deployment", "title": "a rare one", "service": SERVICE, "idempotency_key": f"{SERVICE}-{number}"}
    patience.asked(lambda: http.post("/v1/events", json=body).status_code, lambda status: status < 300, every=0.5)


def came_in(writer: Writing, amount: int) -> int:
    """Return how many events are stored, once they are as many as wanted or that takes too long."""
    longest = _SLOWER * max(0, amount - writer.stored()) / RATE
    return patience.asked_by(writer.stored, lambda stored: stored >= amount, seconds=longest, every=0.5)


def asked(port: int) -> dict[str, Any]:
    """Return what the clients see."""
    command = [sys.executable, "-m", "tests.bench.asking", str(port), str(CLIENTS), str(SECONDS), PATH]
    seen: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seen


def told(seen: dict[str, Any], written: int) -> str:
    """Return what is worth knowing beside a p99: whether the answers hold what was written among it."""
    there = f"{seen['fewest']} to {seen['most']} of {written} events in each"
    return f"p50 {seen['p50_ms']:.1f} ms, {seen['answers']} answers {seen['statuses']}, {there}"
