"""What a soak is judged by: the slopes of what may not grow, and every acknowledged event in the table once."""

import time
from collections import Counter
from typing import Any, NamedTuple

import httpx

from tests import patience
from tests.bench.load import percentile
from tests.bench.report import Report, most
from tests.bench.soak_fleet import Beside

_DAY_MS = 86_400_000
_PIECE_MS = 300_000

PROCESSES = {"server": "causeline server", "processors": "causeline processors", "broker": "kafka.Kafka"}


class Sample(NamedTuple):
    """One look at the stack: bytes of memory, handles, threads of each process; seconds of lag; bytes on disk."""

    at: float
    memory: dict[str, int]
    handles: dict[str, int]
    threads: dict[str, int]
    lag: dict[str, float]
    disk: int


def slope_per_hour(points: list[tuple[float, float]]) -> float:
    """Return the least-squares slope of (seconds, value) over an hour, 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread * 3_600 if spread else 0.0


def growth(report: Report, samples: list[Sample]) -> None:
    """Report memory, handles and lag: their course and their slope over the second half."""
    first, last, later = samples[0], samples[-1], samples[len(samples) // 2 :]
    for name in PROCESSES:
        sizes = [(sample.at, sample.memory[name] / 2**20) for sample in later]
        note = f"{first.memory[name] / 2**20:.0f} MiB at the start, {sizes[0][1]:.0f} half way, {sizes[-1][1]:.0f} at the end"
        report.add(f"memory of {name}, slope over the second half", slope_per_hour(sizes), "MiB/h", note=note)
        handles = [(sample.at, float(sample.handles[name])) for sample in later]
        highest = max(sample.handles[name] for sample in samples)
        note = f"{first.handles[name]} at the start, {highest} at most, {last.handles[name]} at the end; threads {last.threads[name]}"
        report.add(f"file handles of {name}, slope over the second half", slope_per_hour(handles), "/h", note=note)
    for stage in sorted({stage for sample in samples for stage in sample.lag}):
        lags = sorted(sample.lag.get(stage, 0.0) for sample in samples)
        slope = slope_per_hour([(sample.at, sample.lag.get(stage, 0.0)) for sample in later])
        note = f"p50 {percentile(lags, 0.5):.2f} s, at most {lags[-1]:.2f} s; slope {slope:.2f} s/h"
        report.add(f"lag of {stage}, p99", percentile(lags, 0.99), "s", note=note, aim=most(1))


def exact(report: Report, url: str, beside: Beside, total: int) -> bool:
    """Report what is lost or doubled: the batches by count, the keyed events by their ids, the problems by their state."""
    visible_count = patience.asked_by(lambda: visible(url, "default"), lambda number: number >= total, seconds=60, every=0.5)
    note = f"of {total:,} acknowledged"
    report.add("events that are not in the table exactly once", abs(total - visible_count), "events", note=note, aim=most(0))
    keyed = Counter(event["id"] for event in _all(url, beside.tenant, "events", kind="deployment"))
    wrong = len(beside.acknowledged - set(keyed)) + sum(keyed.values()) - len(beside.acknowledged & set(keyed))
    report.add("keyed events lost or doubled", wrong, "events", note=f"{beside.repeats} repeats of {len(keyed)}", aim=most(0))
    states = Counter(problem["state"] for problem in _all(url, beside.tenant, "problems"))
    report.add("problems opened", beside.problems, "problems", note=f"in the end {dict(states)}")
    return visible_count == total and not wrong


def visible(url: str, tenant: str) -> int:
    """Return how many events of the last day the table holds for a tenant; all at once would be too much for one question."""
    end = time.time_ns() // 1_000_000 + 60_000
    return sum(_counted(url, tenant, start, start + _PIECE_MS) for start in range(end - _DAY_MS, end, _PIECE_MS))


def _counted(url: str, tenant: str, start: int, end: int) -> int:
    answer = _get(f"{url}/v1/histogram", tenant, {"from": str(start), "to": str(end), "step": "1d", "by": "kind"})
    return sum(count for bucket in answer["buckets"] for count in bucket["counts"].values())


def _all(url: str, tenant: str, what: str, **question: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = _get(f"{url}/v1/{what}", tenant, {"limit": "1000", "from": "now-1d"} | question | ({"cursor": cursor} if cursor else {}))
        rows += page[what]
        cursor = page["next_cursor"]
    return rows


def _get(url: str, tenant: str, question: dict[str, str]) -> dict[str, Any]:
    answer = httpx.get(url, params=question, headers={"Causeline-Tenant": tenant}, timeout=60)
    document: dict[str, Any] = answer.raise_for_status().json()
    return document
