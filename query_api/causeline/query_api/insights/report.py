"""Tallies as they are shown: stages in their order, durations in seconds, shares with their intervals. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from causeline.query_api.dora.intervals import wilson_interval
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.stages import stage_place
from causeline.query_api.insights.tallies import WHOLE, ActionCount, InsightTallies, RunTally
from causeline.schemas.values.times import rfc3339

View = dict[str, Any]

_NAMES: Final = ("p50", "p90", "p95")


def insight_view(query: InsightQuery, tz: str, step: str, tallies: InsightTallies) -> View:
    """Return the answer of `GET /v1/insights`."""
    return {
        "window": {"from": rfc3339(query.from_ms), "to": rfc3339(query.to_ms), "tz": tz, "step": step},
        "stages": stage_views(tallies.actions, [row for row in tallies.runs if row.bucket == WHOLE]),
        "flow": [
            {"stage": step.stage, "n": step.n, "p50": step.p50 / 1_000}
            for step in sorted(tallies.flow, key=lambda row: stage_place(row.stage))
        ],
        "series": _series(query, tallies),
        "heatmap": [
            {"stage": row.stage, "weekday": row.hour // 24 + 1, "hour": row.hour % 24, "n": row.n}
            for row in sorted(tallies.hours, key=lambda row: (stage_place(row.stage), row.hour))
        ],
    }


def stage_views(actions: Iterable[ActionCount], runs: Iterable[RunTally]) -> list[View]:
    """Return what is said of each stage, in their order; the rows are of one bucket or of the whole window, and are added up."""
    counts: dict[str, Counter[str]] = {}
    for row in actions:
        counts.setdefault(row.stage, Counter())[row.action] += row.n
    run_of = {row.stage: row for row in runs}
    stages = sorted({*counts, *run_of}, key=stage_place)
    return [_stage_view(stage, counts.get(stage, {}), run_of.get(stage) or _nothing(stage)) for stage in stages]


def _nothing(stage: str) -> RunTally:
    return RunTally(stage, WHOLE, 0, 0, 0, (None, None, None), 0, 0)


def _stage_view(stage: str, counts: dict[str, int], runs: RunTally) -> View:
    interval = wilson_interval(runs.good, runs.ended)
    return {
        "stage": stage,
        "counts": dict(sorted(counts.items())),
        "success_rate": {
            "value": runs.good / runs.ended if runs.ended else None,
            "n": runs.ended,
            "numerator": runs.good,
            "denominator": runs.ended,
            "interval": None if interval is None else list(interval),
        },
        "duration": {
            "n": runs.timings,
            **{name: None if ms is None else ms / 1_000 for name, ms in zip(_NAMES, runs.quantiles, strict=True)},
        },
        "running": runs.running,
        "never_finished": runs.never_finished,
    }


def _series(query: InsightQuery, tallies: InsightTallies) -> list[View]:
    """Return every bucket of the window, empty ones included."""
    actions: dict[int, list[ActionCount]] = {}
    for count in tallies.actions:
        actions.setdefault(count.bucket, []).append(count)
    runs: dict[int, list[RunTally]] = {}
    for row in tallies.runs:
        runs.setdefault(row.bucket, []).append(row)
    return [
        {"from": rfc3339(low), "to": rfc3339(high), "stages": stage_views(actions.get(low, ()), runs.get(low, ()))}
        for low, high in zip(query.edges, query.edges[1:], strict=False)
    ]


def insight_lines(view: View) -> Iterable[tuple[object, ...]]:
    """Yield the stages of an answer as lines of a table, its heading first; what is not known is empty."""
    yield ("stage", "events", "ended", "succeeded", "success_rate", "low", "high", "timed", *_NAMES, "running", "never_finished")
    for stage in view["stages"]:
        rate, duration = stage["success_rate"], stage["duration"]
        low, high = rate["interval"] or ("", "")
        yield (
            stage["stage"],
            sum(stage["counts"].values()),
            rate["denominator"],
            rate["numerator"],
            "" if rate["value"] is None else rate["value"],
            *(low, high),
            duration["n"],
            *("" if duration[name] is None else duration[name] for name in _NAMES),
            stage["running"],
            stage["never_finished"],
        )
