"""How many problems of a tenant may be open: what opens one too many is set aside, its event is stored, and others are not touched."""

import msgspec
import pytest

from causeline.processors.events.settings import ProcessorSettings
from causeline.schemas.records.ingest import IngestRecord
from tests.partition_log import HOUR, MINUTE, T0, Partition, create, event, patch, push, snapshot, tick, uuid

QUOTA = ProcessorSettings(max_open_problems=8)
"""Two in each of four partitions."""


def opening(number: int, tenant: str = "acme") -> IngestRecord:
    signal_event = msgspec.structs.replace(event(number, dialect="native", kind="incident", status="open"), tenant=tenant)
    return create(signal_event, T0, signal="open", correlation_id=f"c{number}")


def closing(number: int, of: int) -> IngestRecord:
    signal_event = event(number, dialect="native", kind="incident", status="closed", ts=T0 + MINUTE)
    return create(signal_event, T0 + MINUTE, signal="close", correlation_id=f"c{of}")


def test_what_opens_one_too_many_is_set_aside_and_its_event_is_stored() -> None:
    partition = Partition(QUOTA)
    outputs = partition.feed(opening(1), opening(2), opening(3), opening(4, tenant="other"))
    assert [(letter.reason, letter.id, letter.tenant) for letter in outputs.letters] == [("too_many_open", uuid(3), "acme")]
    assert [e.id for e in outputs.events] == [uuid(1), uuid(2), uuid(3), uuid(4)]
    assert [p.event_id for p in outputs.problems] == [uuid(1), uuid(2), uuid(4)]
    assert "8 open problems" in outputs.letters[0].detail
    again = msgspec.structs.replace(opening(5), correlation_id="c1")
    assert [p.transition for p in partition.feed(again).problems] == ["refreshed"], "what is open is refreshed as ever"


@pytest.mark.parametrize("is_restored", [False, True])
def test_room_comes_back_when_a_problem_ends(is_restored: bool) -> None:  # noqa: FBT001 - a parameter of the test
    partition = Partition(QUOTA)
    partition.feed(opening(1), opening(2))
    if is_restored:
        partition.logic = partition.restore()
    assert len(partition.feed(opening(3)).letters) == 1
    outputs = partition.feed(closing(10, of=1), opening(4), opening(5))
    assert [letter.id for letter in outputs.letters] == [uuid(5)]
    assert partition.logic._committed.problems.open_of == {b"acme": 2}
    assert snapshot(partition.restore()) == snapshot(partition.logic)


def test_a_push_is_set_aside_whole_and_a_timeout_makes_room() -> None:
    partition = Partition(QUOTA)
    outputs = partition.feed(*(push(number, T0, f"c{number}", timeout_ms=MINUTE) for number in range(1, 4)))
    assert [letter.reason for letter in outputs.letters] == ["too_many_open"]
    assert [e.id for e in outputs.events] == [uuid(1), uuid(2)]
    assert [p.transition for p in partition.feed(tick(T0 + HOUR), push(9, T0 + HOUR)).problems] == ["timed_out", "timed_out", "opened"]


def test_a_change_is_kept_and_opens_nothing() -> None:
    partition = Partition(QUOTA)
    incident = event(7, kind="incident", status="")
    outputs = partition.feed(opening(1), opening(2), patch(incident, T0, {"status": "open"}, signal="open"))
    assert ([e.version for e in outputs.events], [letter.reason for letter in outputs.letters]) == ([1, 1, 2], ["too_many_open"])


def test_an_incident_told_whole_needs_no_room_and_none_is_needed_without_a_bound() -> None:
    partition = Partition(QUOTA)
    whole = event(3, dialect="native", kind="incident", status="closed", start=T0, end=T0)
    outputs = partition.feed(opening(1), opening(2), create(whole, T0, signal="close", correlation_id="c3"))
    assert [p.transition for p in outputs.problems] == ["opened", "opened", "opened", "closed"]
    unbounded = Partition(ProcessorSettings(max_open_problems=0)).feed(*(opening(number) for number in range(50)))
    assert (len(unbounded.problems), unbounded.letters) == (50, [])


def test_a_restored_state_counts_what_is_open_by_what_it_read_last() -> None:
    partition = Partition(QUOTA)
    partition.feed(opening(1), opening(2), closing(10, of=1))
    logic = partition.fresh()
    for key, value in partition.changelog:
        logic.restore(key, value)
        logic._committed.schedule_restored()
    assert logic._committed.problems.open_of == {b"acme": 1}
