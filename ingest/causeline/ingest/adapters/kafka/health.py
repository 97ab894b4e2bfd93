"""How subscriptions fare, from the compacted topic `causeline.subscriptions.health` that the processors write."""

from typing import Final

import msgspec

from causeline.ingest.adapters.kafka.follower import CompactedTopic, KeyedRecord
from causeline.schemas.records.delivery import Health
from causeline.schemas.topics import HEALTH


class KafkaHealth:
    """The HealthView of a topic; `start` begins to follow it, whether or not the broker is there."""

    def __init__(self, bootstrap: str, partitions: int, *, topic: str = HEALTH) -> None:
        self._newest: dict[str, Health] = {}
        self._follower: Final = CompactedTopic(bootstrap, topic, partitions, self._apply)

    def of(self, subscription_id: str) -> Health | None:
        """Return the newest that is known of a subscription."""
        return self._newest.get(subscription_id)

    async def start(self) -> None:
        """Begin to follow the topic."""
        await self._follower.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._follower.stop()

    def _apply(self, record: KeyedRecord) -> None:
        subscription_id = record.key.decode(errors="replace")
        if record.value is None:
            self._newest.pop(subscription_id, None)
            return
        self._newest[subscription_id] = msgspec.json.decode(record.value, type=Health)
