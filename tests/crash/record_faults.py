"""Records that nobody's code wrote, straight onto the topics, and records that are taken away: what an operator's mistake can do."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.topics import CHANGELOG, DEAD_LETTERS, EVENTS, INGEST
from causeline.schemas.wire import codec
from tests.crash.faults import PROCESSORS, Fault
from tests.crash.signs import Sign
from tests.kafka_topics import read_committed, reader, until
from tests.sink_stack import event, problem
from tests.stack import Stack

_PARTITIONS: Final = 4
_HUGE: Final = 4 << 20

ON_INGEST: Final[Sequence[tuple[str, bytes]]] = (
    ("undecodable", b"not Avro at all"),
    ("undecodable", b""),
    ("undecodable", b"\x00\x00\x0f\x42\x3f" + b"of a schema that nobody registered"),
    ("undecodable", codec.encode_record(IngestRecord(op="create", ingest_ts=1, id="i", event=b"0123456789"))[:-8]),
    ("undecodable", b"\x00" * _HUGE),
    ("undecodable", codec.encode_record(IngestRecord(op="tick", ingest_ts=1 << 60))),
    ("unknown_op", codec.encode_record(IngestRecord(op="explode", ingest_ts=1))),  # type: ignore[arg-type] # a later version's op
)
"""Records of `causeline.ingest` and the reasons for which they are set aside."""

ON_EVENTS: Final[Sequence[tuple[str, bytes]]] = (
    ("undecodable", b"not Avro at all"),
    ("undecodable", codec.encode_record(problem("poison", 1, 1, "opened"))),
    ("row_refused", codec.encode_record(event("poison", 1))[:-20]),
)
"""Records of `causeline.events` that no row can be made of."""


def poison() -> Fault:
    """Put what cannot be processed on every partition of both topics: it is set aside, with its bytes, and nothing stops."""

    async def do(stack: Stack) -> None:
        producer = AIOKafkaProducer(**client_options(stack.kafka), max_request_size=_HUGE * 2)
        await producer.start()
        try:
            for partition in range(_PARTITIONS):
                for topic, records in ((INGEST, ON_INGEST), (EVENTS, ON_EVENTS)):
                    for _, value in records:
                        await producer.send_and_wait(topic, value, key=b"poison", partition=partition)
        finally:
            await producer.stop()
        letters = Counter(
            {
                (topic, reason): count * _PARTITIONS
                for topic, records in ((INGEST, ON_INGEST), (EVENTS, ON_EVENTS))
                for reason, count in Counter(reason for reason, _ in records).items()
            }
        )

        async def all_are_set_aside() -> bool:
            return await _letters(stack.kafka) >= letters

        await until(all_are_set_aside, 60)
        assert await _letters(stack.kafka) == letters

    signs = (
        Sign("processors", r'causeline_dead_letters_total\{reason="undecodable"\} [1-9]'),
        Sign("server", r'causeline_dead_letters_total\{reason="row_refused"\} [1-9]'),
        Sign("log", "record_set_aside"),
    )
    return Fault(f"{len(ON_INGEST) + len(ON_EVENTS)} poison records a partition", do, signs)


async def _letters(kafka: str) -> Counter[tuple[str, str]]:
    letters: Counter[tuple[str, str]] = Counter()
    for partition in range(_PARTITIONS):
        for _, value in await read_committed(kafka, DEAD_LETTERS, partition):
            letter = codec.decode_record(value or b"", DeadLetter)
            letters[letter.topic, letter.reason] += 1
    return letters


def changelog_truncated() -> Fault:
    """Take away the older half of the processors' changelog, as a wrong retention would, and kill them, so that they must restore."""

    async def do(stack: Stack) -> None:
        admin = AIOKafkaAdminClient(**client_options(stack.kafka))
        await admin.start()
        try:
            await _cleanup(admin, "compact,delete")
            partitions = [TopicPartition(CHANGELOG, partition) for partition in range(_PARTITIONS)]
            await admin.delete_records({tp: RecordsToDelete(offset // 2) for tp, offset in (await _ends(stack.kafka, partitions)).items()})
            await _cleanup(admin, "compact")
        finally:
            await admin.close()
        child = stack.child(PROCESSORS)
        child.kill()
        await asyncio.to_thread(child.wait, 10)

    signs = (Sign("log", "processors: state_lost"), Sign("log", "processors: state_rebuilt"), Sign("processors", "causeline_state_rebuilt"))
    return Fault("changelog truncated, kill -9 of processors", do, signs)


async def _cleanup(admin: AIOKafkaAdminClient, policy: str) -> None:
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, CHANGELOG, configs={"cleanup.policy": policy})])


async def _ends(kafka: str, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    async with reader(kafka) as consumer:
        offsets: Mapping[TopicPartition, int] = await consumer.end_offsets(list(partitions))
        return offsets
