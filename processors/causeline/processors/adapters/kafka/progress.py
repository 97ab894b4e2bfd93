"""How far the processors are: whether what lay on a log at one moment has been worked through by a consumer group."""

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from causeline.processors.adapters.kafka.replay import COORDINATOR_STARTS
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import INGEST, PROCESSORS_GROUP

_LOOK_S: Final = 0.1
_LOOKS: Final = 30
"""The owner of a partition that is quiet commits at every tick, hence within a second or so."""


class KafkaProgress:
    """The group's committed offsets beside the ends of its topic, all `partitions` of it."""

    def __init__(self, bootstrap: str, partitions: int, *, topic: str = INGEST, group: str = PROCESSORS_GROUP) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._parts: Final = [TopicPartition(topic, p) for p in range(partitions)]

    async def wait_until_passed(self, consumer: AIOKafkaConsumer) -> bool:
        """Wait until the group has passed what is on the log now; tell whether it did so in a few seconds. Raises KafkaError, OSError."""
        ends = await consumer.end_offsets(self._parts)
        if not any(ends.values()):
            return True
        admin = AIOKafkaAdminClient(**client_options(self._bootstrap))
        await admin.start()
        try:
            for _ in range(_LOOKS):
                if await self._has_passed(admin, ends):
                    return True
                await asyncio.sleep(_LOOK_S)
        finally:
            await admin.close()
        return False

    async def _has_passed(self, admin: AIOKafkaAdminClient, ends: dict[TopicPartition, int]) -> bool:
        with suppress(*COORDINATOR_STARTS):
            committed = await admin.list_consumer_group_offsets(self._group)
            return all(tp in committed and committed[tp].offset >= end for tp, end in ends.items() if end)
        return False
