"""An answer about a window as it is shown: as JSON, as the lines of a table, and as series that a dashboard draws. Pure.

What must change together: the members here, their schema (`dora_schemas.py`) and the definition in words (`docs/dora.md`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from causeline.query_api.dora.dora_answers import MetricBucket, MetricGroup, group_by, metrics, series, show_bucket, show_metrics
from causeline.query_api.dora.dora_counts import DoraPart
from causeline.query_api.dora.dora_metrics import DoraMetrics, Metric
from causeline.query_api.questions.dora import METRIC_NAMES, MetricQuestion
from causeline.schemas.dora.views import definition_view
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, Invalid

_DEFINITION_URL: Final = "/v1/dora/definition"
_IN_WORDS: Final = "/docs#getDora"
"""Where each metric is told in words."""
MOST_GROUPS: Final = 2_000
"""Of one answer: each is six metrics, a kilobyte and a half."""
MOST_POINTS: Final = 50_000
"""Of all series of one answer."""

DoraView = dict[str, Any]


class DoraReport(NamedTuple):
    """The metrics of a window, of its steps and of groups; None where they were not asked for."""

    whole: DoraMetrics
    steps: Sequence[MetricBucket] | None
    groups: Sequence[MetricGroup] | None


class DoraSeries(NamedTuple):
    """The metrics of each step, of all or of one value of the column that is grouped by (None: of all)."""

    group: str | None
    steps: Sequence[MetricBucket]


def report(question: MetricQuestion, history: DoraPart) -> DoraReport:
    """Return what a question asks of a history. Raises Invalid where there are too many groups."""
    window, definition = question.window, question.definition
    groups = None
    if question.group_by is not None:
        groups = group_by(window, question.group_by, history, definition)
        _refuse_many(len(groups), MOST_GROUPS, "groups")
    steps = None if question.step is None else series(window, question.step, history, definition)
    return DoraReport(metrics(window, history, definition), steps, groups)


def all_series(question: MetricQuestion, history: DoraPart, metrics_shown: int) -> list[DoraSeries]:
    """Return a series of the whole scope, or of each group. Raises Invalid where they have too many points."""
    window, definition, step = question.window, question.definition, question.step or "day"
    whole = DoraSeries(None, series(window, step, history, definition))
    if question.group_by is None:
        return [whole]
    parts = history.within(window.span).split(question.group_by)
    _refuse_many(len(parts) * len(whole.steps) * metrics_shown, MOST_POINTS, "points")
    return [DoraSeries(value, series(window, step, part, definition)) for value, part in parts.items()]


def _refuse_many(count: int, most: int, what: str) -> None:
    if count > most:
        raise Invalid.naming([FieldError("group_by", f"makes {count:,} {what}, more than {most:,}: narrow the scope")], where="QUERY")


def show_report(question: MetricQuestion, answer: DoraReport) -> DoraView:
    """Return the answer of `GET /v1/dora`."""
    window = question.window
    view: DoraView = {
        "window": {"from": rfc3339(window.start), "to": rfc3339(window.end), "tz": window.tz},
        "scope": {name: sorted(values) for name, values in msgspec.structs.asdict(question.scope).items() if values},
        "definition": show_definition(question),
        "metrics": show_metrics(answer.whole),
    }
    if answer.steps is not None:
        view["window"]["step"] = question.step
        view["series"] = [show_bucket(bucket) for bucket in answer.steps]
    if answer.groups is not None:
        view["groups"] = [{question.group_by: group.value, "metrics": show_metrics(group.metrics)} for group in answer.groups]
    return view


def show_definition(question: MetricQuestion) -> DoraView:
    """Return the definition that was counted by, where it can be read, and which members the request replaced."""
    definition = question.definition
    url = _DEFINITION_URL if question.is_newest else f"{_DEFINITION_URL}?version={definition.version}"
    return {**definition_view(definition), "replaced": list(question.replacements), "url": url, "words": _IN_WORDS}


_HEADING: Final = (
    *("part", "from", "to", "group", "metric", "value", "unit", "n", "numerator", "denominator", "interval_low", "interval_high"),
    *("state", "excluded", "median_days_per_week", "partial", "definition"),
)


def report_lines(question: MetricQuestion, answer: DoraReport) -> Iterator[Sequence[object]]:
    """Yield an answer as lines of a table, its heading first: one for each metric of the window, of each step and of each group."""
    window, version = question.window, question.definition.version
    whole = ("window", rfc3339(window.start), rfc3339(window.end))
    yield _HEADING
    yield from _metric_lines((*whole, ""), answer.whole, version)
    for bucket in answer.steps or ():
        yield from _metric_lines(("step", rfc3339(bucket.span.start), rfc3339(bucket.span.end), ""), bucket.metrics, version)
    for group in answer.groups or ():
        yield from _metric_lines(("group", *whole[1:], group.value), group.metrics, version)


def _metric_lines(place: Sequence[object], values: DoraMetrics, version: int) -> Iterator[Sequence[object]]:
    for name in METRIC_NAMES:
        metric: Metric = getattr(values, name)
        low, high = metric.interval or ("", "")
        numbers = ("" if value is None else value for value in (metric.value, metric.unit, metric.n, metric.numerator, metric.denominator))
        own = (_cell(getattr(metric, member, None)) for member in ("median_days_per_week", "partial"))
        yield (*place, name, *numbers, low, high, metric.state, _counts(metric.excluded), *own, version)


def _counts(counts: Mapping[str, int]) -> str:
    return " ".join(f"{reason}={count}" for reason, count in counts.items() if count)


_DEPLOYMENT: Final = ("id", "service", "environment", "release", "start", "end", "excluded", "failed")


def deployment_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[object]]:
    """Yield deployments, as JSON shows them, as lines of a table. What is a list there is parted by blanks, lead times are seconds."""
    yield (*_DEPLOYMENT, "failures", "recovered_at", "recovery_time", "rework", "commits", "lead_times")
    for row in rows:
        yield (
            *(_cell(row[name]) for name in _DEPLOYMENT),
            " ".join(f"{failure['type']}:{failure['id']}" for failure in row["failures"]),
            _cell(row["recovered_at"]),
            _cell(row["recovery_time"]),
            " ".join(row["rework"]),
            " ".join(commit["id"] for commit in row["commits"]),
            " ".join("-" if commit["lead_time"] is None else f"{commit['lead_time']:g}" for commit in row["commits"]),
        )


def _cell(value: Any) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def show_datapoints(parts: Iterable[DoraSeries], metric_names: Iterable[str]) -> list[DoraView]:
    """Return series as targets with points [value or null, ms of the step's begin], as Grafana's JSON data source has it (`/query`)."""
    names = tuple(metric_names)
    return [
        {
            "target": name if part.group is None else f"{name} {part.group or '(none)'}",
            "datapoints": [[getattr(bucket.metrics, name).value, bucket.span.start] for bucket in part.steps],
        }
        for part in parts
        for name in names
    ]


def show_rows(question: MetricQuestion, parts: Iterable[DoraSeries], metric_names: Iterable[str]) -> list[DoraView]:
    """Return series as flat objects, one for each step and group, as Grafana's Infinity data source takes them, by group and time."""
    names = tuple(metric_names)
    return [
        {
            "time": rfc3339(bucket.span.start),
            **({} if question.group_by is None else {question.group_by: part.group}),
            **{name: getattr(bucket.metrics, name).value for name in names},
        }
        for part in parts
        for bucket in part.steps
    ]


def row_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[object]]:
    """Yield flat objects, which all have the same members, as lines of a table, their heading first."""
    yield tuple(rows[0]) if rows else ("time",)
    for row in rows:
        yield tuple(map(_cell, row.values()))
