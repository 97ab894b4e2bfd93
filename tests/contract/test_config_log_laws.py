"""The laws of a ConfigLog, on the memory twin and on a real broker."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.ports import ConfigLog
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.config import DEFINITIONS, Value
from causeline.schemas.web.errors import TooLarge
from causeline.schemas.wire.config_records import MAX_CONFIG_BYTES
from tests import patience

Open = Callable[[], Awaitable[ConfigLog]]
PARTITIONS = 3


@pytest.fixture(params=["memory", "kafka"])
async def another(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Open one more server's view of one and the same log."""
    if request.param == "memory":
        records: list[tuple[bytes, bytes]] = []

        async def memory() -> ConfigLog:
            return MemoryConfigLog(records=records)

        yield memory
        return
    broker: EmbeddedBroker = request.getfixturevalue("broker")
    topic = f"t{uuid.uuid4().hex[:12]}.config"
    await make_topic(broker.bootstrap, topic)
    async with AsyncExitStack() as opened:

        async def kafka() -> ConfigLog:
            log = KafkaConfigLog(broker.bootstrap, PARTITIONS, lambda: 0, topic=topic)
            await log.start()
            opened.push_async_callback(log.stop)
            return log

        yield kafka


async def make_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"})])
    finally:
        await admin.close()


async def shows(log: ConfigLog, kind: str, key: str, value: dict[str, object] | None) -> None:
    """Wait until a server shows a value that another one wrote: nothing announces it."""
    await patience.holds(lambda: log.view.get(kind, key) == value)


async def test_who_wrote_sees_what_it_wrote_when_the_write_returns(another: Open) -> None:
    log = await another()
    for number in range(3):
        await log.put("tokens", "a", {"n": number})
        assert log.view.get("tokens", "a") == {"n": number}


async def test_other_servers_follow(another: Open) -> None:
    one, two = await another(), await another()
    await one.put("tokens", "a", {"n": 1})
    await shows(two, "tokens", "a", {"n": 1})
    await two.put("tokens", "a", None)
    await shows(one, "tokens", "a", None)


async def test_several_values_are_all_shown_when_their_write_returns(another: Open) -> None:
    one, two = await another(), await another()
    await one.put("services", "t/k7", {"n": -1})
    await one.put_all("services", {f"t/k{number}": {"n": number} if number != 7 else None for number in range(300)})
    expected = {f"t/k{number}": {"n": number} for number in range(300) if number != 7}
    assert one.view.all("services") == dict(sorted(expected.items()))
    await patience.holds(lambda: two.view.all("services") == one.view.all("services"))
    await one.put_all("services", {})
    assert len(one.view.all("services")) == 299


async def test_of_several_values_none_is_sent_where_one_cannot_fit(another: Open) -> None:
    log = await another()
    with pytest.raises(TooLarge):
        await log.put_all("services", {"t/a": {}, "t/big": {"text": "x" * MAX_CONFIG_BYTES}})
    assert log.view.all("services") == {}


async def test_a_later_start_folds_everything_before_it_has_caught_up(another: Open) -> None:
    one = await another()
    for number in range(20):
        await one.put("tokens", f"k{number % 7}", {"n": number})
    await one.put("tokens", "k0", None)
    late = await another()
    await asyncio.wait_for(late.caught_up(), 10)
    assert late.view.all("tokens") == {f"k{n % 7}": {"n": n} for n in range(15, 20)} | {"k6": {"n": 13}}


async def test_an_empty_log_is_caught_up(another: Open) -> None:
    log = await another()
    await asyncio.wait_for(log.caught_up(), 10)
    assert log.view.all("tokens") == {}


async def test_kinds_are_apart_and_a_prefix_selects_keys_in_order(another: Open) -> None:
    log = await another()
    for key in ("t/b", "t/a", "tt/a"):
        await log.put("subscriptions", key, {"key": key})
    await log.put("tokens", "t/c", {})
    assert list(log.view.all("subscriptions", "t/")) == ["t/a", "t/b"]
    assert log.view.get("tokens", "t/a") is None


async def test_values_and_keys_of_any_text_come_back(another: Open) -> None:
    log = await another()
    value = {"text": "ß\u0000\n\"'", "list": [1, None, True], "map": {"": -1.5}}
    await log.put("subscriptions", "t/ß / x", value)
    assert log.view.get("subscriptions", "t/ß / x") == value


async def test_what_cannot_fit_is_refused_before_anything_is_sent(another: Open) -> None:
    log = await another()
    with pytest.raises(TooLarge):
        await log.put("tokens", "big", {"text": "x" * MAX_CONFIG_BYTES})
    assert log.view.get("tokens", "big") is None
    fitting = {"text": "x" * (MAX_CONFIG_BYTES - 100)}
    await log.put("tokens", "fits", fitting)
    assert log.view.get("tokens", "fits") == fitting


async def test_definitions_of_a_tenant_come_to_every_server_in_one_order_whoever_writes_them(another: Open) -> None:
    one, two = await another(), await another()

    async def write(server: ConfigLog, name: str) -> None:
        for number in range(4):
            await server.put_all(DEFINITIONS, {f"{tenant}/{name}{number}.{part}": {} for tenant in "tu" for part in range(3)})

    await asyncio.gather(write(one, "a"), write(two, "b"))
    late = await another()
    await asyncio.wait_for(late.caught_up(), 10)

    def orders(log: ConfigLog) -> list[list[str]]:
        keys = [key for key, _ in log.view.in_order(DEFINITIONS)]
        return [[key for key in keys if key.startswith(tenant)] for tenant in ("t/", "u/")]

    await patience.holds(lambda: orders(one) == orders(two) == orders(late))
    assert [len(order) for order in orders(late)] == [24, 24]


def _fails_on_b(_kind: str, key: str, _value: Value | None) -> None:
    if key == "b":
        raise KeyError(key)


async def test_a_record_that_cannot_be_read_does_not_hide_the_others(broker: EmbeddedBroker) -> None:
    topic = f"t{uuid.uuid4().hex[:12]}.config"
    await make_topic(broker.bootstrap, topic)
    producer = AIOKafkaProducer(**client_options(broker.bootstrap))
    await producer.start()
    for partition in range(PARTITIONS):
        await producer.send_and_wait(topic, b"not a record", key=b"x", partition=partition)
    await producer.stop()
    log = KafkaConfigLog(broker.bootstrap, PARTITIONS, lambda: 0, topic=topic)
    log.view.follow(_fails_on_b)
    await log.start()
    try:
        await asyncio.wait_for(log.caught_up(), 10)
        await log.put("tokens", "b", {"n": 0})
        await log.put("tokens", "a", {"n": 1})
        assert log.view.all("tokens") == {"a": {"n": 1}, "b": {"n": 0}}
        counted = REGISTRY.get_sample_value("causeline_unreadable_records_total", {"topic": topic})
        assert counted == PARTITIONS + 1, "the records that are none, and the one that a listener could not use"
    finally:
        await log.stop()
