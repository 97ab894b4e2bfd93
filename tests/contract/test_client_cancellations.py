"""On a real broker: a call that the Kafka client cancels itself, as it does when a broker goes away, ends nothing but that call."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.processors.adapters.kafka.transactions import stop_producer
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable
from tests import patience
from tests.contract.event_logs import KafkaSubject, kafka_subject, until_appended
from tests.contract.test_config_log_laws import PARTITIONS, make_topic

RECORD = IngestRecord(op="create", tenant="t", id="a", record_id="a", ingest_ts=1_700_000_000_000, event=b"e")


class GivesUp:
    """Takes the place of a method of a client: the first call is cancelled from inside (a `stop` when all is done)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, client: type[Any], method: str) -> None:
        self.left = 1
        original = getattr(client, method)

        async def call(owner: Any, *args: Any, **kwargs: Any) -> Any:
            is_first, self.left = bool(self.left), 0
            if not is_first or method == "stop":
                answer = await original(owner, *args, **kwargs)
            if is_first:
                raise asyncio.CancelledError
            return answer

        monkeypatch.setattr(client, method, call)


@pytest.fixture
async def subject(broker: EmbeddedBroker) -> AsyncIterator[KafkaSubject]:
    async with kafka_subject(broker, f"t{uuid.uuid4().hex[:12]}.ingest") as opened:
        await until_appended(opened.log, RECORD, patience.SECONDS)
        yield opened


async def test_a_lane_of_the_ingest_log_goes_on_with_another_producer(subject: KafkaSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    gives_up = GivesUp(monkeypatch, AIOKafkaProducer, "send_batch")
    with pytest.raises(Unavailable):
        await subject.log.append([RECORD])
    assert not gives_up.left
    await until_appended(subject.log, RECORD, patience.SECONDS)


async def test_a_producer_of_the_ingest_log_is_started_again(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    gives_up = GivesUp(monkeypatch, AIOKafkaProducer, "start")
    async with kafka_subject(broker, f"t{uuid.uuid4().hex[:12]}.ingest") as opened:
        await until_appended(opened.log, RECORD, patience.SECONDS)
    assert not gives_up.left


@pytest.mark.parametrize("method", ["getmany", "stop"])
async def test_the_configuration_is_followed_further(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    topic = f"t{uuid.uuid4().hex[:12]}.config"
    await make_topic(broker.bootstrap, topic)
    log = KafkaConfigLog(broker.bootstrap, PARTITIONS, lambda: 0, topic=topic)
    await log.start()
    await log.put("tokens", "a", {"n": 1})
    gives_up = [GivesUp(monkeypatch, AIOKafkaConsumer, each) for each in {"getmany", method}]
    await patience.holds(lambda: not any(each.left for each in gives_up))
    await log.put("tokens", "a", {"n": 2})
    assert log.view.get("tokens", "a") == {"n": 2}
    await log.stop()


async def test_a_producer_that_gives_up_its_stop_is_closed_all_the_same(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    producer = AIOKafkaProducer(**client_options(broker.bootstrap))
    await producer.start()
    gives_up = GivesUp(monkeypatch, AIOKafkaProducer, "stop")
    await stop_producer(producer)
    assert not gives_up.left
