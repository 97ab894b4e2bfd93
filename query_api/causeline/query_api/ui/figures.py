"""What one server measures of itself: the records of `/inside`, and how short samples become long ones. Pure.

A sample counts what happened in a stretch of time, all tenants together; of lags it has the worst. So samples of a longer time are sums,
and quantiles come from summed buckets. Nothing in them names a tenant.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from causeline.schemas.telemetry import SECONDS_BUCKETS


class StageLag(NamedTuple):
    """How far a stage is behind: the age of the oldest record that it has not applied (s), and how many those are."""

    seconds: float
    records: int


class Drop(NamedTuple):
    """What was turned away or set aside, and why, in the words of the metrics."""

    what: str
    reason: str


class FigureSample(NamedTuple):
    """What happened up to `at` (ms UTC) in `seconds`.

    `accepted` are events; `buckets` the requests that write, by how long they took: not cumulative, by the bounds of SECONDS_BUCKETS and
    beyond. `lags` by stage, the worst of each.
    """

    at: int
    seconds: float
    accepted: int
    buckets: Sequence[int]
    drops: Mapping[Drop, int]
    lags: Mapping[str, StageLag]

    @property
    def requests(self) -> int:
        """Return how many requests wrote."""
        return sum(self.buckets)


class ServerFigures(NamedTuple):
    """What a server tells of itself: which parts are ready, why others are not, its samples in the order of time, and the lags now.

    `since` has the parts that are not ready: when they stopped being so (ms UTC).
    """

    parts: Mapping[str, bool]
    reasons: Sequence[str]
    samples: Sequence[FigureSample]
    lags: Mapping[str, StageLag]
    since: Mapping[str, int] = {}


LookInside = Callable[[], ServerFigures]


def merge_samples(samples: Sequence[FigureSample]) -> FigureSample:
    """Return several samples (one at least, in the order of time) as one."""
    drops: Counter[Drop] = Counter()
    for sample in samples:
        drops.update(sample.drops)
    return FigureSample(
        at=samples[-1].at,
        seconds=sum(sample.seconds for sample in samples),
        accepted=sum(sample.accepted for sample in samples),
        buckets=tuple(map(sum, zip(*(sample.buckets for sample in samples), strict=True))),
        drops=drops,
        lags=worst_lags(sample.lags for sample in samples),
    )


def bin_samples(samples: Iterable[FigureSample], step: int) -> list[FigureSample]:
    """Return samples merged by stretches of `step` ms, those that end in one together."""
    return [merge_samples(list(members)) for _, members in groupby(samples, lambda sample: (sample.at - 1) // step)]


def worst_lags(lags: Iterable[Mapping[str, StageLag]]) -> dict[str, StageLag]:
    """Return the worst lag of each stage."""
    worst: dict[str, StageLag] = {}
    for by_stage in lags:
        for stage, lag in by_stage.items():
            before = worst.get(stage, lag)
            worst[stage] = StageLag(max(before.seconds, lag.seconds), max(before.records, lag.records))
    return worst


def bucket_quantile(buckets: Sequence[int], share: float, bounds: Sequence[float] = SECONDS_BUCKETS) -> float | None:
    """Return the time (s) that a share of the requests did not exceed, in a straight line between bounds; None without requests.

    What lies beyond the last bound is said to be that bound: no bucket tells more.
    """
    rank = share * sum(buckets)
    below, low = 0, 0.0
    for count, high in zip(buckets, bounds, strict=False):
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below, low = below + count, high
    return bounds[-1] if sum(buckets) else None
