"""Reads the counters that `/inside` shows out of the metrics of this process."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from causeline.deploy.server.sampling import CounterReading
from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.figures import Drop
from causeline.schemas import telemetry

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS", "other"})
_DROPS: Final[tuple[tuple[MetricWrapperBase, str], ...]] = (
    (telemetry.EVENTS_REJECTED, "events refused"),
    (telemetry.REQUESTS_REFUSED, "requests refused"),
    (telemetry.DEAD_LETTERS_SET_ASIDE, "records set aside by the sink"),
    (telemetry.QUERIES_REFUSED, "queries refused"),
    (telemetry.STREAMS_REFUSED, "streams refused"),
)


def read_counters(at: int, steady: int) -> CounterReading:
    """Return the counters as they stand now: `at` (ms UTC), and by a clock that never steps back."""
    buckets = [0] * (len(telemetry.SECONDS_BUCKETS) + 1)
    for labels, value in _samples(telemetry.HTTP_SECONDS, "_bucket"):
        if labels["method"] not in _READS and labels["dialect"] != PAGES_API.label:
            buckets[_place(labels["le"])] += int(value)
    drops: Counter[Drop] = Counter()
    for metric, what in _DROPS:
        for labels, value in _samples(metric, "_total"):
            drops[Drop(what, labels["reason"])] += int(value)
    accepted = sum(int(value) for _, value in _samples(telemetry.EVENTS_ACCEPTED, "_total"))
    return CounterReading(at, steady, accepted, buckets, drops)


def _place(bound: str) -> int:
    bounds = telemetry.SECONDS_BUCKETS
    return len(bounds) if bound == "+Inf" else bounds.index(float(bound))


def _samples(metric: MetricWrapperBase, ending: str) -> Iterator[tuple[dict[str, str], float]]:
    for family in metric.collect():
        for sample in family.samples:
            if sample.name.endswith(ending):
                yield sample.labels, sample.value
