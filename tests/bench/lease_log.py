"""What the log says of a run of deliveries: when each was delivered, and how long each attempt lay before a worker."""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from aiokafka import TopicPartition

from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import Attempt, AttemptOutcome, decode_message, decode_work
from causeline.schemas.topics import DELIVERIES, DELIVERIES_DUE, DELIVERIES_LOG
from causeline.schemas.wire import codec
from tests.bench.parts import PARTITIONS
from tests.kafka_topics import reader


class Seen(NamedTuple):
    """Times are ms UTC. `delivered`: when each event was taken for delivered, first to last; `lay`: (begun at, ms since handed out).

    `unsent` attempts were too old when a worker came to them, `failed` ones are tried again, `attempts` were handed out.
    """

    delivered: dict[str, list[int]]
    lay: list[tuple[int, int]]
    unsent: int
    failed: int
    attempts: int

    def useful(self, since: int, until: int) -> float:
        """Return different deliveries a second that succeeded between two times."""
        count = sum(since <= times[0] < until for times in self.delivered.values())
        return count * 1_000 / (until - since)

    def longest_s(self, since: int, until: int) -> float:
        """Return the longest time between handed out and begun, of attempts that were begun between two times: s."""
        return max((lay for begun, lay in self.lay if since <= begun < until), default=0) / 1_000


async def seen(bootstrap: str) -> Seen:
    """Read a whole run."""
    delivered: dict[str, list[int]] = defaultdict(list)
    async for value in _records(bootstrap, DELIVERIES_LOG):
        delivery = codec.decode_record(value, Delivery)
        if delivery.outcome == "delivered":
            delivered[delivery.entity].append(delivery.at)
    handed: Final[dict[tuple[str, int, int], int]] = {}
    async for value in _records(bootstrap, DELIVERIES_DUE):
        work = decode_work(value)
        if isinstance(work, Attempt):
            handed[work.subscription, work.seq, work.attempt] = work.at
    lay: list[tuple[int, int]] = []
    unsent = failed = 0
    async for value in _records(bootstrap, DELIVERIES):
        report = decode_message(value)
        if not isinstance(report, AttemptOutcome):
            continue
        if report.result == "unsent":
            unsent += 1
            continue
        failed += report.result == "failed"
        begun = report.at - report.took_ms
        lay.append((begun, begun - handed[report.subscription, report.seq, report.attempt]))
    return Seen(dict(delivered), lay, unsent, failed, len(handed))


async def _records(bootstrap: str, topic: str) -> AsyncIterator[bytes]:
    """Give the values of a topic, of each partition in order."""
    parts = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    async with reader(bootstrap) as consumer:
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        await consumer.seek_to_beginning(*parts)
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value
