"""A metric that is counted late says what the library's own says."""

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from causeline.schemas.tallies import TalliedCounter, TalliedHistogram

BOUNDS = (0.125, 0.25, 0.5, 1.0, 8.0)
AMOUNTS = st.one_of(st.sampled_from([0.0, *BOUNDS]), st.integers(0, 80).map(lambda n: n / 8))
"""Eighths add up exactly, in whatever order."""
READ = st.none()


@given(st.lists(st.one_of(AMOUNTS, READ), max_size=200), st.sampled_from(["", "native", "desk"]))
def test_a_histogram_reads_as_the_librarys_own_whenever_it_is_read(steps: list[float | None], label: str) -> None:
    texts = [list[bytes](), list[bytes]()]
    for kind, text in zip((Histogram, TalliedHistogram), texts, strict=True):
        registry = CollectorRegistry()
        labels = ["dialect"] if label else []
        metric = kind("seconds", "How long.", labels, registry=registry, buckets=BOUNDS)
        series = metric.labels(label) if label else metric
        for amount in steps:
            if amount is None:
                text.append(generate_latest(registry))
            else:
                series.observe(amount)
        text.append(generate_latest(registry))
    own, tallied = ([_without_creation(one) for one in text] for text in texts)
    assert tallied == own


@given(st.lists(st.one_of(st.integers(0, 500), READ), max_size=200))
def test_a_counter_reads_as_the_librarys_own_whenever_it_is_read(steps: list[int | None]) -> None:
    texts = [list[bytes](), list[bytes]()]
    for kind, text in zip((Counter, TalliedCounter), texts, strict=True):
        registry = CollectorRegistry()
        series = kind("events", "How many.", ["dialect"], registry=registry).labels("native")
        for amount in steps:
            if amount is None:
                text.append(generate_latest(registry))
            else:
                series.inc(amount)
        text.append(generate_latest(registry))
    own, tallied = ([_without_creation(one) for one in text] for text in texts)
    assert tallied == own


def _without_creation(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines() if b"_created" not in line]


def test_a_counter_only_goes_up() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        TalliedCounter("events", "How many.", registry=None).inc(-1)


def test_notes_do_not_pile_up_where_nobody_reads() -> None:
    histogram = TalliedHistogram("seconds", "How long.", registry=None)
    counter = TalliedCounter("events", "How many.", registry=None)
    for _ in range(10_000):
        histogram.observe(1)
        counter.inc()
        assert len(histogram._notes) < 1_024
        assert len(counter._notes) < 1_024
    samples = {sample.name: sample.value for metric in counter.collect() for sample in metric.samples}
    assert samples["events_total"] == 10_000


def test_no_note_is_lost_or_counted_twice_where_several_threads_note_and_read() -> None:
    histogram = TalliedHistogram("seconds", "How long.", registry=None, buckets=BOUNDS)

    def observe() -> None:
        for turn in range(5_000):
            histogram.observe(0.5)
            if turn % 50 == 0:
                list(histogram.collect())

    threads = [Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = {sample.name: sample.value for metric in histogram.collect() for sample in metric.samples}
    assert (values["seconds_count"], values["seconds_sum"]) == (20_000, 10_000)
