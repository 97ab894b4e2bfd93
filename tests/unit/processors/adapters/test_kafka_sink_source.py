"""The sink's source where its client cancels calls of its own, as it does when a broker goes away."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition

from causeline.processors.adapters.kafka import sink as adapter
from causeline.processors.adapters.kafka.sink import KafkaSinkSource
from causeline.processors.sink.ports import TopicPartition
from causeline.schemas.client_calls import ClientCancelled
from causeline.schemas.topics import EVENTS

PLACE = KafkaPartition(EVENTS, 0)
RECORD = SimpleNamespace(offset=7, timestamp=1, key=b"k", value=b"v")


class Client:
    """Stands for the consumer: what it does next is an answer or an error."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self._subscription = SimpleNamespace(subscription=None)

    async def getmany(self, **_: Any) -> Any:
        return self._next()

    async def commit(self, _: Any) -> None:
        self._next()

    def assignment(self) -> set[KafkaPartition]:
        return {PLACE}

    def _next(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def source(*answers: Any) -> KafkaSinkSource:
    own_source = KafkaSinkSource("127.0.0.1:1")
    await own_source.close()
    own_source._consumer = Client(*answers)  # type: ignore[misc,assignment]
    return own_source


async def test_a_poll_that_the_client_cancels_brings_nothing_and_the_next_one_goes_on() -> None:
    own_source = await source(asyncio.CancelledError(), {PLACE: [RECORD]})
    assert await own_source.poll(10, 0) == ([], {})
    assert [record.offset for record in (await own_source.poll(10, 0)).records] == [7]


async def test_a_client_that_does_not_come_back_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_CANCELLED_POLLS", 3)
    own_source = await source(*[asyncio.CancelledError()] * 3, {}, *[asyncio.CancelledError()] * 4)
    for _ in range(7):
        await own_source.poll(10, 0)
    with pytest.raises(ClientCancelled):
        await own_source.poll(10, 0)


async def test_a_commit_that_the_client_cancels_goes_with_a_later_one() -> None:
    own_source = await source(asyncio.CancelledError(), None)
    position = {TopicPartition(EVENTS, 0): 8}
    assert await own_source.commit(position) == "unavailable"
    assert await own_source.commit(position) == "committed"
