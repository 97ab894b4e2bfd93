"""Laws of feedback and effects: what a caller may not see is as if it never was, and effects are the causes read the other way round."""

from typing import Any, Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.service import Service
from causeline.schemas.values import ids
from tests.cause_rows import DAY, HOUR, MINUTE, NOW, ONSET, event, problem
from tests.feedback_memory import MemoryFeedback

SERVICES: Final = (Service(name="shop", depends_on=("cart",)), Service(name="cart", aliases=("cart-svc",)))
NAMES: Final = st.sampled_from(["shop", "shop", "shop", "cart", "cart-svc", "far", ""])
VERDICTS: Final = st.sampled_from(["confirmed", "confirmed", "rejected"])
GROUPS: Final = st.lists(st.sampled_from(["sre", "dev"]), max_size=2, unique=True)


class Fleet(NamedTuple):
    """Changes, problems, and what people say: (problem, change or None for none, verdict) by their numbers."""

    changes: list[Event]
    problems: list[Problem]
    words: list[tuple[int, int | None, str]]


def change_of(number: int, fields: tuple[Any, ...]) -> Event:
    before, kind, service, groups, length = fields
    more = {"start": ONSET - before, "end": ONSET - before + length} if length else {}
    return event(number, before, kind=kind, service=service, allowed_groups=groups, **more)


def part_of(number: int, whole: Event, ts: int, title: str, groups: list[str]) -> Event:
    """Return what names a change: a step of it, or its rollback."""
    return event(number, ONSET - ts, kind=whole.kind, service=whole.service, related_id=whole.id, title=title, allowed_groups=groups)


def problem_of(number: int, fields: tuple[Any, ...]) -> Problem:
    after, service, correlation_id, lasts = fields
    start = ONSET + after
    more = {"state": "closed", "transition": "closed", "end": start + lasts} if lasts else {}
    own_id = ids.uuid7(start, b"P" + number.to_bytes(9))
    return problem(id=own_id, start=start, at=start, service=service, correlation_id=correlation_id, event_id=f"e{number}", **more)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    fields = st.tuples(
        st.integers(-2 * HOUR, 30 * HOUR) | st.integers(-HOUR, HOUR),
        st.sampled_from(["deployment", "deployment", "config_change", "build"]),
        NAMES,
        GROUPS,
        st.sampled_from([0, 0, 20 * MINUTE]),
    )
    changes = [change_of(number, one) for number, one in enumerate(draw(st.lists(fields, min_size=1, max_size=5)))]
    starts = st.integers(-40 * HOUR, 30 * HOUR) | st.integers(-HOUR, HOUR)
    rows = st.tuples(starts, NAMES, st.sampled_from(["c", "c", "d"]), st.sampled_from([0, 30 * MINUTE, 3 * HOUR]))
    problems = [problem_of(number, one) for number, one in enumerate(draw(st.lists(rows, min_size=1, max_size=4)))]
    wholes, of_problems = st.sampled_from(changes), st.sampled_from(problems)
    steps = draw(st.lists(st.tuples(wholes, st.integers(0, 8 * HOUR), GROUPS), max_size=2))
    rollbacks = draw(st.lists(st.tuples(wholes, of_problems, st.integers(0, 16), GROUPS), max_size=2))
    changes += [part_of(10 + n, whole, whole.ts + after, "Go on", groups) for n, (whole, after, groups) in enumerate(steps)]
    changes += [
        part_of(20 + n, whole, (row.end or row.start) - minutes * MINUTE, "Roll back", groups)
        for n, (whole, row, minutes, groups) in enumerate(rollbacks)
    ]
    places = st.tuples(st.integers(0, len(problems) - 1), st.none() | st.integers(0, len(changes) - 1), VERDICTS)
    return Fleet(changes, problems, draw(st.lists(places, max_size=6)))


async def server_of(fleet: Fleet, visible: set[str] | None = None) -> MemoryFeedback:
    """Return a server with the changes of these ids (None: all), and what was said of them by who sees everything."""
    rows = [row for row in fleet.changes if visible is None or row.id in visible]
    api = MemoryFeedback(NOW + DAY, *rows, *fleet.problems, services=SERVICES)
    for of_problem, of_change, verdict in fleet.words:
        target = "none" if of_change is None else fleet.changes[of_change].id
        if target == "none" or visible is None or target in visible:
            assert (await api.say(fleet.problems[of_problem].id, target, verdict)).status == 200
    return api


@settings(max_examples=200)
@given(fleets(), st.sampled_from([(), ("sre",), ("dev",)]))
async def test_feedback_on_what_a_caller_may_not_see_is_as_if_it_never_was(fleet: Fleet, groups: tuple[str, ...]) -> None:
    visible = {row.id for row in fleet.changes if not row.allowed_groups or set(row.allowed_groups) & set(groups)}
    whole, reduced = await server_of(fleet), await server_of(fleet, visible)
    for row in fleet.problems:
        assert await whole.causes(row.id, groups=groups) == await reduced.causes(row.id, groups=groups)
    for change_id in visible:
        assert await whole.effects(change_id, groups=groups) == await reduced.effects(change_id, groups=groups)


@given(fleets(), st.sampled_from([None, ("sre",)]))
async def test_a_change_stands_among_the_effects_as_it_stands_among_the_causes(fleet: Fleet, groups: tuple[str, ...] | None) -> None:
    api = await server_of(fleet)
    rankings = [await api.causes(row.id, groups=groups) for row in fleet.problems]
    for change in fleet.changes:
        if groups is not None and change.allowed_groups and not set(change.allowed_groups) & set(groups):
            continue
        effects = await api.effects(change.id, groups=groups)
        assert {effect["problem"]["id"]: place(effect, effect["verdict"]) for effect in effects["effects"]} == {
            ranking["problem"]["id"]: place(cause, ranking["verdict"])
            for ranking in rankings
            for cause in ranking["causes"]
            if cause["event"]["id"] == change.id
        }
        probabilities = [effect["probability"] for effect in effects["effects"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert not effects["truncated"]


def place(row: dict[str, Any], verdict: str) -> tuple[Any, ...]:
    return verdict, *(row[name] for name in ("probability", "relation", "feedback", "assessment", "reasons")), abs(row["offset_seconds"])
