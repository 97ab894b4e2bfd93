"""How long every query takes with 1, 10 or 100 million events stored, what it reads, and how much memory the server needs.

    python -m tests.bench.volume [ROWS …] [--dir DIR]

For each size: a folder is filled (`volume_fill.py`; one that was filled before is used again), a process counts what each query reads
(`volume_reads.py`), then `causeline up` runs on the folder with a fresh broker and answers over HTTP: each query alone, one client, then
twenty clients with all queries at once. Times are of the client's clock; CPU is the server process's own, which does not see what else the
machine does. The sizes' points stand together in one file, those of other sizes are taken over from the newest one.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

import httpx
import psutil

from tests.bench.report import RESULTS, Report, most
from tests.bench.volume_fill import RETENTION_DAYS, TENANT, Volume, kept
from tests.bench.volume_requests import YEAR, Request
from tests.stack import Stack

SIZES: Final = tuple(int(size) for size in os.environ.get("VOLUME", "1000000").split(","))
FOLDER: Final = Path("/tmp/volume")
REQUESTS: Final = 60
_LEAST: Final = 5
_QUERY_S: Final = float(os.environ.get("SECONDS", "6"))
CLIENTS: Final = 20
_MIX_S: Final = 30.0
_RSS_S: Final = 0.2
_MIB: Final = 1 << 20
_AIMS: Final = {"event by id": 20.0, "event by id, keyed": 20.0, "events, service, 24 h": 50.0}
"""p99 in ms with 100 M events (the design's own)."""
MOST_MEMORY_MIB: Final = 2_048


class Seen(NamedTuple):
    """What a client saw of one query: ms by request after the first, ms of the first, CPU ms a request, and how many of each status."""

    times: list[float]
    first: float
    cpu_ms: float
    statuses: Counter[int]

    def point(self) -> dict[str, float]:
        """Return the figures of a point, the share of answers that were refusals (not 200) among them."""
        ordered = sorted(self.times)
        p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        refused = 1 - self.statuses[200] / self.statuses.total()
        figures = {"p50_ms": statistics.median(ordered), "p99_ms": p99, "first_ms": self.first, "cpu_ms": self.cpu_ms}
        return {name: round(value, 2) for name, value in figures.items()} | {"n": len(ordered), "refused": round(refused, 3)}


class Memory:
    """The resident memory of a process, looked at five times a second while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self.peak = process.memory_info().rss
        self._process = process
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(_RSS_S):
            try:
                self.peak = max(self.peak, self._process.memory_info().rss)
            except psutil.NoSuchProcess:
                return


def volume(report: Report, sizes: tuple[int, ...] = SIZES, folder: Path = FOLDER) -> None:
    """Every query over HTTP against stored events (`VOLUME=1000000,10000000,100000000` names the sizes)."""
    for point in _taken_over():
        if point["wanted"] not in sizes:
            report.point("queries", **point)
    for size in sizes:
        _measure(report, _filled(report, folder / str(size), size))
    report.console.print(f"written to {report.save('volume')}")


def _taken_over() -> list[dict[str, Any]]:
    """Return the points of the newest run."""
    newest = max(RESULTS.glob("volume-*.json"), default=None)
    points: list[dict[str, Any]] = json.loads(newest.read_text())["series"].get("queries", []) if newest else []
    return points


def _filled(report: Report, folder: Path, size: int) -> Volume:
    """Return the volume of a size, filled in a process of its own: the fill takes more memory than a server may."""
    if (kept_volume := kept(folder)) is None or kept_volume.rows == 0:
        subprocess.run([sys.executable, "-m", "tests.bench.volume_fill", str(folder), str(size)], check=True)
        kept_volume = kept(folder)
    assert kept_volume is not None
    stored = sum(file.stat().st_size for file in (folder / "clickhouse").rglob("*") if file.is_file())
    note = f"{kept_volume.rows:,} of {kept_volume.wanted:,} events, filled in {kept_volume.fill_seconds:.0f} s"
    report.add(f"{size:,}: on disk", stored / kept_volume.rows, "bytes an event", note=note)
    return kept_volume


def _measure(report: Report, kept_volume: Volume) -> None:
    counted = subprocess.run(
        [sys.executable, "-m", "tests.bench.volume_reads", str(kept_volume.folder), str(REQUESTS + 1)], check=True, stdout=subprocess.PIPE
    )
    document = json.loads(counted.stdout.splitlines()[-1])  # refusals are logged before it
    requests_of = {
        name: [Request(path, [tuple(p) for p in parameters]) for path, parameters in several]
        for name, several in document["requests"].items()
    }
    for other in kept_volume.folder.iterdir():  # a fresh broker: the rows are not on its log
        if other.is_dir() and other.name != "clickhouse":
            shutil.rmtree(other)
    stack = Stack(kept_volume.folder, CAUSELINE_RETENTION_DAYS=str(RETENTION_DAYS))
    stack.start()
    try:
        server = stack.child("causeline server")
        with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": TENANT}, timeout=30) as http:
            report.add(f"{kept_volume.wanted:,}: memory before any query", server.memory_info().rss / _MIB, "MiB")
            for name, several in requests_of.items():
                _one(report, kept_volume, server, http, name, several, document["reads"][name])
        _mixed(report, kept_volume, server, stack.url, requests_of)
    finally:
        stack.stop()


def _one(
    report: Report,
    kept_volume: Volume,
    server: psutil.Process,
    http: httpx.Client,
    name: str,
    several: list[Request],
    reads: dict[str, float],
) -> None:
    with Memory(server) as memory:
        seen = _asked(server, http, several)
    point = seen.point()
    report.point("queries", query=name, rows=kept_volume.rows, wanted=kept_volume.wanted, **point, **reads, peak_mib=memory.peak // _MIB)
    note = f"p50 {point['p50_ms']:.1f} ms, CPU {point['cpu_ms']:.1f} ms, {reads['read_rows']:,} rows read, n {point['n']}, "
    note += f"{dict(seen.statuses)}, peak {memory.peak // _MIB} MiB"
    aim = most(_AIMS[name]) if name in _AIMS else None
    report.add(f"{kept_volume.wanted:,}: {name}: p99", point["p99_ms"], "ms", note=note, aim=aim)


def _asked(server: psutil.Process, http: httpx.Client, several: list[Request]) -> Seen:
    """Send the requests one after the other, for six seconds (`SECONDS`) at most; the first one is apart."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    began, spent = time.perf_counter(), sum(server.cpu_times()[:2])
    for request in several:
        start = time.perf_counter()
        statuses[http.get(request.path, params=urlencode(request.parameters)).status_code] += 1
        times.append((time.perf_counter() - start) * 1000)
        if len(times) > _LEAST and time.perf_counter() - began > _QUERY_S:
            break
    spent = sum(server.cpu_times()[:2]) - spent
    return Seen(times[1:], times[0], spent * 1000 / len(times), statuses)


def _mixed(report: Report, kept_volume: Volume, server: psutil.Process, url: str, requests_of: dict[str, list[Request]]) -> None:
    """Twenty clients with every query, the widest ones twice as often, for half a minute: memory, and every answer's status."""
    names = [*requests_of, *YEAR]
    until = time.monotonic() + _MIX_S
    with Memory(server) as memory, ThreadPoolExecutor(CLIENTS) as clients:
        many = [clients.submit(_client, url, requests_of, names, number, until) for number in range(CLIENTS)]
        statuses = sum((one.result()[0] for one in many), Counter[str]())
        times = sorted(ms for one in many for ms in one.result()[1])
    p99 = times[len(times) * 99 // 100]
    note = f"answers {dict(statuses)}, p50 {statistics.median(times):.0f} ms, p99 {p99:.0f} ms"
    report.add(
        f"{kept_volume.wanted:,}: memory at most, {CLIENTS} clients", memory.peak / _MIB, "MiB", note=note, aim=most(MOST_MEMORY_MIB)
    )
    mixed = {"peak_mib": memory.peak // _MIB, "answers": sum(statuses.values()), "p50_ms": statistics.median(times), "p99_ms": p99}
    report.point("memory", rows=kept_volume.rows, wanted=kept_volume.wanted, **mixed)


def _client(
    url: str, requests_of: dict[str, list[Request]], names: list[str], number: int, until: float
) -> tuple[Counter[str], list[float]]:
    statuses: Counter[str] = Counter()
    times: list[float] = []
    with closing(httpx.Client(base_url=url, headers={"Causeline-Tenant": TENANT}, timeout=30)) as http:
        for turn in itertools.count(number * len(names) // CLIENTS):
            if time.monotonic() > until:
                return statuses, times
            several = requests_of[names[turn % len(names)]]
            request = several[(turn + number) % len(several)]
            start = time.perf_counter()
            try:
                statuses[str(http.get(request.path, params=urlencode(request.parameters)).status_code)] += 1
            except httpx.HTTPError as error:
                statuses[type(error).__name__] += 1
            times.append((time.perf_counter() - start) * 1000)
    raise AssertionError("unreachable")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", type=int, help="sizes, such as 1000000 100000000", default=SIZES)
    parser.add_argument("--dir", type=Path, default=FOLDER, help="where folders are kept for the next run")
    arguments = parser.parse_args()
    report = Report()
    volume(report, tuple(arguments.rows), arguments.dir)
    report.print()


if __name__ == "__main__":
    main()
