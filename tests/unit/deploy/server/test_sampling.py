"""What a server remembers of its own counters, and how far it says that the stages are behind."""

from causeline.deploy.server.counters import read_counters
from causeline.deploy.server.lags import LagFold
from causeline.deploy.server.readiness import Look
from causeline.deploy.server.sampling import CounterReading, SampleRing
from causeline.processors.sink.ports import TopicPartition
from causeline.query_api.ui.figures import Drop, StageLag
from causeline.schemas import telemetry
from causeline.schemas.topics import EVENTS, INGEST

INVALID, LATE = Drop("events refused", "invalid"), Drop("queries refused", "too_slow")
FIRST, PUBLIC = TopicPartition(INGEST, 0), TopicPartition(EVENTS, 0)


def reading(number: int, accepted: int, buckets: tuple[int, ...], drops: dict[Drop, int]) -> CounterReading:
    return CounterReading(1_000_000 + number * 10_000, number * 10_000, accepted, buckets, drops)


def test_the_first_reading_only_says_from_where_on_is_counted() -> None:
    ring = SampleRing()
    ring.observe(reading(0, 100, (1, 2, 2), {INVALID: 7}), {})
    assert ring.samples() == ()
    ring.observe(reading(1, 130, (3, 5, 6), {INVALID: 7, LATE: 1}), {"sink": StageLag(1.5, 2)})
    (sample,) = ring.samples()
    assert (sample.at, sample.seconds, sample.accepted) == (1_010_000, 10.0, 30)
    assert (sample.buckets, sample.drops, sample.lags) == ((2, 1, 1), {LATE: 1}, {"sink": StageLag(1.5, 2)})


def test_no_more_than_six_hours_are_remembered() -> None:
    ring = SampleRing()
    for number in range(3_000):
        ring.observe(reading(number, number, (number,), {}), {})
    samples = ring.samples()
    assert (len(samples), samples[-1].at - samples[0].at) == (2_160, 2_159 * 10_000)


def test_counters_are_those_of_the_metrics_without_reads_and_pages() -> None:
    before = read_counters(0, 0)
    telemetry.EVENTS_ACCEPTED.labels("native").inc(3)
    telemetry.EVENTS_REJECTED.labels("native", "invalid").inc(2)
    telemetry.QUERIES_REFUSED.labels("events", "too_slow").inc()
    for dialect, method in (("native", "POST"), ("native", "GET"), ("pages", "POST")):
        telemetry.HTTP_SECONDS.labels(dialect, method).observe(0.3)
    after = read_counters(10_000, 10_000)
    ring = SampleRing()
    ring.observe(before, {})
    ring.observe(after, {})
    (sample,) = ring.samples()
    assert (sample.accepted, sample.requests, sample.drops) == (3, 1, {INVALID: 2, LATE: 1})
    assert sample.buckets[telemetry.SECONDS_BUCKETS.index(0.5)] == 1


def test_a_lag_is_the_age_of_the_first_end_that_a_stage_is_not_past() -> None:
    fold = LagFold()
    for now, end, committed in ((0, 10, 10), (1_000, 20, 10), (2_000, 30, 10)):
        fold.observe(Look({FIRST: end, PUBLIC: 5}, {FIRST: committed}, {PUBLIC: 5}), now)
    assert fold.lags == {"processors": StageLag(1.0, 20), "sink": StageLag(0.0, 0)}
    fold.observe(Look({FIRST: 30, PUBLIC: 5}, {FIRST: 20}, {PUBLIC: 5}), 3_000)
    assert fold.lags["processors"] == StageLag(1.0, 10)
    fold.observe(Look({FIRST: 30, PUBLIC: 9}, {FIRST: 30}, {PUBLIC: 5}), 4_000)
    assert fold.lags == {"processors": StageLag(0.0, 0), "sink": StageLag(0.0, 4)}


def test_a_stage_that_is_behind_for_hours_keeps_the_age_of_its_oldest() -> None:
    fold = LagFold()
    for second in range(3_600):
        fold.observe(Look({FIRST: 10 + second}, {FIRST: 5}, {}), second * 1_000)
    assert fold.lags["processors"].seconds == 3_599
