"""A changelog that lost records: it is found wanting, and the next owner goes on as if nothing had been lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from causeline.processors.adapters.memory.broker import MemoryBroker
from causeline.processors.adapters.memory.log import ManualClock, MemoryLog
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.completeness import STANDING_KEY, Loss, Standing, encode_standing, find_loss
from causeline.processors.runtime.ports import FirstOffsets, Input
from causeline.processors.runtime.state_rebuild import StateRebuild
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.wire import codec
from tests.counter_logic import OUT, CounterLogic, counted
from tests.partition_log import merge, snapshot
from tests.unit.processors.events.test_replay import LOGS, SETTINGS, log_of
from tests.unit.processors.runtime.simulation import CHANGELOG, INPUT, Fleet

_PARTITION = 0


@pytest.mark.parametrize(
    ("held", "committed", "starts", "expected", "why"),
    [
        (None, 0, FirstOffsets(0, 0), None, "a new group"),
        (None, 7, FirstOffsets(7, 0), None, "no input is left that the offset could speak of"),
        (None, 7, FirstOffsets(0, 0), "changelog_empty", "the topic was made anew"),
        (Standing(7, 0), 7, FirstOffsets(0, 0), None, "state and offset agree"),
        (Standing(7, 0), 7, FirstOffsets(0, 3), "changelog_head_lost", "the log begins later than it did"),
        (Standing(7, 3), 7, FirstOffsets(0, 3), None, "the state was complete from there on"),
        (Standing(7, 3), 7, FirstOffsets(0, 4), "changelog_head_lost", "the log begins later again"),
        (Standing(6, 0), 7, FirstOffsets(0, 0), "changelog_tail_lost", "the last round is not there"),
        (Standing(6, 0), 7, FirstOffsets(7, 0), None, "retention passed the processors by: nothing could be folded again"),
    ],
)
def test_a_changelog_is_whole_where_its_newest_standing_is_at_the_committed_offset(
    held: Standing | None, committed: int, starts: FirstOffsets, expected: Loss | None, why: str
) -> None:
    assert find_loss(held, committed, starts) == expected, why


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    fleet = Fleet(lambda _: CounterLogic())
    yield fleet
    await fleet.stop()


def _rebuilt(loss: Loss, extent: str) -> float:
    labels = {"stage": "processors", "partition": "1", "reason": loss, "extent": extent}
    return REGISTRY.get_sample_value("causeline_state_rebuilt_total", labels) or 0.0


@pytest.mark.parametrize("loss", get_args(Loss))
async def test_a_lost_changelog_is_written_anew_and_a_metric_says_so(fleet: Fleet, loss: Loss) -> None:
    before = _rebuilt(loss, "whole")
    await fleet.add()
    for key in "abacabad":
        await fleet.produce(1, key.encode())
    await fleet.lose(CHANGELOG, 1, loss)
    assert _rebuilt(loss, "whole") == before + 1
    await fleet.produce(1, b"a")
    assert fleet.read(OUT, 1) == counted(key for key, _ in fleet.inputs(1))
    assert fleet.state(1) == {b"a": b"5", b"b": b"2", b"c": b"1", b"d": b"1"}


@pytest.mark.parametrize("loss", get_args(Loss))
async def test_a_changelog_that_was_written_anew_is_whole_for_the_next_owner(fleet: Fleet, loss: Loss) -> None:
    await fleet.add()
    for key in "abab":
        await fleet.produce(1, key.encode())
    await fleet.lose(CHANGELOG, 1, loss)
    rebuilt = _rebuilt(loss, "whole")
    await fleet.rebalance()
    await fleet.produce(1, b"a")
    assert _rebuilt(loss, "whole") == rebuilt
    assert fleet.read(OUT, 1)[-1] == (b"a", b"3")


async def test_input_that_retention_took_away_is_told_by_the_metric(fleet: Fleet) -> None:
    before = _rebuilt("changelog_empty", "retained_input")
    await fleet.add()
    for key in "abab":
        await fleet.produce(1, key.encode())
    fleet.log.delete_before(INPUT, 1, 1)
    await fleet.lose(CHANGELOG, 1, "changelog_empty")
    assert _rebuilt("changelog_empty", "retained_input") == before + 1


async def test_a_process_that_dies_while_it_writes_the_state_leaves_a_changelog_that_is_found_wanting_again(fleet: Fleet) -> None:
    worker = await fleet.add()
    for key in "abab":
        await fleet.produce(1, key.encode())
    worker.broker.kill()
    await fleet.bury()
    fleet.log.lose_from(CHANGELOG, 1, 0)
    half = MemoryBroker(fleet.log)
    writer = await half.open(1)
    await writer.commit([], {b"a": b"2"}, fleet.log.committed_offset(1))
    before = _rebuilt("changelog_empty", "whole")
    await fleet.recover()
    await fleet.produce(1, b"a")
    assert _rebuilt("changelog_empty", "whole") == before + 1
    assert fleet.read(OUT, 1)[-1] == (b"a", b"3")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(LOGS, st.integers(0, 40), st.integers(0, 60), st.sampled_from(get_args(Loss)))
def test_the_state_after_a_rebuild_is_the_state_that_was_lost(
    drawn: list[tuple[str, int, int, int, int]], committed: int, cut: int, loss: Loss
) -> None:
    asyncio.run(_rebuild_and_go_on(log_of(drawn), committed % (len(drawn) + 1), cut, loss))


async def _rebuild_and_go_on(records: list[IngestRecord], committed: int, cut: int, loss: Loss) -> None:
    log = MemoryLog(ManualClock(), partitions=1, input_topic=INPUT, changelog_topic=CHANGELOG)
    inputs = [Input(_PARTITION, n, record.key, codec.encode_record(record)) for n, record in enumerate(records)]
    for record in inputs:
        log.append(INPUT, _PARTITION, record.key, record.value)
    broker = MemoryBroker(log)
    broker.assign([_PARTITION])
    owner, writer = _logic(), await broker.open(_PARTITION)
    for record in inputs[:committed]:
        step = owner.fold([record])
        owner.apply(step)
        standing = {STANDING_KEY: encode_standing(Standing(record.offset + 1, 0))}
        await writer.commit(step.out, step.changes | standing, record.offset + 1)
    end = log.end(CHANGELOG, _PARTITION)
    if loss == "changelog_head_lost":
        log.delete_before(CHANGELOG, _PARTITION, cut % (end + 1))
    else:
        log.lose_from(CHANGELOG, _PARTITION, 0 if loss == "changelog_empty" else cut % (end + 1))

    rebuilt = _logic()
    starts = await broker.starts(_PARTITION)
    writer = await broker.open(_PARTITION)
    outcome = await StateRebuild(broker, _PARTITION, committed, starts, now_ms=log.clock.now_ms).run(rebuilt, writer)
    assert outcome.is_whole
    restored = _logic()
    async for chunk in broker.changelog(_PARTITION):
        for _, key, value in chunk:
            if key != STANDING_KEY:
                restored.restore(key, value)
    for next_owner in (rebuilt, restored):
        assert snapshot(next_owner) == snapshot(owner)
        assert next_owner.fold(inputs[committed:]).out == owner.fold(inputs[committed:]).out


def _logic() -> ProcessorLogic:
    return ProcessorLogic(_PARTITION, merge, SETTINGS)
