"""The answers: metrics of a window, of its steps and of groups; and what each number can be taken apart to.

Times of answers are RFC 3339 texts, durations seconds.
"""

from collections.abc import Iterator
from heapq import merge
from typing import Any

import msgspec

from causeline.query_api.dora.deployments import FailedAttempt
from causeline.query_api.dora.dora_counts import DoraPart
from causeline.query_api.dora.dora_metrics import DoraMetrics, measure
from causeline.query_api.dora.dora_scope import GroupColumn
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.dora.judging_deployments import DeploymentJudgement
from causeline.query_api.dora.windows import Calendar, SeriesStep, ZonedSpan, ZonedWindow, buckets
from causeline.schemas.dora.definition import Definition
from causeline.schemas.values.times import rfc3339

_MS = 1_000


class MetricBucket(msgspec.Struct, frozen=True):
    """One step of a series, cut at the window."""

    span: ZonedSpan
    metrics: DoraMetrics


class MetricGroup(msgspec.Struct, frozen=True):
    """The metrics of one value of a column, empty for what has none."""

    value: str
    metrics: DoraMetrics


def metrics(window: ZonedWindow, history: DoraPart, definition: Definition) -> DoraMetrics:
    """Return the metrics of a window. What came after it is in the history too: failures show, and end, later."""
    calendar = Calendar(window)
    return measure(history.within(window.span).count(calendar, definition.timeouts), calendar.over(window.span))


def series(window: ZonedWindow, step: SeriesStep, history: DoraPart, definition: Definition) -> list[MetricBucket]:
    """Return the metrics of each step of a window, also of steps in which nothing happened. Counts sum to those of the window."""
    calendar = Calendar(window)
    return [
        MetricBucket(span, measure(history.within(span).count(calendar, definition.timeouts), calendar.over(span)))
        for span in buckets(window, step)
    ]


def group_by(window: ZonedWindow, column: GroupColumn, history: DoraPart, definition: Definition) -> list[MetricGroup]:
    """Return the metrics of each value of a column that something of the window has, in order of the values."""
    calendar = Calendar(window)
    days = calendar.over(window.span)
    parts = history.within(window.span).split(column)
    return [MetricGroup(value, measure(part.count(calendar, definition.timeouts), days)) for value, part in parts.items()]


def drill_down(window: ZonedWindow, history: DoraHistory) -> "Iterator[DeploymentJudgement | FailedAttempt]":
    """Yield each deployment that counts and each attempt that does not, in order of end and id."""
    part = history.within(window.span)
    return merge(part.judgements, part.attempts, key=drill_down_order)


def drill_down_order(row: "DeploymentJudgement | FailedAttempt") -> tuple[int, str]:
    """Return where a row stands: what a cursor names."""
    fact = row.deployment if isinstance(row, DeploymentJudgement) else row
    return fact.end, fact.id


def show_metrics(values: DoraMetrics) -> dict[str, Any]:
    """Return metrics as the answer has them."""
    shape: dict[str, Any] = msgspec.to_builtins(values)
    return shape


def show_bucket(bucket: MetricBucket) -> dict[str, Any]:
    """Return one step of a series as the answer has it."""
    return {"from": rfc3339(bucket.span.start), "to": rfc3339(bucket.span.end), "metrics": show_metrics(bucket.metrics)}


def show_drill_down(row: "DeploymentJudgement | FailedAttempt") -> dict[str, Any]:
    """Return a deployment, or an attempt that failed, as the answer has it."""
    if isinstance(row, FailedAttempt):
        return _show(row, excluded="failed_attempt", judgement=None)
    return _show(row.deployment, excluded=None, judgement=row)


def _show(fact: Any, *, excluded: str | None, judgement: DeploymentJudgement | None) -> dict[str, Any]:
    recovered_at = judgement.recovered_at if judgement else None
    recovery_time = judgement.recovery_time if judgement else None
    return {
        "id": fact.id,
        "service": fact.service,
        "environment": fact.environment,
        "release": fact.release,
        "start": rfc3339(fact.start),
        "end": rfc3339(fact.end),
        "excluded": excluded,
        "failed": bool(judgement and judgement.failures),
        "failures": [failure._asdict() for failure in judgement.failures] if judgement else [],
        "recovered_at": None if recovered_at is None else rfc3339(recovered_at),
        "recovery_time": None if recovery_time is None else recovery_time / _MS,
        "rework": list(judgement.rework) if judgement else [],
        "commits": [
            {"id": commit.id, "lead_time": None if commit.lead_time is None else commit.lead_time / _MS, "excluded": commit.reason}
            for commit in (judgement.deployment.commits if judgement else ())
        ],
    }
