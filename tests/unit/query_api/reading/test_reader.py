"""Reads by id see what was acknowledged before them, and say "not found" only when it is true."""

import msgspec
import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Unavailable

T0 = 1_760_000_000_000
EVENT = Event(
    tenant="acme", id=ids.uuid7(T0, b"0123456789"), dialect="tracker", kind="deployment", ts=T0, ingest_ts=T0, updated_ts=T0, title="v1"
)
PROBLEM = Problem(
    tenant="acme",
    id=ids.uuid7(T0, b"9876543210"),
    version=1,
    dialect="desk",
    kind="incident",
    correlation_id="c",
    event_id=EVENT.id,
    state="open",
    transition="opened",
    at=T0,
    start=T0,
    last_receipt=T0,
    deadline=T0 + 100,
    ingest_ts=T0,
)


class Stage:
    """A reader on the memory twins: rows wait on the log until somebody waits for them."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.log = MemoryFrontier(self.store)
        self.reader = Reader(self.store, self.log, RecentWrites(lambda: 0.0))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_an_event_on_the_log_is_found_although_its_row_is_missing(stage: Stage) -> None:
    stage.log.append(EVENT)
    assert await stage.store.event("acme", EVENT.id) is None
    assert await stage.reader.event("acme", None, EVENT.id, None) == EVENT


async def test_what_this_process_wrote_is_waited_for_and_nothing_else(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    newer = msgspec.structs.replace(EVENT, version=2, title="v2")
    stage.reader.wrote(EVENT.id, stage.log.append(newer, partition=1))
    other = msgspec.structs.replace(EVENT, id=ids.uuid7(T0, bytes(10)))
    stage.log.append(other, partition=0)
    assert await stage.reader.current("acme", "tracker", EVENT.id, None) == newer
    assert await stage.store.event("acme", other.id) is None


async def test_a_hit_that_nobody_here_wrote_does_not_wait(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    stage.log.append(msgspec.structs.replace(EVENT, version=2))
    assert await stage.reader.event("acme", None, EVENT.id, None) == EVENT


async def test_a_deletion_by_this_process_is_seen_at_once(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    stage.reader.wrote(EVENT.id, stage.log.append(msgspec.structs.replace(EVENT, version=2, is_deleted=True)))
    assert await stage.reader.event("acme", None, EVENT.id, None) is None


async def test_not_found_is_said_when_the_log_was_applied(stage: Stage) -> None:
    stage.log.append(msgspec.structs.replace(EVENT, id=ids.uuid7(T0, bytes(10))))
    assert await stage.reader.event("acme", None, EVENT.id, None) is None


async def test_a_log_that_is_behind_gives_no_false_not_found(stage: Stage) -> None:
    stage.log.append(EVENT)
    stage.log.away = True
    with pytest.raises(Unavailable):
        await stage.reader.event("acme", None, EVENT.id, None)
    with pytest.raises(Unavailable):
        await stage.reader.problem("acme", PROBLEM.id, T0)


async def test_a_row_that_is_there_is_shown_although_the_log_is_behind(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    stage.reader.wrote(EVENT.id, stage.log.append(msgspec.structs.replace(EVENT, version=2)))
    stage.log.away = True
    assert await stage.reader.event("acme", None, EVENT.id, None) == EVENT


async def test_an_event_of_another_dialect_or_tenant_is_not_found(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    assert await stage.reader.event("acme", "tracker", EVENT.id, None) == EVENT
    assert await stage.reader.event("acme", "desk", EVENT.id, None) is None
    assert await stage.reader.event("other", None, EVENT.id, None) is None


async def test_ids_are_accepted_in_any_letter_case(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    stage.store.put_problem(PROBLEM)
    assert await stage.reader.event("acme", None, EVENT.id.upper(), None) == EVENT
    assert await stage.reader.problem("acme", PROBLEM.id.upper(), T0) is not None


async def test_half_an_id_is_waited_for_too(stage: Stage) -> None:
    stage.log.append(EVENT)
    assert await stage.reader.event_by_low("acme", ids.signed_low(EVENT.id), T0, None) == EVENT


async def test_half_an_id_with_the_time_of_a_repeated_push_finds_the_first(stage: Stage) -> None:
    stage.store.put_event(EVENT)
    assert await stage.reader.event_by_low("acme", ids.signed_low(EVENT.id), T0 + 1, None) == EVENT


@pytest.mark.parametrize("low", [1 << 63, -(1 << 63) - 1, 10**30])
async def test_half_an_id_has_64_bits(stage: Stage, low: int) -> None:
    assert await stage.reader.event_by_low("acme", low, None, None) is None


async def test_a_problem_on_the_log_is_found(stage: Stage) -> None:
    stage.log.append(PROBLEM)
    answer = await stage.reader.problem("acme", PROBLEM.id, T0)
    assert answer is not None
    assert answer.problem == PROBLEM


async def test_the_start_of_an_open_problem(stage: Stage) -> None:
    stage.store.put_problem(PROBLEM)
    assert await stage.reader.open_start("acme", "c", T0 + 99) == T0
    assert await stage.reader.open_start("acme", "c", T0 + 100) is None
    assert await stage.reader.open_start("other", "c", T0) is None
