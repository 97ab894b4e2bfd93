"""Numbers of a window: what belongs to it, and that its parts add up to it."""

import statistics
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE
from causeline.query_api.insights.facts import Fact, fact_of
from causeline.query_api.insights.offsets import offsets_of
from causeline.query_api.insights.quantiles import quantile
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.report import insight_lines, insight_view, stage_views
from causeline.query_api.insights.tallies import WHOLE, RunTally, tally
from causeline.schemas.records.event import Event
from tests.lifecycles import insight_queries, lifecycle_histories, timed_fields

T0 = 1_764_547_200_000
"""2025-12-01, a Monday, in UTC."""


def fact(ts: int, stage: str, action: str, commit: str = "c", repo: str = "api", team: str = "t") -> Fact:
    return Fact(ts, stage, action, team, repo, commit, "")


def query(**fields: Any) -> InsightQuery:
    return InsightQuery(**{"tenant": "acme", "edges": (T0, T0 + DAY, T0 + 2 * DAY), "now": T0 + 2 * DAY, **fields})


def row_of(rows: Any, **fields: Any) -> Any:
    (row,) = (row for row in rows if all(getattr(row, name) == value for name, value in fields.items()))
    return row


def test_a_run_belongs_to_the_window_it_ended_in_and_an_open_one_to_that_it_began_in() -> None:
    facts = [
        *(fact(T0 - HOUR, "build", "initiated", "a"), fact(T0, "build", "succeeded", "a")),
        *(fact(T0 + HOUR, "build", "initiated", "b"), fact(T0 + 2 * DAY, "build", "failed", "b")),  # ended at the end of the window
        *(fact(T0 + HOUR, "build", "initiated", "c"), fact(T0 + 3 * HOUR, "build", "failed", "c")),
        fact(T0 - 1, "build", "initiated", "d"),
        fact(T0 + DAY, "build", "initiated", "e"),
        fact(T0 + DAY + 1, "build", "initiated", "f"),
    ]
    runs = tally(facts, query()).runs
    whole = row_of(runs, bucket=WHOLE)
    assert (whole.ended, whole.good, whole.timings, whole.running, whole.never_finished) == (2, 1, 2, 1, 1)
    assert whole.quantiles == (1.5 * HOUR, 1.9 * HOUR, 1.95 * HOUR)
    assert row_of(runs, bucket=T0).ended == 2
    assert row_of(runs, bucket=T0 + DAY).running == 1


def test_counts_are_raw_events_of_the_window_repeats_included() -> None:
    facts = [fact(T0, "lint", "warning"), fact(T0 + 1, "lint", "warning"), fact(T0 + 2 * DAY, "lint", "warning"), fact(T0, "lint", "")]
    tallies = tally(facts, query())
    assert {(row.action, row.bucket): row.n for row in tallies.actions} == {("warning", T0): 2, ("", T0): 1}
    assert row_of(tallies.runs, bucket=WHOLE).ended == 1


def test_the_flow_runs_from_a_commits_first_event_to_the_last_good_end_of_each_stage() -> None:
    facts = [
        *(fact(T0 - 5 * HOUR, "commit", "initiated", repo=""), fact(T0 - 4 * HOUR, "commit", "succeeded", repo="")),
        *(fact(T0, "build", "succeeded"), fact(T0 + HOUR, "build", "failed"), fact(T0 + 2 * HOUR, "build", "succeeded")),
        *(fact(T0 + 3 * HOUR, "deployment", "succeeded"), fact(T0 + 2 * DAY, "release", "succeeded")),
        *(fact(T0, "commit", "succeeded", "not deployed"), fact(T0, "deployment", "succeeded", "not committed")),
        *(fact(T0, "commit", "succeeded", "other"), fact(T0 + HOUR, "deployment", "succeeded", "other", repo="web")),
    ]
    flow = {row.stage: (row.n, row.p50) for row in tally(facts, query(repos=("api",))).flow}
    assert flow == {"commit": (1, HOUR), "build": (1, 7 * HOUR), "deployment": (1, 8 * HOUR)}
    assert {row.stage: row.n for row in tally(facts, query()).flow}["deployment"] == 2


def test_hours_are_those_of_the_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    sunday = 1_761_438_600_000  # 2025-10-26T00:30Z: 02:30 in Berlin, for the first time
    edges = (sunday - DAY, sunday + DAY)
    facts = [fact(sunday, "build", "succeeded", "a"), fact(sunday + HOUR, "build", "succeeded", "b")]
    hours = tally(facts, query(edges=edges, offsets=offsets_of(zone, *edges))).hours
    assert [(row.hour, row.n) for row in hours] == [(6 * 24 + 2, 2)]


@given(history=lifecycle_histories, asked=insight_queries("acme"))
@settings(max_examples=200)
def test_buckets_add_up_to_the_whole_and_windows_to_the_window(history: list[dict[str, Any]], asked: InsightQuery) -> None:
    base: dict[str, Any] = {"tenant": "acme", "id": "", "ingest_ts": 0, "updated_ts": 0}
    facts = [made for fields in timed_fields(history) if (made := fact_of(Event(**base, **fields))) is not None]
    names = ("ended", "good", "timings", "running", "never_finished")

    def sums(rows: list[RunTally]) -> dict[str, Counter[str]]:
        counts: dict[str, Counter[str]] = {}
        for row in rows:
            counts.setdefault(row.stage, Counter()).update({name: getattr(row, name) for name in names})
        return counts

    whole = tally(facts, asked)
    assert sums([row for row in whole.runs if row.bucket == WHOLE]) == sums([row for row in whole.runs if row.bucket != WHOLE])
    assert sum(row.n for row in whole.hours) == sum(row.ended for row in whole.runs if row.bucket == WHOLE)
    in_buckets = {(row.stage, row.bucket): (row.ended, row.quantiles) for row in whole.runs if row.bucket != WHOLE}
    for edges in zip(asked.edges, asked.edges[1:], strict=False):
        # A part asked for itself is the part of the whole, but for a chain of repeats that is cut 30 days before it.
        part = tally(facts, msgspec.structs.replace(asked, edges=edges))
        own = {(row.stage, edges[0]): (row.ended, row.quantiles) for row in part.runs if row.bucket == WHOLE}
        wide = [row for row in facts if row.ts < edges[0] - 30 * DAY]
        if not wide:
            assert own.items() <= in_buckets.items()


@given(values=st.lists(st.integers(0, 10**9), min_size=2, max_size=30), percent=st.integers(1, 99))
def test_quantiles_are_linear_and_inclusive(values: list[int], percent: int) -> None:
    expected = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert quantile(sorted(values), percent / 100) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_the_quantiles_of_one_value_are_that_value_and_of_none_unknown() -> None:
    assert quantile([7], 0.5) == quantile([7], 0.95) == 7
    assert quantile([], 0.5) is None


@given(st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]), st.data())
def test_offsets_are_those_of_the_zone_at_every_instant(tz: str, data: st.DataObject) -> None:
    zone, first = ZoneInfo(tz), data.draw(st.integers(1_300_000_000_000, 1_800_000_000_000))
    last = first + data.draw(st.integers(1, 400 * DAY))
    offsets = offsets_of(zone, first, last)
    at = data.draw(
        st.one_of(st.integers(first, last - 1), st.sampled_from([row.since for row in offsets]).map(lambda ms: max(ms - 1, first)))
    )
    shown = datetime.fromtimestamp(at / 1_000, UTC).astimezone(zone).utcoffset()
    assert shown is not None
    assert [row.offset for row in offsets if row.since <= at][-1] == shown.total_seconds() * 1_000


def test_what_nothing_is_known_of_is_null_and_not_zero() -> None:
    tallies = tally([fact(T0, "ticket", "todo")], query())
    (stage,) = stage_views(tallies.actions, tallies.runs)
    assert stage["success_rate"] == {"value": None, "n": 0, "numerator": 0, "denominator": 0, "interval": None}
    assert stage["duration"] == {"n": 0, "p50": None, "p90": None, "p95": None}


def test_the_answer_shows_stages_in_their_order_and_every_bucket_and_durations_in_seconds() -> None:
    facts = [
        *(fact(T0, "zoo", "success", "other"), fact(T0, "commit", "succeeded"), fact(T0 + MINUTE, "deployment", "initiated")),
        fact(T0 + 3 * MINUTE, "deployment", "succeeded"),
    ]
    view = insight_view(query(), "UTC", "day", tally(facts, query()))
    assert view["window"] == {"from": "2025-12-01T00:00:00.000Z", "to": "2025-12-03T00:00:00.000Z", "tz": "UTC", "step": "day"}
    assert [stage["stage"] for stage in view["stages"]] == ["commit", "deployment", "zoo"]
    assert view["stages"][1]["duration"] == {"n": 1, "p50": 120.0, "p90": 120.0, "p95": 120.0}
    assert view["stages"][1]["counts"] == {"initiated": 1, "succeeded": 1}
    assert view["flow"] == [{"stage": "commit", "n": 1, "p50": 0.0}, {"stage": "deployment", "n": 1, "p50": 180.0}]
    assert [(part["from"], len(part["stages"])) for part in view["series"]] == [
        ("2025-12-01T00:00:00.000Z", 3),
        ("2025-12-02T00:00:00.000Z", 0),
    ]
    assert view["heatmap"][0] == {"stage": "commit", "weekday": 1, "hour": 0, "n": 1}
    heading, *lines = insight_lines(view)
    assert [dict(zip(heading, line, strict=True))["stage"] for line in lines] == ["commit", "deployment", "zoo"]
