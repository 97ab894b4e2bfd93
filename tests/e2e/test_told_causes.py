"""Who follows causes is told of them, on a whole stack: the test publishes rankings and, in the same transaction, what tells of them."""

import asyncio
import time
import uuid

from aiokafka import AIOKafkaProducer

from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.processors.causes.telling import CauseTelling
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.topics import CAUSES
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests import patience
from tests.e2e.subscriber import Team, told, types
from tests.revisions import a_revision
from tests.stack import Stack

_PARTITIONS = 4


async def publish(stack: Stack, *revisions: CauseRevision) -> None:
    """Write rankings as their publisher does, each in a transaction with what tells of it."""
    config = KafkaConfigLog(stack.kafka, _PARTITIONS, lambda: int(time.time() * 1_000))
    telling = CauseTelling(_PARTITIONS)
    telling.follow(config.view)
    producer = AIOKafkaProducer(**client_options(stack.kafka), transactional_id=f"test-{uuid.uuid4()}")
    await config.start()
    await producer.start()
    try:
        await config.caught_up()
        for revision in revisions:
            frame, key = codec.encode_record(revision), revision.id.encode()
            async with producer.transaction():
                await producer.send(CAUSES, frame, key, partition=partition_of(key, _PARTITIONS))
                for topic, partition, told_key, value in telling.tell(revision, frame):
                    await producer.send(topic, value, told_key, partition=partition)
    finally:
        await producer.stop()
        await config.stop()


def test_news_of_causes_is_told_in_order_to_who_asks_for_it(team: Team) -> None:
    other = Team(team.stack, team.receiver)
    with other.http:
        team.subscribe("all", filter={"stream": "causes"})
        team.subscribe("likely", filter={"stream": "causes", "service": "checkout", "verdict": "likely"})
        team.subscribe("usual")
        other.subscribe("all", filter={"stream": ["events", "problems", "causes"]})
        now = int(time.time() * 1_000)
        about = {"tenant": team.tenant, "id": str(uuid.uuid4()), "start": now, "computed_at": now, "as_of": now}
        ranked = [
            a_revision(**about),
            a_revision(**about, revision=2, is_news=False, occasion="scheduled"),
            a_revision(**about, revision=3, verdict="none", causes=[], occasion="changes"),
            a_revision(**about, revision=4, verdict="unknown", causes=[], occasion="feedback"),
            a_revision(**about, revision=5, is_deleted=True, occasion="deleted"),
            a_revision(**{**about, "tenant": other.tenant, "id": str(uuid.uuid4())}),
        ]
        asyncio.run(publish(team.stack, *ranked))
        everything = team.until("all", 3)
        assert types(everything) == ["causes.likely", "causes.none", "causes.unknown"]
        assert [told(each)["data"]["revision"] for each in everything] == [1, 3, 4]
        assert types(team.until("likely", 1)) == ["causes.likely"]
        assert types(other.until("all", 1)) == ["causes.likely"]
        data = told(everything[0])["data"]
        assert (data["problem"]["id"], data["causes"][0]["event"]["title"]) == (about["id"], "checkout 1.41.0")
        team.tell("a deployment")
        team.until("usual", 1)
        assert types(team.receiver.requests(team.path("usual"))) == ["event.created"]
        assert [len(team.receiver.requests(path)) for path in (team.path("all"), team.path("likely"), other.path("all"))] == [3, 1, 1]

        listed = patience.asked(
            lambda: team.asked("GET", f"/v1/deliveries?what=causes&entity={about['id']}")["deliveries"], lambda rows: len(rows) == 4
        )
        assert {(row["what"], row["version"], row["outcome"]) for row in listed} == {("causes", n, "delivered") for n in (1, 3, 4)}
