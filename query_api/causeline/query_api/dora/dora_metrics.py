"""The six metrics, each with what it counted: the shape of the answer.

What must change together: the members here, the OpenAPI schema of the answer, and the definition in words.
"""

from collections.abc import Mapping
from statistics import median
from typing import Final, Literal

import msgspec

from causeline.query_api.dora.dora_counts import DoraCounts, Durations
from causeline.query_api.dora.intervals import wilson_interval
from causeline.query_api.dora.windows import SpanDays

Unit = Literal["per_day", "ratio", "seconds"]
MetricState = Literal["ok", "too_few", "no_source"]

FEW: Final = 5
"""Fewer than this say little: the value is kept, and said to be of too few."""
_MS: Final = 1_000


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number, of how many it is, and what was left out of it by reason. None where nothing could be known.

    `numerator` / `denominator` is the value of a ratio or a frequency; medians have none. `interval` is the 95 % one of a ratio.
    """

    value: float | None
    unit: Unit
    n: int
    numerator: int | None = None
    denominator: float | None = None
    interval: tuple[float, float] | None = None
    excluded: dict[str, int] = msgspec.field(default_factory=dict)
    state: MetricState


class FrequencyMetric(Metric, frozen=True, kw_only=True):
    """Deployments per calendar day, and on how many days of an ISO week: the median over weeks wholly inside, weeks of none included."""

    median_days_per_week: float | None


class LeadTimeMetric(Metric, frozen=True, kw_only=True):
    """`partial`: of some deployment only the newest commit is known."""

    partial: bool


class DoraMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    deployment_frequency: FrequencyMetric
    change_lead_time: LeadTimeMetric
    change_fail_rate: Metric
    failed_deployment_recovery_time: Metric
    deployment_rework_rate: Metric
    time_to_restore: Metric


def measure(counts: DoraCounts, span: SpanDays) -> DoraMetrics:
    """Return the metrics of what happened in a span, which is all that was counted."""
    attempts = {"failed_attempts": counts.attempts}
    return DoraMetrics(
        deployment_frequency=_frequency(counts, span, attempts),
        change_lead_time=_lead_time(counts),
        change_fail_rate=_ratio(counts.failures, counts.deployments, attempts, has_source=counts.has_source),
        failed_deployment_recovery_time=_times(counts.recoveries, counts.no_recoveries, has_source=counts.has_source),
        deployment_rework_rate=_ratio(counts.reworks, counts.deployments, attempts, has_source=True),
        time_to_restore=_times(counts.restorations, counts.no_restorations, has_source=counts.has_source),
    )


def _state(count: int, *, has_source: bool = True) -> MetricState:
    if not has_source:
        return "no_source"
    return "too_few" if count < FEW else "ok"


def _frequency(counts: DoraCounts, span: SpanDays, attempts: Mapping[str, int]) -> FrequencyMetric:
    count = counts.deployments
    unknown = {"unknown_environment": counts.placeless} if counts.placeless else {}
    return FrequencyMetric(
        value=count / span.days,
        unit="per_day",
        n=count,
        numerator=count,
        denominator=span.days,
        excluded={**attempts, **unknown},
        state=_state(count),
        median_days_per_week=median(weeks) if (weeks := days_per_week(counts.days, span)) else None,
    )


def days_per_week(days: frozenset[int], span: SpanDays) -> list[int]:
    """Return how many of some days lie in each ISO week that lies wholly in a span, in order of time."""
    return [sum(1 for day in week if day in days) for week in span.weeks]


def _lead_time(counts: DoraCounts) -> LeadTimeMetric:
    return LeadTimeMetric(
        value=median_seconds(counts.lead_times),
        unit="seconds",
        n=counts.lead_times.size,
        excluded=dict(counts.no_lead_times),
        state=_state(counts.lead_times.size),
        partial=counts.is_partial,
    )


def _ratio(part: int, whole: int, excluded: Mapping[str, int], *, has_source: bool) -> Metric:
    return Metric(
        value=part / whole if whole and has_source else None,
        unit="ratio",
        n=whole,
        numerator=part,
        denominator=whole,
        interval=wilson_interval(part, whole) if has_source else None,
        excluded=dict(excluded),
        state=_state(whole, has_source=has_source),
    )


def _times(durations: Durations, excluded: Mapping[str, int], *, has_source: bool) -> Metric:
    return Metric(
        value=median_seconds(durations) if has_source else None,
        unit="seconds",
        n=durations.size,
        excluded=dict(excluded),
        state=_state(durations.size, has_source=has_source),
    )


def median_seconds(durations: Durations) -> float | None:
    """Return the median of durations in ms as seconds; None of nothing."""
    return None if durations.median is None else durations.median / _MS
