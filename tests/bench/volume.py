"""The reads that have aims, against stored events over HTTP: cold and warm, alone and beside a writer, with the disk's own latency.

    python -m tests.bench.volume [ROWS …] [--dir DIR]      this, then every query (`volume_queries.py`)

For each size: a folder is filled (`volume_fill.py`; one that was filled before is used again) and served from a copy (`volume_folder.py`).

- Cold: the server was started after the pages had left the memory, and they leave it again before each request. So nothing of what a
  request reads is in memory but what the engine keeps itself of the requests before.
- Warm: the same requests, asked once before.
- Beside: on a server started anew, `WRITER_RATE` events a second of the same tenant come in meanwhile, in batches, over HTTP.
- The disk: single reads of 16 KiB at random places of the same files, between the two.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import psutil

from tests.bench.disk import Forgetting, forgetting, latency
from tests.bench.report import Report, most
from tests.bench.volume_fill import TENANT, Volume
from tests.bench.volume_folder import FOLDER, QUERY_S, SIZES, Requests, Seen, asked, copied, filled, requests_to, serving, take_over
from tests.bench.volume_queries import queries
from tests.bench.writer import writing

AIMS: Final = {
    "event by id": 20.0,
    "event by id, keyed": 20.0,
    "events, service, 24 h": 50.0,
    "changes, service": 60.0,
    "problem's changes": 80.0,
    "problem's causes": 150.0,
    "histogram, a year": 300.0,
}
"""p99 in ms with 100 M events; beside a writer it may be twice as much."""
BESIDE_TIMES: Final = 2.0
WRITER_RATE: Final = 10_000.0
MOST_BYTES: Final = 260.0
REQUESTS: Final = 200


class State(NamedTuple):
    """In which state a read is measured: `memory` is cold or warm, `load` is alone or beside (a writer)."""

    memory: str
    load: str


class Measuring(NamedTuple):
    """What one size is measured with.

    `alone` keeps the p99 of what was asked alone, by query and memory; `statuses` counts those of all answers.
    """

    report: Report
    volume: Volume
    questions: Requests
    forget: Forgetting
    alone: dict[tuple[str, str], float]
    statuses: Counter[int]


def volume(report: Report, sizes: tuple[int, ...] = SIZES, folder: Path = FOLDER) -> None:
    """The reads that have aims, cold and warm, alone and beside a writer (`VOLUME=1000000,100000000` names the sizes)."""
    take_over(report, "reads", sizes)
    take_over(report, "disk", sizes)
    for size in sizes:
        kept_volume = filled(report, folder / str(size), size)
        questions = requests_to(kept_volume, REQUESTS, *AIMS)
        note = "all tables with their indexes, of which two hold every event"
        report.add(f"{size:,}: on disk", questions.stored / kept_volume.rows, "bytes an event", note=note, aim=most(MOST_BYTES))
        with copied(kept_volume) as copy:
            measuring = Measuring(report, kept_volume, questions, forgetting(copy), {}, Counter())
            _measure(measuring, copy)
        refusals = measuring.statuses.total() - measuring.statuses[200]  # they are fast, and no answer
        report.add(f"{size:,}: answers other than 200", refusals, "answers", note=str(dict(measuring.statuses)), aim=most(0))
    report.console.print(f"written to {report.save('volume')}")


def _measure(measuring: Measuring, copy: Path) -> None:
    measuring.forget.drop()
    with serving(copy) as (_, server, http):
        _reads(measuring, server, http, "alone")
    _disk(measuring)
    measuring.forget.drop()
    with serving(copy) as (stack, server, http):
        with writing(stack.url, WRITER_RATE, TENANT) as writer:
            _reads(measuring, server, http, "beside")
        what = f"{measuring.volume.wanted:,}: the writer beside: held"
        measuring.report.add(what, writer.per_second, "events/s", WRITER_RATE, "wanted", writer.note)


def _reads(measuring: Measuring, server: psutil.Process, http: httpx.Client, load: str) -> None:
    for name, several in measuring.questions.of.items():
        cold = asked(server, http, several, measuring.forget.drop)
        _told(measuring, name, State("cold", load), cold, f", {measuring.forget.how} before each")
    for name, several in measuring.questions.of.items():
        asked_before = asked(server, http, several)
        warm = asked(server, http, several[: len(asked_before.times)])
        _told(measuring, name, State("warm", load), warm, "")


def _told(measuring: Measuring, name: str, state: State, seen: Seen, how: str) -> None:
    measuring.statuses.update(seen.statuses)
    point = seen.point()
    size, p99 = measuring.volume.wanted, point["p99_ms"]
    measuring.report.point("reads", query=name, rows=measuring.volume.rows, wanted=size, **state._asdict(), **point)
    note = f"p50 {point['p50_ms']:.1f} ms, n {point['n']}{how}"
    what = f"{size:,}: {name}, {state.memory}, {state.load}: p99"
    if state.load == "alone":
        measuring.alone[name, state.memory] = p99
        measuring.report.add(what, p99, "ms", note=f"{note}, CPU {point['cpu_ms']:.1f} ms", aim=most(AIMS[name]))
    else:
        aim = most(BESIDE_TIMES * AIMS[name])
        measuring.report.add(what, p99, "ms", measuring.alone[name, state.memory], "ms alone", note, aim)


def _disk(measuring: Measuring) -> None:
    seen = latency(measuring.volume.folder / "clickhouse", QUERY_S)
    measuring.report.point("disk", rows=measuring.volume.rows, wanted=measuring.volume.wanted, **seen._asdict())
    note = f"p50 {seen.p50_ms:.2f} ms, {seen.reads} reads, {seen.how}"
    measuring.report.add(f"{measuring.volume.wanted:,}: the disk, 16 KiB at random: p99", seen.p99_ms, "ms", note=note)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", type=int, help="sizes, such as 1000000 100000000", default=SIZES)
    parser.add_argument("--dir", type=Path, default=FOLDER, help="where folders are kept for the next run")
    arguments = parser.parse_args()
    report = Report()
    volume(report, tuple(arguments.rows), arguments.dir)
    queries(report, tuple(arguments.rows), arguments.dir)
    report.print()


if __name__ == "__main__":
    main()
