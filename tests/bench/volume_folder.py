"""Folders of events that the volume sections measure: filled once, used again, and served from a copy that the run may change.

`VOLUME=1000000,100000000` names the sizes. What a section shares with the other one stands here: the folder, its requests, how one client
asks them, and the points of other sizes that are taken over from the newest run.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import httpx
import psutil

from tests.bench.disk import linked
from tests.bench.load import percentile
from tests.bench.report import Report, newest_series
from tests.bench.volume_fill import RETENTION_DAYS, TENANT, Volume, kept
from tests.bench.volume_requests import Request
from tests.stack import Stack, running

SIZES: Final = tuple(int(size) for size in os.environ.get("VOLUME", "1000000").split(","))
FOLDER: Final = Path(os.environ.get("VOLUME_DIR", "/tmp/volume"))
QUERY_S: Final = float(os.environ.get("SECONDS", "6"))
"""A query's requests take so long together at most, but are so many (`LEAST`) at least."""
LEAST: Final = 5
_ELAPSED_TIMES: Final = 3
"""With what is done before each request they may take so many times as long."""
_RUN: Final = "run"


class Requests(NamedTuple):
    """The requests of each query, the mean rows and bytes that each makes the engine read, and the bytes of all tables on disk."""

    of: dict[str, list[Request]]
    reads: dict[str, dict[str, float]]
    stored: int


class Seen(NamedTuple):
    """What a client saw of one query: ms by request, CPU ms of the server a request, and how many of each status."""

    times: list[float]
    cpu_ms: float
    statuses: Counter[int]

    def point(self) -> dict[str, float]:
        """Return the figures of a point, the share of answers that were refusals (not 200) among them."""
        ordered = sorted(self.times)
        refused = 1 - self.statuses[200] / self.statuses.total()
        figures = {"p50_ms": statistics.median(ordered), "p99_ms": percentile(ordered, 0.99), "cpu_ms": self.cpu_ms}
        return {name: round(value, 2) for name, value in figures.items()} | {"n": len(ordered), "refused": round(refused, 3)}


def filled(report: Report, folder: Path, size: int) -> Volume:
    """Return the volume of a size, filled in a process of its own: the fill takes more memory than a server may."""
    if (kept_volume := kept(folder)) is None or kept_volume.rows == 0:
        subprocess.run([sys.executable, "-m", "tests.bench.volume_fill", str(folder), str(size)], check=True)
        kept_volume = kept(folder)
    assert kept_volume is not None
    report.console.print(f"  {size:,}: {kept_volume.rows:,} events, filled in {kept_volume.fill_seconds:.0f} s")
    return kept_volume


def requests_to(kept_volume: Volume, n: int, *names: str) -> Requests:
    """Return `n` requests of each of the named queries (none: all), made of rows that are there."""
    arguments = [str(kept_volume.folder), str(n), *names]
    counted = subprocess.run([sys.executable, "-m", "tests.bench.volume_reads", *arguments], check=True, stdout=subprocess.PIPE)
    document = json.loads(counted.stdout.splitlines()[-1])  # refusals are logged before it
    requests_of = {
        name: [Request(path, [tuple(p) for p in parameters]) for path, parameters in several]
        for name, several in document["requests"].items()
    }
    return Requests(requests_of, document["reads"], document["stored"])


@contextmanager
def copied(kept_volume: Volume) -> Iterator[Path]:
    """Give a folder with a copy of the volume for the length of a block; what a run writes and merges is gone with it."""
    folder = kept_volume.folder / _RUN
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{_RUN}.log").unlink(missing_ok=True)
    linked(kept_volume.folder / "clickhouse", folder / "clickhouse")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Stack, psutil.Process, httpx.Client]]:
    """Run `causeline up` on a copy with a fresh broker: the stack, its server process, and one client of the largest tenant."""
    with (
        running(folder, CAUSELINE_RETENTION_DAYS=str(RETENTION_DAYS)) as stack,
        httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": TENANT}, timeout=30) as http,
    ):
        yield stack, stack.child("causeline server"), http


def asked(server: psutil.Process, http: httpx.Client, several: list[Request], before: Callable[[], object] = lambda: None) -> Seen:
    """Send the requests one after the other, as long as a query's may take; `before` each one, which is not in its time."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    began, spent = time.perf_counter(), sum(server.cpu_times()[:2])
    for request in several:
        before()
        start = time.perf_counter()
        statuses[http.get(request.path, params=urlencode(request.parameters)).status_code] += 1
        times.append((time.perf_counter() - start) * 1000)
        elapsed = (time.perf_counter() - began) / _ELAPSED_TIMES
        if len(times) >= LEAST and max(elapsed, sum(times) / 1000) > QUERY_S:
            break
    spent = sum(server.cpu_times()[:2]) - spent
    return Seen(times, spent * 1000 / len(times), statuses)


def take_over(report: Report, series: str, sizes: tuple[int, ...]) -> None:
    """Add the points of the newest run that are of other sizes."""
    points: list[dict[str, Any]] = newest_series("volume", series).get(series, [])
    for point in points:
        if point["wanted"] not in sizes:
            report.point(series, **point)
