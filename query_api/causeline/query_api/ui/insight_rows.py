"""What the page of insights shows of the answer of `GET /v1/insights`: funnels, durations, failures, the flow, the hours. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.insights.stages import STAGES
from causeline.query_api.ui.dora_tiles import step_label
from causeline.query_api.ui.drawing.funnel import draw_funnel, draw_reach
from causeline.query_api.ui.drawing.heatmap import DAY_HOURS, WEEKDAYS, WeekHour, draw_heatmap
from causeline.query_api.ui.drawing.trend import TrendPoint, draw_trend, largest_value
from causeline.query_api.ui.wording import count_nouns, show_duration, show_percent

_FAVOURITE: Final = "deployment"

StageAnswer = Mapping[str, Any]
"""A stage as the API answers it."""


class FunnelRow(NamedTuple):
    """What became of the runs of a kind, each number a part of the one before, with its picture."""

    stage: str
    runs: int
    ends: int
    good_ends: int
    running: int
    never_finished: int
    success: str
    interval: str
    picture: Markup


class TimingRow(NamedTuple):
    """How long a kind, or the way to it, takes: of how many runs or commits, its quantiles in words, and its picture."""

    stage: str
    sample: int
    values: Sequence[str]
    picture: Markup


class FailureWeek(NamedTuple):
    """A week of a kind: how many runs ended, how many of them badly, and which share that is."""

    label: str
    ends: int
    bad_ends: int
    share: str


class FailureView(NamedTuple):
    """The share of failures by week as a picture, what its top stands for, and as rows."""

    picture: Markup
    top: str
    weeks: Sequence[FailureWeek]


class HoursOfDay(NamedTuple):
    """A weekday of the heat map: its number in ISO, its name, and a count for each hour."""

    number: int
    name: str
    counts: Sequence[int]


def is_custom(stage: str) -> bool:
    """Tell whether a stage is a name of the sender's own."""
    return stage not in STAGES


def choose_stage(stages: Sequence[StageAnswer], wish: str) -> str:
    """Return which kind is shown by week and by hour: the one that is wished for, else deployments, else what has most runs that ended."""
    names = [stage["stage"] for stage in stages]
    if wish or _FAVOURITE in names or not names:
        return wish or _FAVOURITE
    most: str = max(stages, key=lambda stage: stage["success_rate"]["denominator"])["stage"]
    return most


def funnel_rows(stages: Iterable[StageAnswer]) -> list[FunnelRow]:
    """Return the funnel of each kind that has runs; what has none is only counted."""
    return [_funnel(stage) for stage in stages if stage["success_rate"]["n"] or stage["running"] or stage["never_finished"]]


def _funnel(stage: StageAnswer) -> FunnelRow:
    rate = stage["success_rate"]
    ends, good_ends = rate["denominator"], rate["numerator"]
    runs = ends + stage["running"] + stage["never_finished"]
    low, high = rate["interval"] or (None, None)
    name = f"{stage['stage']}: {runs:,} begun, {ends:,} ended, {good_ends:,} ended well"
    return FunnelRow(
        stage=stage["stage"],
        runs=runs,
        ends=ends,
        good_ends=good_ends,
        running=stage["running"],
        never_finished=stage["never_finished"],
        success=show_percent(rate["value"]),
        interval="" if low is None else f"{show_percent(low)} to {show_percent(high)}",
        picture=draw_funnel((runs, ends, good_ends), name),
    )


def duration_rows(stages: Iterable[StageAnswer]) -> list[TimingRow]:
    """Return the durations of each kind of which a begin and an end are known: p50, p90, p95."""
    timings = [(stage["stage"], stage["duration"]) for stage in stages if stage["duration"]["n"]]
    longest = max((duration["p95"] for _, duration in timings), default=0.0)
    return [
        TimingRow(
            stage=name,
            sample=duration["n"],
            values=[show_duration(duration[quantile]) for quantile in ("p50", "p90", "p95")],
            picture=draw_reach(0.0, duration["p50"], duration["p95"], longest, f"{name}: half within {show_duration(duration['p50'])}"),
        )
        for name, duration in timings
    ]


def flow_rows(flow: Sequence[StageAnswer]) -> list[TimingRow]:
    """Return how long after the first commit each stage ended well, as a median; what came before the commit is negative."""
    low = min((step["p50"] for step in flow), default=0.0)
    origin = min(low, 0.0)
    length = max((step["p50"] for step in flow), default=0.0) - origin
    return [
        TimingRow(
            stage=step["stage"],
            sample=step["n"],
            values=[f"{show_duration(step['p50'])} {'before' if step['p50'] < 0 else 'after'}"],
            picture=draw_reach(
                min(step["p50"], 0.0) - origin,
                max(step["p50"], 0.0) - origin,
                max(step["p50"], 0.0) - origin,
                length,
                f"{step['stage']}: {show_duration(step['p50'])}",
            ),
        )
        for step in flow
    ]


def failure_view(series: Iterable[StageAnswer], stage: str, tz: str) -> FailureView:
    """Return the share of runs of a kind that ended badly, week by week, weeks of nothing included."""
    weeks: list[FailureWeek] = []
    points: list[TrendPoint] = []
    for bucket in series:
        rate = next((one["success_rate"] for one in bucket["stages"] if one["stage"] == stage), None)
        ends = rate["denominator"] if rate else 0
        bad_ends = ends - rate["numerator"] if rate else 0
        share = bad_ends / ends if ends else None
        label = step_label(bucket["from"], tz)
        weeks.append(FailureWeek(label, ends, bad_ends, "not known" if share is None else show_percent(share)))
        points.append(TrendPoint(share, f"{label}: {bad_ends} of {count_nouns(ends, 'run')}", f"#week-{label}"))
    return FailureView(draw_trend(points, f"Share of {stage} that failed, by week"), show_percent(largest_value(points)), weeks)


def week_hours(cells: Iterable[StageAnswer], stage: str) -> tuple[Markup, list[HoursOfDay]]:
    """Return at which hours of the week runs of a kind end: as a picture and as rows."""
    counts = {WeekHour(cell["weekday"], cell["hour"]): cell["n"] for cell in cells if cell["stage"] == stage}
    days = [
        HoursOfDay(number, name, [counts.get(WeekHour(number, hour), 0) for hour in DAY_HOURS])
        for number, name in enumerate(WEEKDAYS, start=1)
    ]
    return draw_heatmap(counts, f"Ends of {stage} by weekday and hour", "#weekday-"), days
