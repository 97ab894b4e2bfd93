"""What every EventStore promises of problems."""

from typing import Any

import msgspec
import pytest

from causeline.query_api.questions.query import EventPosition, Order, Page, ProblemFilter
from causeline.schemas.records.problem import Problem
from tests.contract.event_rows import ALL, DAY, HOUR, T0, TENANT, Bench, after, problem, titles

NOW = T0 + 10 * HOUR


def problem_rows() -> list[Problem]:
    """One problem of each fate, all begun at T0 or an hour after."""
    short = problem(T0, title="closed", correlation_id="closed")
    timed_out = problem(T0, title="timed out", correlation_id="timed out", deadline=T0 + HOUR)
    late = problem(T0 + HOUR, title="past its deadline", correlation_id="late", deadline=T0 + 3 * HOUR)
    lasting = problem(T0 + HOUR, title="open", correlation_id="open", deadline=NOW + 1)
    endless = problem(T0 + HOUR, title="endless", correlation_id="endless")
    deleted = problem(T0, title="deleted", correlation_id="deleted")
    closed_and_deleted = problem(T0, title="closed, deleted")
    rows = [short, after(short, "refreshed", T0 + 1, refresh_count=1), after(short, "closed", T0 + HOUR, version=3, refresh_count=1)]
    rows += [timed_out, after(timed_out, "timed_out", T0 + 9 * HOUR, end=T0 + HOUR), late, lasting, endless]
    rows += [deleted, after(deleted, "deleted", T0 + 1, is_deleted=True)]
    ended = after(closed_and_deleted, "closed", T0 + 1)
    return [*rows, closed_and_deleted, ended, after(ended, "deleted", T0 + 2, is_deleted=True)]


async def test_problems_show_their_newest_version_as_of_now(bench: Bench) -> None:
    bench.put(*problem_rows())
    by_title = {p.title: p for p in await bench.store.problems(ProblemFilter(tenant=TENANT, now=NOW), ALL)}
    assert {title: (p.state, p.end) for title, p in by_title.items()} == {
        "closed": ("closed", T0 + HOUR),
        "timed out": ("closed", T0 + HOUR),
        "past its deadline": ("closed", T0 + 3 * HOUR),
        "open": ("open", None),
        "endless": ("open", None),
    }
    assert (by_title["closed"].version, by_title["closed"].refresh_count, by_title["closed"].transition) == (3, 1, "closed")
    assert by_title["past its deadline"].transition == "opened"


@pytest.mark.parametrize(
    ("state", "seen"),
    [("open", {"open", "endless"}), ("closed", {"closed", "timed out", "past its deadline"})],
)
async def test_the_state_filter_is_as_of_now(bench: Bench, state: Any, seen: set[str]) -> None:
    bench.put(*problem_rows())
    assert set(titles(await bench.store.problems(ProblemFilter(tenant=TENANT, now=NOW, state=state), ALL))) == seen
    early = ProblemFilter(tenant=TENANT, now=T0 + 2 * HOUR, state="open")
    assert set(titles(await bench.store.problems(early, ALL))) == {"open", "endless", "past its deadline"}


PROBLEM_WINDOWS = [
    (None, None, {"closed", "timed out", "past its deadline", "open", "endless"}),
    (None, T0, set()),
    (None, T0 + 1, {"closed", "timed out"}),
    (T0 + HOUR, None, {"closed", "timed out", "past its deadline", "open", "endless"}),
    (T0 + HOUR + 1, T0 + HOUR + 2, {"past its deadline", "open", "endless"}),
    (T0 + 3 * HOUR, T0 + 4 * HOUR, {"past its deadline", "open", "endless"}),
    (T0 + 3 * HOUR + 1, T0 + 4 * HOUR, {"open", "endless"}),
    (NOW + DAY, None, {"open", "endless"}),
]


@pytest.mark.parametrize(("from_ms", "to_ms", "seen"), PROBLEM_WINDOWS)
async def test_a_problem_is_in_the_window_that_it_is_open_in(bench: Bench, from_ms: int | None, to_ms: int | None, seen: set[str]) -> None:
    bench.put(*problem_rows())
    problem_filter = ProblemFilter(tenant=TENANT, now=NOW, from_ms=from_ms, to_ms=to_ms)
    assert set(titles(await bench.store.problems(problem_filter, ALL))) == seen
    for state in ("open", "closed"):
        part = set(titles(await bench.store.problems(msgspec.structs.replace(problem_filter, state=state), ALL)))
        assert part == {title for title in seen if (title in ("open", "endless")) == (state == "open")}


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("dialects", "dialect", "tracker"),
        ("kinds", "kind", "outage"),
        ("services", "service", "it's"),
        ("environments", "environment", "production"),
        ("priorities", "priority", "P1"),
        ("correlation_ids", "correlation_id", "it's one"),
        ("entities", "entities", ["HOST-1"]),
        ("tags", "tags", {"k": "v"}),
        ("words", "text", "größe"),
    ],
)
async def test_problem_filters(bench: Bench, name: str, column: str, value: Any) -> None:
    hit = problem(T0, title="hit", **{column: value})
    bench.put(hit, problem(T0, title="miss"), closed := problem(T0 + 1, title="closed hit", **{column: value}))
    bench.put(after(closed, "closed", T0 + 2))
    filter_value: Any = (value,) if isinstance(value, str) else tuple(value.items() if isinstance(value, dict) else value)
    problem_filter = ProblemFilter(tenant=TENANT, now=NOW, **{name: value if name == "words" else filter_value})
    assert titles(await bench.store.problems(problem_filter, ALL)) == ["hit", "closed hit"]


async def test_problem_pages_neither_repeat_nor_skip(bench: Bench) -> None:
    rows = [problem(T0 + n // 5, title=str(n)) for n in range(40)]
    bench.put(*rows, *(after(row, "closed", T0 + DAY) for row in rows[::3]))
    orders: tuple[tuple[Order, int], ...] = (("desc", 7), ("asc", 1))
    for order, limit in orders:
        paged_rows: list[Problem] = []
        key = None
        while page := await bench.store.problems(ProblemFilter(tenant=TENANT, now=NOW), Page(limit=limit, order=order, after=key)):
            paged_rows += page
            key = EventPosition(page[-1].start, page[-1].id)
        expected = sorted(((row.start, row.id) for row in rows), reverse=order == "desc")
        assert [(p.start, p.id) for p in paged_rows] == expected
    offset = await bench.store.problems(ProblemFilter(tenant=TENANT, now=NOW), Page(limit=5, order="asc", offset=38))
    assert len(offset) == 2


async def test_one_problem_comes_with_its_transitions_and_what_reopened_it(bench: Bench) -> None:
    first = problem(T0, title="first", deadline=T0 + HOUR)
    refreshed = after(first, "refreshed", T0 + 1, deadline=T0 + 2 * HOUR)
    closed = after(refreshed, "closed", T0 + 2)
    again = problem(T0 + 3, title="again", transition="reopened", previous_id=first.id)
    deleted = problem(T0 + 2, previous_id=first.id)
    bench.put(first, refreshed, again, closed, deleted, after(deleted, "deleted", T0 + 3, is_deleted=True))
    history = await bench.store.problem(TENANT, first.id, NOW)
    assert history is not None
    assert history.problem == closed
    assert history.transitions == [first, refreshed, closed]
    assert history.next_id == again.id
    assert await bench.store.problem(TENANT, deleted.id, NOW) is None


async def test_problems_are_given_as_they_ever_looked_each_look_once(bench: Bench) -> None:
    first = problem(T0, title="first", service="pay", tags={"a": "1", "b": "2"}, entities=["h1"])
    same = after(first, "refreshed", T0 + 1, deadline=T0 + HOUR)
    other = after(same, "refreshed", T0 + 2, service="cart")
    back = after(other, "refreshed", T0 + 3, service="pay")
    tagged = after(back, "closed", T0 + 4, tags={"a": "1"})
    short_lived = problem(T0 + 1)
    deleted = after(short_lived, "deleted", T0 + 5, is_deleted=True, text="gone")
    bench.put(first, same, other, back, tagged, short_lived, deleted, problem(T0 + 2))
    bench.put(problem(T0, tenant="other"))
    looks = await bench.store.looks(TENANT, [first.id, short_lived.id, "unknown"])
    assert looks == [first, other, tagged, short_lived, deleted]
    assert await bench.store.looks("other", [first.id]) == []
    assert await bench.store.looks(TENANT, []) == []


async def test_the_first_hundred_looks_of_a_problem_are_given(bench: Bench) -> None:
    rows = [problem(T0, title="0")]
    for number in range(1, 120):
        rows.append(after(rows[-1], "refreshed", T0 + number, text=str(number)))
    bench.put(*rows)
    assert await bench.store.looks(TENANT, [rows[0].id]) == rows[:100]


async def test_one_problem_past_its_deadline_reads_as_closed_but_its_transitions_stay(bench: Bench) -> None:
    row = problem(T0, deadline=T0 + HOUR)
    bench.put(row)
    before, later = await bench.store.problem(TENANT, row.id, T0 + HOUR - 1), await bench.store.problem(TENANT, row.id, T0 + HOUR)
    assert before is not None
    assert later is not None
    assert (before.problem.state, later.problem.state, later.problem.end) == ("open", "closed", T0 + HOUR)
    assert later.transitions == [row]


async def test_the_open_problem_of_a_correlation_id(bench: Bench) -> None:
    bench.put(*problem_rows())
    for correlation, is_open in (("open", True), ("endless", True), ("closed", False), ("late", False), ("deleted", False), ("'", False)):
        own_problem = await bench.store.open_problem(TENANT, correlation, NOW)
        assert (own_problem is not None) is is_open
    assert await bench.store.open_problem(TENANT, "late", T0 + 3 * HOUR - 1) is not None
