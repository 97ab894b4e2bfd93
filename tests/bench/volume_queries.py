"""Every query alone, then twenty clients with all of them at once: how long each takes, what it reads, how much memory the server needs.

A process counts what each query reads (`volume_reads.py`), then `causeline up` answers over HTTP. Times are of the client's clock; CPU is
the server process's own, which does not see what else the machine does.
"""

import itertools
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlencode

import httpx
import psutil

from tests.bench.load import percentile
from tests.bench.report import Report, most
from tests.bench.volume_fill import TENANT, Volume
from tests.bench.volume_folder import FOLDER, QUERY_S, SIZES, Requests, asked, copied, filled, requests_to, serving, take_over
from tests.bench.volume_requests import YEAR, Request

REQUESTS: Final = 60
CLIENTS: Final = 20
_MIX_S: Final = min(30.0, 5 * QUERY_S)
_RSS_S: Final = 0.2
_MIB: Final = 1 << 20
MOST_MEMORY_MIB: Final = 2_048


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


def queries(report: Report, sizes: tuple[int, ...] = SIZES, folder: Path = FOLDER) -> None:
    """Every query over HTTP against stored events, then twenty clients with all of them (`VOLUME=1000000,100000000` names the sizes)."""
    take_over(report, "queries", sizes)
    take_over(report, "memory", sizes)
    for size in sizes:
        kept_volume = filled(report, folder / str(size), size)
        questions = requests_to(kept_volume, REQUESTS + 1)
        with copied(kept_volume) as copy, serving(copy) as (stack, server, http):
            report.add(f"{size:,}: memory before any query", server.memory_info().rss / _MIB, "MiB")
            for name in questions.of:
                _one(report, kept_volume, server, http, name, questions)
            _mixed(report, kept_volume, server, stack.url, questions.of)
    report.console.print(f"written to {report.save('volume')}")


def _one(report: Report, kept_volume: Volume, server: psutil.Process, http: httpx.Client, name: str, questions: Requests) -> None:
    first, *several = questions.of[name]
    reads = questions.reads[name]
    with Memory(server) as memory:
        first_ms = asked(server, http, [first]).times[0]
        seen = asked(server, http, several)
    point = seen.point() | {"first_ms": round(first_ms, 2)}
    report.point("queries", query=name, rows=kept_volume.rows, wanted=kept_volume.wanted, **point, **reads, peak_mib=memory.peak // _MIB)
    note = f"p50 {point['p50_ms']:.1f} ms, CPU {point['cpu_ms']:.1f} ms, {reads['read_rows']:,} rows read, n {point['n']}, "
    note += f"{dict(seen.statuses)}, peak {memory.peak // _MIB} MiB"
    report.add(f"{kept_volume.wanted:,}: {name}: p99", point["p99_ms"], "ms", note=note)


def _mixed(report: Report, kept_volume: Volume, server: psutil.Process, url: str, requests_of: dict[str, list[Request]]) -> None:
    """Twenty clients with every query, the widest ones twice as often: memory, and every answer's status."""
    names = [*requests_of, *YEAR]
    until = time.monotonic() + _MIX_S
    with Memory(server) as memory, ThreadPoolExecutor(CLIENTS) as clients:
        many = [clients.submit(_client, url, requests_of, names, number, until) for number in range(CLIENTS)]
        statuses = sum((one.result()[0] for one in many), Counter[str]())
        times = sorted(ms for one in many for ms in one.result()[1])
    p99 = percentile(times, 0.99)
    note = f"answers {dict(statuses)}, p50 {statistics.median(times):.0f} ms, p99 {p99:.0f} ms"
    what = f"{kept_volume.wanted:,}: memory at most, {CLIENTS} clients"
    report.add(what, memory.peak / _MIB, "MiB", note=note, aim=most(MOST_MEMORY_MIB))
    mixed = {"peak_mib": memory.peak // _MIB, "answers": statuses.total(), "p50_ms": statistics.median(times), "p99_ms": p99}
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
