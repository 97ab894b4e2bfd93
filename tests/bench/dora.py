"""DORA metrics of a quarter: one tenant with ten million events and a thousand services, over the real store.

    python -m tests.bench.dora FOLDER EVENTS     fills the folder once, asks, and prints the figures as JSON

The questions go through the reader that HTTP asks, without HTTP. The store's part is until the facts are there; the rest is the pure core,
judging them and making the answer. CPU is the process's own: it does not see what else the machine does. `stall` is the longest time for
which the event loop of the server would have answered nobody meanwhile.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client

from causeline.deploy.lifetime import spare_the_collector
from causeline.processors.adapters.clickhouse import apply_migrations
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dora.columns.history_columns import HistoryColumns
from causeline.query_api.dora.dora_answers import group_by, metrics, show_metrics
from causeline.query_api.dora.dora_scope import DoraScope
from causeline.query_api.dora.windows import ZonedWindow
from causeline.query_api.reading.dora import DoraReader
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dora.definition import Definition
from causeline.schemas.migrations import TableLayout
from causeline.schemas.topology.topology import Topology
from tests.bench.dora_fill import DAY_MS, QUARTER_MS, SERVICES, TENANT, Quarter, fill_quarter
from tests.bench.report import Report, most

EVENTS: Final = int(os.environ.get("DORA_EVENTS", "10000000"))
FOLDER: Final = Path(os.environ.get("DORA_DIR", "/tmp/dora"))
AIMS: Final = {"whole tenant": 500.0, "one service": 500.0, "by service": 2_000.0}
_ROUNDS: Final = int(os.environ.get("DORA_ROUNDS", "5"))
_TICK_S: Final = 0.002
_MANIFEST: Final = "dora.json"


def dora(report: Report) -> None:
    """DORA metrics of a quarter of ten million events and 1,000 services (`DORA_EVENTS=1000000` for less)."""
    command = [sys.executable, "-m", "tests.bench.dora", str(FOLDER / str(EVENTS)), str(EVENTS)]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for name, aim in AIMS.items():
        seen = figures[name]
        note = (
            f"store {seen['store_ms']:.0f} ms, core {seen['core_ms']:.0f} ms, CPU {seen['cpu_ms']:.0f} ms, stall {seen['stall_ms']:.0f}, "
            f"{seen['changes']:,} events and {seen['problems']:,} problems read, {seen['deployments']:,} deployments counted"
        )
        report.add(f"{EVENTS:,} events, {SERVICES:,} services: DORA, {name}: p50", seen["ms"], "ms", note=note, aim=most(aim))
        report.point("dora", question=name, events=EVENTS, **seen)


def filled(folder: Path, events: int) -> Quarter:
    """Return the quarter in a folder, filled now unless it is there."""
    manifest = folder / _MANIFEST
    if manifest.exists():
        return Quarter(**json.loads(manifest.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    last = (int(time.time() * 1_000) // DAY_MS + 1) * DAY_MS
    quarter = Quarter(events, last - QUARTER_MS, last)
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder / "clickhouse"))
    apply_migrations(client, TableLayout())
    client.command("USE causeline")
    fill_quarter(client, quarter)
    client.close()
    manifest.write_text(json.dumps(quarter._asdict()))
    return quarter


async def ask(folder: Path, quarter: Quarter) -> dict[str, dict[str, float]]:
    """Return the figures of every question."""

    def connect() -> Client:
        return clickhouse_connect.get_client(interface="chdb", path=str(folder / "clickhouse"), database="causeline")

    store = ClickHouseEventStore(connect, QueryLimits(seconds=60))
    reader = DoraReader(Reader(store, MemoryFrontier(MemoryEventStore()), RecentWrites(lambda: 0.0)), _no_topology)
    window = ZonedWindow(quarter.first_ms, quarter.last_ms, "Europe/Berlin")
    whole = DoraQuestion(tenant=TENANT, window=window, definition=Definition(), now=quarter.last_ms)
    service = msgspec.structs.replace(whole, scope=DoraScope(service=frozenset({"service-7"})))

    def in_all(history: HistoryColumns) -> Any:
        return show_metrics(metrics(window, history, whole.definition))

    def by_service(history: HistoryColumns) -> Any:
        groups = group_by(window, "service", history, whole.definition)
        return in_all(history), [show_metrics(group.metrics) for group in groups]

    questions = {"whole tenant": (whole, in_all), "one service": (service, in_all), "by service": (whole, by_service)}
    figures = {name: await _measure(reader, question, show) for name, (question, show) in questions.items()}
    await store.close()
    return figures


async def _measure(reader: DoraReader, question: DoraQuestion, show: Callable[[HistoryColumns], Any]) -> dict[str, float]:
    rounds: list[dict[str, float]] = []
    facts = await reader.facts(question)
    for _ in range(_ROUNDS):
        async with _Stalls() as stalls:
            began, cpu = time.perf_counter(), _cpu_s()
            facts = await reader.facts(question)
            there = time.perf_counter()
            await asyncio.to_thread(lambda: show(facts.columns(question)))  # noqa: B023 - awaited at once
            done = time.perf_counter()
            spent = _cpu_s() - cpu
        figures = {"ms": done - began, "store_ms": there - began, "core_ms": done - there, "cpu_ms": spent, "stall_ms": stalls.longest}
        rounds.append({name: 1_000 * seconds for name, seconds in figures.items()})
    seen = {name: median(one[name] for one in rounds) for name in rounds[0]}
    history = facts.columns(question).within(question.window.span)
    counts = {"changes": len(facts.changes), "commits": len(facts.commit_events), "problems": len(facts.problems)}
    return seen | counts | {"deployments": len(history.deployments.scope.end)}


async def _no_topology(_: str) -> Topology:
    return Topology()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class _Stalls:
    """The longest time (s) that the loop was late for a call while a block runs."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._again()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._handle.cancel()

    def _again(self) -> None:
        due = self._loop.time() + _TICK_S
        self._handle = self._loop.call_at(due, self._note, due)

    def _note(self, due: float) -> None:
        self.longest = max(self.longest, self._loop.time() - due)
        self._again()


def main() -> None:
    spare_the_collector()
    folder, events = Path(sys.argv[1]), int(sys.argv[2])
    sys.stdout.write(json.dumps(asyncio.run(ask(folder, filled(folder, events)))))


if __name__ == "__main__":
    main()
