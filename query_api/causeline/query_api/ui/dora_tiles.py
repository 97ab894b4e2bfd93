"""The metrics of the API as tiles with their own past, and as a table of their steps: for the pages of DORA and of a service. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.dora.windows import zone_of
from causeline.query_api.ui.drawing.trend import TrendPoint, draw_trend, largest_value
from causeline.query_api.ui.metric_words import (
    FIVE_METRICS,
    METRIC_TITLES,
    OLDER_METRIC,
    show_count,
    show_interval,
    show_metric,
    why_unknown,
)

PAST_WEEKS: Final = 12
PAST_MS: Final = PAST_WEEKS * 7 * 86_400_000
"""How far back the small line of a tile reaches."""

AnswerPart = Mapping[str, Any]
"""An object of the API's answer."""


class MetricTile(NamedTuple):
    """One metric in words; `before` is the value of the window before, '' where nothing was asked of it."""

    name: str
    title: str
    address: str
    value: str
    sample: str
    interval: str
    reason: str
    before: str
    line: Markup


class StepRow(NamedTuple):
    """One step of a series as a row of a table: its first date, and each metric as it reads with of how many it is."""

    label: str
    address: str
    cells: Sequence[tuple[str, str]]


def build_tiles(
    metrics: AnswerPart, weeks: Sequence[AnswerPart], tz: str, before: AnswerPart | None, address_of: Callable[[str], str]
) -> list[MetricTile]:
    """Return a tile for each of the five metrics; `weeks` are the steps that make its line."""
    return [_tile(name, metrics, before, address_of(name), _small_line(name, weeks, tz)) for name in FIVE_METRICS]


def older_tile(metrics: AnswerPart, before: AnswerPart | None, address: str) -> MetricTile:
    """Return the metric that was one until 2021, without a line."""
    return _tile(OLDER_METRIC, metrics, before, address, Markup(""))


def _tile(name: str, metrics: AnswerPart, before: AnswerPart | None, address: str, line: Markup) -> MetricTile:
    metric = metrics[name]
    return MetricTile(
        name=name,
        title=METRIC_TITLES[name],
        address=address,
        value=show_metric(metric),
        sample=show_count(name, metric),
        interval=show_interval(metric),
        reason=why_unknown(name, metric),
        before="" if before is None else show_metric(before[name]),
        line=line,
    )


def _small_line(name: str, weeks: Sequence[AnswerPart], tz: str) -> Markup:
    points = series_points(name, weeks, tz)
    values = ", ".join(show_metric(week["metrics"][name]) for week in weeks)
    return draw_trend(points, f"{METRIC_TITLES[name]}, week by week: {values}", "trend small")


def series_points(
    name: str, steps: Iterable[AnswerPart], tz: str, address_of: Callable[[AnswerPart], str] = lambda _: "", *, with_intervals: bool = False
) -> list[TrendPoint]:
    """Return the points of a metric, one for each step, named by its first date in the zone."""
    return [
        TrendPoint(
            value=step["metrics"][name]["value"],
            name=f"{step_label(step['from'], tz)}: {_say(name, step['metrics'][name])}",
            address=address_of(step),
            interval=step["metrics"][name]["interval"] if with_intervals else None,
        )
        for step in steps
    ]


def _say(name: str, metric: AnswerPart) -> str:
    reason = why_unknown(name, metric)
    return f"{show_metric(metric)} ({reason or show_count(name, metric)})"


def show_top(points: Sequence[TrendPoint], unit: str) -> str:
    """Return what the top of a trend stands for, as a metric of this unit reads."""
    top = largest_value(points)
    return show_metric({"value": top, "unit": unit}) if top else "nothing"


def step_rows(
    steps: Iterable[AnswerPart], names: Sequence[str], tz: str, address_of: Callable[[AnswerPart], str] = lambda _: ""
) -> list[StepRow]:
    """Return the steps of a series as rows of a table, those of nothing too."""
    return [
        StepRow(
            step_label(step["from"], tz),
            address_of(step),
            [(show_metric(step["metrics"][name]), show_count(name, step["metrics"][name])) for name in names],
        )
        for step in steps
    ]


def step_label(start: str, tz: str) -> str:
    """Return the date on which a step begins, in the zone."""
    return datetime.fromisoformat(start).astimezone(zone_of(tz)).date().isoformat()
