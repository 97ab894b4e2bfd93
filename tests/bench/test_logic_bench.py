"""What the pure logic costs: microseconds a record of `fold` and `apply`, bytes and time of five million idempotency keys.

    pytest -m bench tests/bench/test_logic_bench.py -s

The bounds are the design's: 50,000 records/s in one process leave 20 µs a record for everything. Time is CPU time of the thread, so that
neighbours on the machine do not count.
"""

import os
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from causeline.processors.events.dedup import Dedup, DedupView
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import DELIVERIES
from causeline.schemas.topology.file_index import MOST_FILES, FileIndex
from causeline.schemas.topology.paths import MAX_FILE_PATH
from causeline.schemas.topology.service import Service
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.bench import stages, subscriptions
from tests.partition_log import HOUR, T0, Partition, create, event, merge, push, uuid
from tests.wildcards import HOSTILE, LONG, services_of

pytestmark = pytest.mark.bench

ROUNDS = 20
ROUND_RECORDS = 2_000
KEYS = 5_000_000
PROBLEMS = 100_000
GIB = 1 << 30


def report(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")


TYPICAL = {
    "service": "checkout",
    "environment": "production",
    "title": "checkout 2026.11.21 deployed",
    "tags": {"region": "eu-west-1", "cluster": "blue"},
    "commit": "0f3c9a1b2d4e5f60718293a4b5c6d7e8f9012345",
    "raw": '{"title":"checkout 2026.11.21 deployed"}' * 8,
}


def cost_us(of: Callable[[int], IngestRecord]) -> tuple[float, float]:
    """Microseconds a record of fold and of apply, the best of the rounds."""
    partition = Partition()
    folds, applies = [], []
    for number in range(ROUNDS):
        values = [codec.encode_record(of(number * ROUND_RECORDS + n)) for n in range(ROUND_RECORDS)]
        inputs = [Input(3, n, b"", value) for n, value in enumerate(values)]
        begin = time.thread_time()
        made = partition.logic.fold(inputs)
        folded = time.thread_time()
        partition.logic.apply(made)
        applies.append(time.thread_time() - folded)
        folds.append(folded - begin)
    return min(folds) / ROUND_RECORDS * 1e6, min(applies) / ROUND_RECORDS * 1e6


@pytest.mark.parametrize(
    ("name", "of", "most_us"),
    [
        ("plain create", lambda n: create(event(n, **TYPICAL), T0 + n), 8),
        ("create with a key", lambda n: create(event(n, **TYPICAL), T0 + n, dedup_key=ids.uuid5("acme", str(n)), fingerprint=n or 1), 20),
        ("push that refreshes one of 1,000", lambda n: push(n, T0 + n, f"c{n % 1000}"), 60),
        ("push that opens", lambda n: push(n, T0 + n, f"c{n}"), 200),
    ],
)
def test_the_cost_of_a_record_is_bounded(name: str, of: Callable[[int], IngestRecord], most_us: float) -> None:
    fold, apply = cost_us(of)
    report(f"{name}: fold {fold:.2f} µs, apply {apply:.2f} µs a record")
    assert fold + apply < most_us


def test_ten_thousand_subscriptions_halve_the_rate_at_most() -> None:
    """Events of 500 services, about one subscription asks for each (`subscriptions.py`); the kinds of runs take turns."""
    numbers = (0, 100, 10_000)
    logics = {number: _subscribed(number) for number in numbers}
    best, notified = dict.fromkeys(numbers, 60.0), dict.fromkeys(numbers, 0)
    for turn in range(ROUNDS):
        made = (stages.event(turn * ROUND_RECORDS + n, T0) for n in range(ROUND_RECORDS))
        inputs = [Input(0, n, b"", codec.encode_record(create(one, T0))) for n, one in enumerate(made)]
        for number, logic in logics.items():
            begin = time.thread_time()
            round_ = logic.fold(inputs)
            logic.apply(round_)
            best[number] = min(best[number], time.thread_time() - begin)
            notified[number] += sum(out.topic == DELIVERIES for out in round_.out)
    for number in numbers:
        rate, each = ROUND_RECORDS / best[number], notified[number] / (ROUNDS * ROUND_RECORDS)
        report(f"{number:,} subscriptions: {rate:,.0f} events/s, {best[0] / best[number]:.0%} of none, {each:.1f} notifications an event")
    assert notified[10_000] > 0
    assert best[0] / best[10_000] >= 0.5


def _subscribed(number: int) -> ProcessorLogic:
    logic = ProcessorLogic(0, merge, partitions=4)
    begin = time.thread_time()
    records = [subscriptions.subscribe(subscriptions.rule(n), T0) for n in range(number)]
    logic.apply(logic.fold([Input(0, n, record.key, codec.encode_record(record)) for n, record in enumerate(records)]))
    report(f"{number:,} subscriptions made known in {time.thread_time() - begin:.2f} s")
    return logic


def test_hostile_wildcards_cost_a_change_no_more_than_a_large_honest_one() -> None:
    """Of 500 services a thousand files in as many folders; of a hundred hostile ones as many files as their steps allow."""
    honest = FileIndex(Service(name=f"s{n}", paths=(f"apps/s{n}/**", f"!apps/s{n}/**/*.md", f"libs/*/s{n}/")) for n in range(500))
    apps = [f"apps/s{n % 300}/src/pkg{n % 7}/file{n}.py" for n in range(MOST_FILES)]
    long = [f"{number}/{file}"[:MAX_FILE_PATH] for number in range(MOST_FILES // len(LONG)) for file in LONG]
    honest_s = _matching_s(honest, apps)
    hostile_s = {pattern: _matching_s(FileIndex(services_of(pattern)), long) for pattern in HOSTILE}
    worst = max(hostile_s, key=lambda pattern: hostile_s[pattern])
    report(f"whose files: {honest_s / len(apps) * 1e6:.1f} µs a file, of twenty {_matching_s(honest, apps[::50]) * 1e6:.0f} µs")
    report(
        f"hostile wildcards: {hostile_s[worst] * 1e3:.1f} ms a change, {hostile_s[worst] / honest_s:.1f} of an honest one ({worst[:40]})"
    )
    assert hostile_s[worst] / honest_s < 3


def _matching_s(index: FileIndex, files: list[str]) -> float:
    best = 60.0
    for _ in range(ROUNDS):
        begin = time.thread_time()
        index.owners("", files)
        best = min(best, time.thread_time() - begin)
    return best


def test_five_million_keys_fit_into_one_gib() -> None:
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    dedup = Dedup(HOUR)
    peak = 0
    begin = time.thread_time()
    for start in range(0, KEYS, ROUND_RECORDS):
        seen = DedupView(dedup, lambda _at, _key: None)
        now = T0 + start * HOUR // KEYS
        for number in range(start, start + ROUND_RECORDS):
            key = int(ids.uuid5("acme", str(number)).replace("-", ""), 16)
            assert seen.check(key, key & 0x7FFFFFFFFFFFFFFF, now) == "new"
        dedup.adopt(seen)
        if start % 100_000 == 0:
            peak = max(peak, process.memory_info().rss - before)
    seconds = time.thread_time() - begin
    peak = max(peak, process.memory_info().rss - before)
    report(f"{KEYS:,} keys: {peak / GIB:.2f} GiB at most, {peak / KEYS:.0f} bytes a key, {seconds / KEYS * 1e6:.2f} µs a key with its id")
    assert len(dedup) == KEYS
    assert peak < GIB


def test_a_million_state_keys_are_restored_in_seconds() -> None:
    partition = Partition()
    partition.feed(*(push(n, T0, f"c{n}") for n in range(200)))
    problems = [(key, value) for key, value in partition.changelog if key[:1] == b"p"]
    owner = partition.fresh()
    begin = time.thread_time()
    for number in range(PROBLEMS):
        key, value = problems[number % len(problems)]
        owner.restore(key + str(number).encode(), value)
    each_us = (time.thread_time() - begin) / PROBLEMS * 1e6
    report(f"restore of a problem: {each_us:.1f} µs")
    assert each_us < 15
    partition = Partition()
    partition.feed(*(create(event(n), T0, dedup_key=uuid(n), fingerprint=1) for n in range(1, 2_001)))
    segments = [(key, value) for key, value in partition.changelog if key[:1] == b"d"]
    begin = time.thread_time()
    for number in range(100):
        for key, value in segments:
            owner.restore(key[:-4] + number.to_bytes(4), value)
    report(f"restore of an idempotency key: {(time.thread_time() - begin) / (100 * 2_000) * 1e6:.2f} µs")
