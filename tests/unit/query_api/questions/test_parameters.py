"""Query parameters: what is accepted, and what is refused in which words."""

from collections.abc import Callable
from typing import Any

import pytest

from causeline.query_api.live import question
from causeline.query_api.questions import native, parameters
from causeline.query_api.questions.query import EventFilter, EventPosition, Page, ProblemFilter
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.errors import FieldError, Invalid

NOW = ms_of("2026-11-21T06:30:00Z")
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T06:30:00Z", NOW),
        ("2026-11-21T06:30:00.123456789Z", NOW + 123),
        ("2026-11-21T08:30:00+02:00", NOW),
        ("2026-11-21T08:30:00 02:00", NOW),
        ("2026-11-21T01:00:00-05:30", NOW),
        ("2026-11-21", ms_of("2026-11-21T00:00:00Z")),
        ("1970-01-01", 0),
        ("0", 0),
        (str(NOW), NOW),
        ("now", NOW),
        (" now ", NOW),
        ("now-2h", NOW - 2 * HOUR),
        ("now-250ms", NOW - 250),
        ("now+15m", NOW + 15 * 60_000),
        ("now 15m", NOW + 15 * 60_000),
    ],
)
def test_a_moment_is_read_in_every_accepted_form(text: str, expected: int) -> None:
    assert parameters.parse_time(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yesterday", "RFC 3339"),
        ("2026-11-21T06:30:00", "offset"),
        ("2026-13-01", "month"),
        ("2026-02-30", "day"),
        ("-1", "RFC 3339"),
        ("9" * 15, "between"),
        ("9" * 40, "RFC 3339"),
        ("1969-12-31", "between"),
        ("9999-12-31", "between"),
        ("now-2x", "duration"),
        ("now-", "RFC 3339"),
        ("now-999999999999d", "between"),
        ("2h", "RFC 3339"),
        ("'; DROP", "RFC 3339"),
    ],
)
def test_any_other_moment_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parameters.parse_time(text, NOW)


def test_every_filter_of_a_list_is_read() -> None:
    pairs = [
        ("from", "now-1h"),
        ("to", "now"),
        ("dialect", "desk"),
        ("dialect", "tracker"),
        ("kind", "drift"),
        ("status", "start"),
        ("service", "shop"),
        ("environment", "production"),
        ("priority", "P1"),
        ("entity", "HOST-1"),
        ("tag", "region:eu:1"),
        ("tag", "k:"),
        ("q", "two words"),
        ("order", "asc"),
        ("limit", "7"),
    ]
    where, paging = native.event_question(pairs, "acme", NOW)
    assert where == EventFilter(
        tenant="acme",
        from_ms=NOW - HOUR,
        to_ms=NOW,
        dialects=("desk", "tracker"),
        kinds=("drift",),
        statuses=("start",),
        services=("shop",),
        environments=("production",),
        priorities=("P1",),
        entities=("HOST-1",),
        tags=(("region", "eu:1"), ("k", "")),
        words="two words",
    )
    assert paging.page == Page(limit=8, order="asc")


def test_nothing_given_is_the_newest_hundred_of_all_times() -> None:
    where, paging = native.event_question([("service", ""), ("q", "  ")], "acme", NOW)
    assert where == EventFilter(tenant="acme")
    assert paging.page == Page(limit=101)


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([("servce", "x")], FieldError("servce", "is not a parameter of this call")),
        ([("from", "now"), ("from", "now")], FieldError("from", "takes one value")),
        ([("order", "up")], FieldError("order", "'up' is not one of desc, asc")),
        ([("dialect", "Desk")], FieldError("dialect", "'Desk' is not one of tracker, cto_ai, escapekit, apitraffic, desk, native")),
        ([("limit", "0")], FieldError("limit", "'0' is not a number from 1 to 1000")),
        ([("limit", "1001")], FieldError("limit", "'1001' is not a number from 1 to 1000")),
        ([("limit", "1_0")], FieldError("limit", "'1_0' is not a number from 1 to 1000")),
        ([("limit", "٣")], FieldError("limit", "'٣' is not a number from 1 to 1000")),
        ([("tag", "region")], FieldError("tag", "'region' is not a tag such as key:value")),
        ([("tag", ":v")], FieldError("tag", "':v' is not a tag such as key:value")),
        ([("from", "now"), ("to", "now-1h")], FieldError("from", "must not be after to")),
        ([("cursor", "AAAA")], FieldError("cursor", "is damaged or belongs to other filters; begin again without it")),
        ([("service", "x")] * 101, FieldError("service", "takes at most 100 values")),
        ([("q", "x" * 4097)], FieldError("q", "is longer than 4096 characters")),
    ],
)
def test_a_broken_parameter_is_refused_by_name(pairs: list[tuple[str, str]], error: FieldError) -> None:
    with pytest.raises(Invalid) as refused:
        native.event_question(pairs, "acme", NOW)
    assert refused.value.fields == (error,)
    assert refused.value.where == "QUERY"
    assert error.field in refused.value.message


def test_all_broken_parameters_are_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        native.event_question([("a", "1"), ("limit", "x"), ("from", "then"), ("tag", "t")], "acme", NOW)
    assert [error.field for error in refused.value.fields] == ["a", "limit", "from", "tag"]


def test_a_cursor_continues_its_question_at_the_moment_of_its_first_page() -> None:
    pairs = [("from", "now-1h"), ("service", "shop"), ("limit", "2")]
    where, paging = native.event_question(pairs, "acme", NOW)
    numbers, cursor = paging.cut([3, 2, 1], lambda n: EventPosition(NOW + n, f"id{n}"))
    assert numbers == [3, 2]
    assert cursor is not None
    later = [("service", "shop"), ("cursor", cursor), ("limit", "50"), ("from", "now-1h")]
    again, following = native.event_question(later, "acme", NOW + HOUR)
    assert again == where
    assert following.page == Page(limit=51, after=EventPosition(NOW + 2, "id2"))
    with pytest.raises(Invalid, match="other filters"):
        native.event_question([("cursor", cursor), ("limit", "2")], "acme", NOW)
    with pytest.raises(Invalid, match="other filters"):
        native.problem_question(later, "acme", NOW)


def test_the_last_page_has_no_cursor() -> None:
    _, paging = native.event_question([("limit", "3")], "acme", NOW)
    assert paging.cut([3, 2, 1], lambda n: EventPosition(n, "")) == ([3, 2, 1], None)
    assert paging.cut([], lambda n: EventPosition(n, "")) == ([], None)


def test_problems_take_their_own_parameters() -> None:
    where, *_ = native.problem_question([("state", "open"), ("from", "now-1d"), ("entity", "HOST-1")], "acme", NOW)
    assert (where.state, where.now, where.from_ms, where.entities) == ("open", NOW, NOW - 24 * HOUR, ("HOST-1",))
    with pytest.raises(Invalid) as refused:
        native.problem_question([("state", "ajar"), ("status", "open")], "acme", NOW)
    assert [error.field for error in refused.value.fields] == ["status", "state"]


def test_changes_are_asked_around_a_time_for_a_reference() -> None:
    pairs = [("at", "now-1d"), ("before", "30m"), ("after", "0s"), ("service", "s"), ("environment", "e"), ("entity", "x"), ("entity", "y")]
    query = native.change_question([*pairs, ("tag", "k:v"), ("limit", "5")], "acme", NOW, frozenset({"info", "access"}))
    at = NOW - 24 * HOUR
    assert (query.at, query.from_ms, query.to_ms) == (at, at - HOUR // 2, at)
    assert (query.service, query.environment, query.entities, query.tags, query.limit) == ("s", "e", ("x", "y"), (("k", "v"),), 5)
    assert query.exclude_kinds == ("access", "info")
    default = native.change_question([], "acme", NOW, frozenset())
    assert (default.at, default.from_ms, default.to_ms, default.limit) == (NOW, NOW - 2 * HOUR, NOW + HOUR // 4, 100)


@pytest.mark.parametrize(("name", "text"), [("before", "2 hours"), ("after", "-1h"), ("before", "4000d"), ("after", "999999999999d")])
def test_a_window_that_cannot_be_read_is_refused(name: str, text: str) -> None:
    for ask in (lambda pairs: native.change_question(pairs, "acme", NOW, frozenset()), native.span):
        with pytest.raises(Invalid) as refused:
            ask([(name, text)])
        assert [error.field for error in refused.value.fields] == [name]


def test_a_window_is_cut_to_the_times_that_events_can_have() -> None:
    query = native.change_question([("at", "1"), ("before", "1d")], "acme", NOW, frozenset())
    assert query.from_ms == 0


def test_the_histogram_covers_the_last_day_until_now_included() -> None:
    histogram = native.histogram_question([], "acme", NOW)
    assert (histogram.from_ms, histogram.to_ms, histogram.step_ms, histogram.by) == (NOW + 1 - 24 * HOUR, NOW + 1, 300_000, "kind")
    assert (histogram.where.from_ms, histogram.where.to_ms) == (histogram.from_ms, histogram.to_ms)


def test_the_histogram_has_every_bucket_that_touches_its_window() -> None:
    pairs = [("from", "2026-11-21T06:30:01Z"), ("to", "2026-11-21T06:40:00Z"), ("by", "service")]
    histogram = native.histogram_question(pairs, "acme", NOW)
    assert list(histogram.starts()) == [NOW, NOW + 300_000]
    assert [bucket.counts for bucket in histogram.fill([])] == [{}, {}]


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("step", "0s")], "step"),
        ([("step", "1s")], "step"),
        ([("step", "five")], "step"),
        ([("by", "team")], "by"),
        ([("from", "1970-01-01"), ("step", "1d")], "step"),
        ([("limit", "5")], "limit"),
    ],
)
def test_a_histogram_of_too_many_or_no_buckets_is_refused(pairs: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        native.histogram_question(pairs, "acme", NOW)
    assert [error.field for error in refused.value.fields] == [field]


def test_five_thousand_buckets_are_allowed() -> None:
    histogram = native.histogram_question([("from", "0"), ("to", str(5_000 * 60_000)), ("step", "1m")], "acme", NOW)
    assert len(histogram.starts()) == 5_000


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        (lambda pairs: native.event_question(pairs, "acme", NOW)[0], [("kind", " Deployment "), ("status", "FAILED")]),
        (lambda pairs: native.annotations(pairs, "acme", NOW)[0], [("kind", "Deployment"), ("status", "Failed")]),
        (
            lambda pairs: native.histogram_question(pairs, "acme", NOW).where,
            [("kind", "dePloyment"), ("kind", "deployment"), ("status", "failed")],
        ),
        (lambda pairs: native.problem_question(pairs, "acme", NOW)[0], [("kind", "DEPLOYMENT")]),
        (
            lambda pairs: question.stream(pairs, "", "acme", None, NOW, 1).where.events,
            [("kind", "Deployment"), ("status", "FAILED")],
        ),
    ],
)
def test_a_kind_and_a_status_are_asked_for_as_they_are_stored(asked: Callable[[Any], Any], pairs: list[tuple[str, str]]) -> None:
    where = asked(pairs)
    assert where.kinds == ("deployment",)
    assert isinstance(where, ProblemFilter) or where.statuses == ("failed",)
