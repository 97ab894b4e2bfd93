"""Signals of one correlation id are ordered by their own times, however they come; an incident that is told whole is a problem."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.events import incidents, rounds
from causeline.processors.events.state import EarlyCloses
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem
from tests.partition_log import DAY, HOUR, MINUTE, SECOND, T0, Partition, create, decoded, event, patch, snapshot, tick, uuid

NOW = T0 + DAY
"""When the signals of a story come in, long after they happened."""


def said(number: int, status: str, at: int, came: int = NOW, correlation_id: str = "c", **columns: Any) -> IngestRecord:
    signal_event = event(number, dialect="native", kind="incident", status=status, ts=at, ingest_ts=came, updated_ts=came, **columns)
    return create(signal_event, came, signal="open" if status == "open" else "close", correlation_id=correlation_id)


def whole(number: int, start: int, end: int, correlation_id: str = "c", came: int = NOW) -> IngestRecord:
    return said(number, "closed", start, came, correlation_id, start=start, end=end)


def newest(partition: Partition) -> list[Problem]:
    """Return the problems of a partition as they were published last."""
    return list({problem.id: problem for problem in decoded(partition.out).problems}.values())


def lives(*records: IngestRecord) -> list[tuple[int, int | None]]:
    """Return start and end of the problems that come of some records, in the order of their starts, in minutes behind T0."""
    partition = Partition()
    for record in records:
        partition.feed(record)
    assert snapshot(partition.restore()) == snapshot(partition.logic)
    problems = sorted(newest(partition), key=lambda problem: (problem.start, problem.end is None))
    return [((p.start - T0) // MINUTE, None if p.end is None else (p.end - T0) // MINUTE) for p in problems]


@pytest.mark.parametrize(
    ("columns", "end", "why"),
    [
        ({"ts": T0 + 30 * MINUTE}, 30, "its own time is the end"),
        ({"ts": T0 + 30 * MINUTE, "end": T0 + 20 * MINUTE}, 20, "the end that it names goes first"),
        ({"ts": NOW, "end": T0 + 20 * MINUTE}, 20, "also where it was said later"),
        ({"ts": NOW + HOUR, "end": NOW + 2 * HOUR}, 24 * 60, "not after now"),
    ],
)
def test_a_problem_ends_when_its_closing_event_says(columns: dict[str, Any], end: int, why: str) -> None:
    closing = said(2, "closed", columns.pop("ts"), **columns)
    assert lives(said(1, "open", T0), closing) == [(0, end)], why


def test_a_change_of_an_event_ends_its_problem_at_the_time_that_it_names_and_else_when_it_came() -> None:
    incident = event(1, kind="incident", status="open", start=T0)
    for fields, end in (
        ({"status": "close"}, 60),
        ({"status": "close", "ts": T0 + 30 * MINUTE, "start": T0 + 30 * MINUTE}, 30),
        ({"status": "close", "ts": T0 - MINUTE, "start": T0 - MINUTE}, 60),
        ({"status": "close", "end": T0 + 10 * MINUTE}, 10),
        ({"status": "close", "end": T0 - MINUTE}, 60),
    ):
        partition = Partition()
        partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
        partition.feed(patch(incident, T0 + HOUR, fields, signal="close"))
        assert [(p.end or 0) - T0 for p in newest(partition)] == [end * MINUTE], fields


@pytest.mark.parametrize(
    ("records", "expected", "why"),
    [
        ([said(1, "open", T0), said(2, "closed", T0 - HOUR)], [(0, None)], "what is older than the opening does not close it"),
        ([said(2, "closed", T0 + HOUR), said(1, "open", T0)], [(0, 60)], "a close that came first closes what opened before it"),
        ([said(2, "closed", T0 - HOUR), said(1, "open", T0)], [(0, None)], "and nothing that opened after it"),
        (
            [said(3, "closed", T0 + 2 * HOUR), said(2, "closed", T0 + HOUR), said(1, "open", T0)],
            [(0, 60)],
            "of several the first one behind the opening",
        ),
        (
            [said(1, "open", T0), said(2, "closed", T0 + HOUR), said(3, "open", T0 + MINUTE)],
            [(0, 60)],
            "an old opening does not open again what closed later",
        ),
        (
            [said(1, "open", T0), said(2, "open", T0 + 2 * HOUR), said(3, "closed", T0 + HOUR)],
            [(0, None)],
            "a close that is older than the newest refresh ends nothing",
        ),
        (
            [said(1, "open", T0 + HOUR), said(2, "closed", T0 + 3 * HOUR, end=T0 + MINUTE)],
            [(60, None)],
            "an end before the beginning is that of another incident",
        ),
        (
            [said(1, "open", T0 + HOUR), said(2, "open", T0), said(3, "closed", T0 + 2 * HOUR)],
            [(60, 120)],
            "the first to come begins",
        ),
        (
            [said(1, "open", T0), said(2, "closed", T0), said(3, "open", T0)],
            [(0, 0), (0, None)],
            "equal times: as on the log",
        ),
        (
            [said(2, "closed", T0, came=NOW + SECOND), said(1, "open", T0, came=NOW)],
            [(0, 0)],
            "of equal times what arrived first comes first",
        ),
        ([said(2, "closed", T0), said(1, "open", T0)], [(0, None)], "and then what lies first on the log"),
        (
            [said(1, "open", NOW + HOUR), said(2, "closed", NOW + SECOND, came=NOW + SECOND)],
            [(25 * 60, 25 * 60)],
            "a clock is ahead",
        ),
    ],
)
def test_signals_are_taken_in_the_order_of_their_own_times(
    records: list[IngestRecord], expected: list[tuple[int, int | None]], why: str
) -> None:
    assert lives(*records) == expected, why


@pytest.mark.parametrize(
    ("records", "expected", "why"),
    [
        ([whole(1, T0, T0 + HOUR)], [(0, 60)], "opened and closed"),
        ([whole(1, T0, T0 + HOUR), whole(2, T0, T0 + HOUR)], [(0, 60)], "told twice it is one"),
        ([whole(1, T0, T0), whole(2, T0, T0)], [(0, 0)], "also where it took no time"),
        ([said(1, "open", T0), whole(2, T0, T0 + HOUR), whole(3, T0, T0 + HOUR)], [(0, 60)], "it ends the one that is open"),
        ([whole(1, T0 + HOUR, T0)], [], "an end before its start is no time"),
        (
            [whole(1, T0, T0 + HOUR), whole(2, T0 + 2 * HOUR, T0 + 3 * HOUR), whole(3, T0, T0 + HOUR)],
            [(0, 60), (120, 180)],
            "late",
        ),
        (
            [whole(2, T0 + 2 * HOUR, T0 + 3 * HOUR), whole(1, T0, T0 + HOUR), whole(3, T0, T0 + HOUR)],
            [(0, 60), (120, 180)],
            "twice",
        ),
        ([said(2, "open", T0 + 2 * HOUR), whole(1, T0, T0 + HOUR)], [(0, 60), (120, None)], "an earlier one beside one that is open"),
        ([said(1, "closed", T0, end=T0 + HOUR)], [], "without a start it is only an event"),
    ],
)
def test_an_incident_that_is_told_when_it_is_over_is_a_problem(
    records: list[IngestRecord], expected: list[tuple[int, int | None]], why: str
) -> None:
    assert lives(*records) == expected, why


def test_an_incident_told_whole_is_opened_and_closed_and_no_current_one_but_the_newest() -> None:
    partition = Partition()
    outputs = partition.feed(whole(2, T0 + 2 * HOUR, T0 + 3 * HOUR), whole(1, T0, T0 + HOUR))
    assert [(p.id, p.transition, p.version, p.at) for p in outputs.problems] == [
        (uuid(number), transition, version, NOW) for number in (2, 1) for transition, version in (("opened", 1), ("closed", 2))
    ]
    assert {own: problem is not None for own, problem in outputs.current.items()} == {uuid(2): True, uuid(1): False}
    assert [e.id for e in outputs.events] == [uuid(2), uuid(1)]


def test_a_change_that_ends_an_incident_nobody_opened_makes_a_problem_and_later_changes_do_not() -> None:
    incident = event(1, kind="incident", start=T0)
    partition = Partition()
    outputs = partition.feed(patch(incident, NOW, {"status": "close", "end": T0 + HOUR}, signal="close"))
    assert [(p.transition, p.start, p.end) for p in outputs.problems] == [("opened", T0, None), ("closed", T0, T0 + HOUR)]
    later = NOW + 30 * DAY
    assert partition.feed(patch(outputs.events[0], later, {"title": "new"}, record=901)).problems == []


TIMES = st.lists(st.integers(1, 600), min_size=1, max_size=7, unique=True)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_whether_a_problem_is_open_in_the_end_does_not_depend_on_the_order_of_its_signals(data: st.DataObject) -> None:
    times = data.draw(TIMES)
    signals = [said(n, data.draw(st.sampled_from(["open", "closed"])), T0 + at * MINUTE) for n, at in enumerate(times)]
    in_order = sorted(zip(times, signals, strict=True), key=lambda pair: pair[0])
    came = data.draw(st.permutations(signals))
    is_open = in_order[-1][1].signal == "open"
    problem_lives = lives(*came)
    assert [end is None for _, end in problem_lives].count(True) == is_open
    assert bool(problem_lives) == any(opening.signal == "open" and (is_open or at < in_order[-1][0]) for at, opening in in_order)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(0, 3), st.data())
def test_incidents_that_come_one_after_another_are_told_apart_however_the_signals_of_each_come(
    number: int, refreshes: int, data: st.DataObject
) -> None:
    expected: list[int] = []
    came: list[IngestRecord] = []
    for incident in range(number):
        start = incident * 100
        opening = [said(1_000 * incident + n, "open", T0 + (start + n) * MINUTE) for n in range(refreshes + 1)]
        closing = said(1_000 * incident + 99, "closed", T0 + (start + 50) * MINUTE)
        came += data.draw(st.permutations([*opening, closing]))
        expected.append(start + 50)
    assert [end for _, end in lives(*came)] == expected


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_incidents_told_whole_are_the_same_in_any_order(order: tuple[int, ...]) -> None:
    complete_ones = [whole(n, T0 + n * HOUR, T0 + n * HOUR + 30 * MINUTE) for n in range(3)]
    assert lives(*(complete_ones[n] for n in order)) == [(0, 30), (60, 90), (120, 150)]


def test_early_closes_are_few_and_forgotten_with_the_log_that_may_hold_what_they_close() -> None:
    partition = Partition()
    partition.feed(*(said(n, "closed", T0 + n * MINUTE) for n in range(1, 20)))
    ((key, early),) = partition.logic._committed.closes.items()
    assert len(early.closes) == incidents.MAX_EARLY_CLOSES
    partition.feed(tick(NOW + 7 * DAY - 1))
    assert key in partition.logic._committed.closes
    partition.logic = partition.restore()
    partition.feed(tick(NOW + 7 * DAY))
    assert not partition.logic._committed.closes
    assert not partition.logic._committed.closes.of
    assert snapshot(partition.restore()) == snapshot(partition.logic)


def test_early_closes_of_one_tenant_are_bounded_and_counted() -> None:
    partition = Partition()
    closes = partition.logic._committed.closes
    for number in range(rounds.MAX_EARLY_IDS - 1):
        closes.put(b"cacme\0%d" % number, EarlyCloses((), NOW + DAY))
    step = partition.logic.fold(partition.inputs([said(n, "closed", T0, correlation_id=f"n{n}") for n in range(3)]))
    assert (len(step.report.closes.changes), step.report.counts.closes_lost) == (1, 2)
    partition.commit(step)
    assert closes.of == {b"acme": rounds.MAX_EARLY_IDS}


def test_what_an_earlier_version_remembered_is_read_and_goes_on() -> None:
    """A changelog written before signals were ordered: none of the fields that were added since is there."""
    partition = Partition()
    partition.feed(said(1, "open", T0, correlation_id="a"), said(2, "open", T0), said(3, "closed", T0 + HOUR))
    added = {"newest", "following", "past"}
    logic = partition.fresh()
    for key, value in partition.changelog:
        value_before = msgspec.msgpack.decode(value) if key[:1] == b"p" and value else None
        is_old = isinstance(value_before, dict)
        old = msgspec.msgpack.encode({name: field for name, field in value_before.items() if name not in added}) if is_old else value  # type: ignore[union-attr]
        logic.restore(key, old)
    partition.logic = logic
    outputs = partition.feed(said(4, "closed", T0 + HOUR, correlation_id="a"), whole(5, T0, T0 + HOUR), whole(6, T0 + HOUR, T0 + 2 * HOUR))
    assert [(p.id, p.transition) for p in outputs.problems] == [(uuid(1), "closed"), (uuid(6), "reopened"), (uuid(6), "closed")]
