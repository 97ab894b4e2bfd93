"""The public topics as a read-committed consumer sees them: one tenant's records, in the order of their partitions."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import EVENTS, PROBLEMS
from causeline.schemas.wire.codec import CodecError, decode_record
from tests.crash.account import Moved, Seen

Ends = Mapping[TopicPartition, int]

_QUIET_POLLS = 3
_WAIT_S = 60.0


class Read(NamedTuple):
    """What was found, each list in the order of arrival within a partition."""

    events: list[Seen]
    moves: list[Moved]


def _consumer(kafka: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(EVENTS, PROBLEMS, **client_options(kafka), isolation_level="read_committed", auto_offset_reset="earliest")


async def ends(kafka: str) -> Ends:
    """Return where the topics end now, so that a later reading can begin there."""
    consumer = _consumer(kafka)
    await consumer.start()
    try:
        offsets: Ends = await consumer.end_offsets(list(consumer.assignment()))
        return offsets
    finally:
        await consumer.stop()


async def read(kafka: str, tenant: str, begin: Ends, complete: Callable[[Read], bool]) -> Read:
    """Read from `begin` until all that is wanted was there and the topics were quiet for a moment, at most a minute."""
    reading = Read([], [])
    consumer = _consumer(kafka)
    await consumer.start()
    try:
        for tp, offset in begin.items():
            consumer.seek(tp, offset)
        deadline = asyncio.get_running_loop().time() + _WAIT_S
        quiet = 0
        while quiet < _QUIET_POLLS and asyncio.get_running_loop().time() < deadline:
            polled = await consumer.getmany(timeout_ms=500)
            for tp, records in polled.items():
                for record in records:
                    with contextlib.suppress(CodecError):  # what a fault put there is no record of ours
                        _note(reading, tp, record.value or b"", tenant)
            quiet = quiet + 1 if not polled and complete(reading) else 0
    finally:
        await consumer.stop()
    return reading


def _note(reading: Read, tp: TopicPartition, value: bytes, tenant: str) -> None:
    if tp.topic == EVENTS:
        event = decode_record(value, Event)
        if event.tenant == tenant:
            reading.events.append(Seen(tp.partition, event.id, event.version))
    else:
        problem = decode_record(value, Problem)
        if problem.tenant == tenant:
            reading.moves.append(Moved(tp.partition, problem.id, problem.version, problem.event_id, problem.transition))
