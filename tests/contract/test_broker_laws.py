"""The laws of a Broker, on the one in memory and on a real Kafka: what exactly-once rests on."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.runtime.ports import Broker, BrokerError, Fenced, FetchedRecords, FirstOffsets, Output
from tests.contract.broker_clusters import Cluster, KafkaCluster, Member, MemoryCluster, eventually
from tests.kafka_topics import make_topics


@pytest.fixture(params=["memory", "kafka"])
async def cluster(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "memory":
        return MemoryCluster()
    broker: EmbeddedBroker = request.getfixturevalue("broker")
    return KafkaCluster(broker.bootstrap, await make_topics(broker.bootstrap, 2))


@pytest.fixture
async def member(cluster: Cluster) -> AsyncIterator[Broker]:
    broker = cluster.member()
    listener = Member()
    await broker.start(listener)
    await listener.until_it_has(2)
    yield broker
    await broker.stop()


async def _all(broker: Broker, partition: int, position: int, count: int) -> list[bytes]:
    values: list[bytes] = []
    while len(values) < count:
        batch = await broker.fetch(partition, position, 1_000, 100)
        values += [record.value for record in batch.inputs]
        position += len(batch.inputs)
    return values


async def _changelog(broker: Broker, partition: int) -> list[tuple[bytes, bytes | None]]:
    return [(record.key, record.value) async for chunk in broker.changelog(partition) for record in chunk]


async def test_committed_outputs_are_read_in_order_and_tombstones_stay_tombstones(cluster: Cluster, member: Broker) -> None:
    writer = await member.open(0)
    out = [Output(cluster.out, f"k{n}".encode(), None if n % 100 == 7 else f"v{n}".encode()) for n in range(3_000)]
    await writer.commit(out, {b"s": b"1"}, 5)
    await eventually(lambda: cluster.read(cluster.out, 0), [(record.key, record.value) for record in out])
    assert await cluster.read(cluster.out, 1) == []
    await writer.close()


async def test_an_output_with_a_partition_of_its_own_arrives_there_in_order(cluster: Cluster, member: Broker) -> None:
    writer = await member.open(0)
    out = [Output(cluster.out, f"k{n}".encode(), f"v{n}".encode(), (None, 0, 1)[n % 3]) for n in range(300)]
    await writer.commit(out, {}, 1)
    here, there = ([(o.key, o.value) for o in out if (o.partition == 1) is other] for other in (False, True))
    await eventually(lambda: cluster.read(cluster.out, 1), there)
    await eventually(lambda: cluster.read(cluster.out, 0), here)
    await writer.close()


async def test_an_output_to_another_partition_comes_in_the_same_transaction_or_not_at_all(cluster: Cluster, member: Broker) -> None:
    first, second = Output(cluster.out, b"k", b"here"), Output(cluster.out, b"k", b"there", 1)
    writer = await member.open(0)
    with pytest.raises(BrokerError):
        await writer.commit([first, second, Output(cluster.out, b"k", _noise(cluster.max_bytes + 1))], {}, 1)
    await writer.close()
    old, new = await member.open(0), await member.open(0)
    with pytest.raises(Fenced):
        await old.commit([first, second], {}, 1)
    await new.commit([first, second], {}, 1)
    await eventually(lambda: cluster.read(cluster.out, 1), [(b"k", b"there")])
    await eventually(lambda: cluster.read(cluster.out, 0), [(b"k", b"here")])
    await old.close()
    await new.close()


async def test_offsets_outputs_and_changelog_come_together(cluster: Cluster, member: Broker) -> None:
    await cluster.produce(0, b"a", b"b", b"c")
    writer = await member.open(0)
    assert await member.committed(0) == 0
    await writer.commit([Output(cluster.out, b"k", b"v")], {b"s": b"1", b"gone": None}, 2)
    await writer.close()
    next_writer = await member.open(0)
    assert await member.committed(0) == 2
    assert await cluster.read(cluster.out, 0) == [(b"k", b"v")]
    assert await _changelog(member, 0) == [(b"s", b"1"), (b"gone", None)]
    await next_writer.close()


async def test_the_starts_of_both_logs_are_where_their_records_begin(cluster: Cluster, member: Broker) -> None:
    await cluster.produce(0, b"a", b"b", b"c")
    writer = await member.open(0)
    await writer.commit([], {b"s": b"1", b"t": b"1"}, 3)
    await writer.close()
    assert await member.starts(0) == FirstOffsets(input=0, changelog=0)
    await cluster.delete_before(cluster.input, 0, 2)
    await cluster.delete_before(cluster.changelog, 0, 1)
    assert await member.starts(0) == FirstOffsets(input=2, changelog=1)
    assert await member.starts(1) == FirstOffsets(input=0, changelog=0)
    assert await _changelog(member, 0) == [(b"t", b"1")]


async def test_a_round_without_outputs_still_moves_the_offset(cluster: Cluster, member: Broker) -> None:
    await cluster.produce(1, b"a")
    writer = await member.open(1)
    await writer.commit([], {}, 1)
    await writer.close()
    again = await member.open(1)
    assert await member.committed(1) == 1
    await again.close()


async def test_an_older_writer_is_fenced_and_leaves_nothing(cluster: Cluster, member: Broker) -> None:
    old = await member.open(0)
    await old.commit([Output(cluster.out, b"k", b"1")], {b"s": b"1"}, 1)
    new = await member.open(0)
    with pytest.raises(Fenced):
        await old.commit([Output(cluster.out, b"k", b"zombie")], {b"s": b"zombie"}, 9)
    await new.commit([Output(cluster.out, b"k", b"2")], {b"s": b"2"}, 2)
    await eventually(lambda: cluster.read(cluster.out, 0), [(b"k", b"1"), (b"k", b"2")])
    await old.close()
    await new.close()
    last = await member.open(0)
    assert await member.committed(0) == 2
    assert (await _changelog(member, 0))[-1] == (b"s", b"2")
    await last.close()


async def test_writers_of_different_partitions_do_not_fence_each_other(cluster: Cluster, member: Broker) -> None:
    first, second = await member.open(0), await member.open(1)
    await second.commit([Output(cluster.out, b"k", b"1")], {}, 1)
    await first.commit([Output(cluster.out, b"k", b"0")], {}, 1)
    await eventually(lambda: cluster.read(cluster.out, 0), [(b"k", b"0")])
    await eventually(lambda: cluster.read(cluster.out, 1), [(b"k", b"1")])
    await first.close()
    await second.close()


async def test_a_record_that_is_too_large_fails_the_whole_round(cluster: Cluster, member: Broker) -> None:
    writer = await member.open(0)
    with pytest.raises(BrokerError):
        await writer.commit([Output(cluster.out, b"k", b"1"), Output(cluster.out, b"k", _noise(cluster.max_bytes + 1))], {b"s": b"1"}, 1)
    await writer.close()
    after = await member.open(0)
    assert await member.committed(0) == 0
    assert await _changelog(member, 0) == []
    await after.commit([Output(cluster.out, b"k", b"2")], {}, 1)
    await eventually(lambda: cluster.read(cluster.out, 0), [(b"k", b"2")])
    await after.close()


@pytest.mark.parametrize("milliseconds", [0, 2, 5, 10, 20, 40])
async def test_a_commit_that_is_cut_off_is_there_as_a_whole_or_not_at_all(cluster: Cluster, member: Broker, milliseconds: int) -> None:
    first = await member.open(0)
    await first.commit([], {}, 1)
    out = [Output(cluster.out, b"k", b"%d" % n) for n in range(20_000)]
    commit_task = asyncio.ensure_future(first.commit(out, {b"s": b"1"}, 9))
    await asyncio.wait((commit_task,), timeout=milliseconds / 1_000)
    commit_task.cancel()
    await asyncio.wait((commit_task,))
    await first.close()
    second = await member.open(0)
    whole = await member.committed(0) == 9
    assert await _changelog(member, 0) == ([(b"s", b"1")] if whole else [])
    assert len(await cluster.read(cluster.out, 0)) == (len(out) if whole else 0)
    await second.close()


async def test_records_up_to_the_topics_bound_pass(cluster: Cluster, member: Broker) -> None:
    large = _noise(cluster.max_bytes - (64 << 10))
    out = [Output(cluster.out, b"k", b"before"), Output(cluster.out, b"k", large), Output(cluster.out, b"k", b"after")]
    writer = await member.open(0)
    await writer.commit(out, {}, 1)
    await eventually(lambda: cluster.read(cluster.out, 0), [(record.key, record.value) for record in out])
    await writer.close()


async def test_a_fetch_starts_where_it_is_told_each_time(cluster: Cluster, member: Broker) -> None:
    values = [f"{n}".encode() for n in range(20)]
    await cluster.produce(0, *values)
    assert await _all(member, 0, 5, 15) == values[5:]
    assert await _all(member, 0, 0, 20) == values
    batch = await member.fetch(0, 7, 4, 1_000)
    assert [record.offset for record in batch.inputs] == [7, 8, 9, 10]
    assert not batch.caught_up


async def test_a_fetch_at_the_end_says_that_it_has_caught_up(cluster: Cluster, member: Broker) -> None:
    await cluster.produce(0, b"a", b"b")
    batch = await member.fetch(0, 0, 10, 5_000)
    while not batch.caught_up:
        batch = await member.fetch(0, 2, 10, 0)
    assert batch.inputs == [] or batch.inputs[-1].offset == 1


async def test_an_appended_record_comes_behind_those_that_are_there(cluster: Cluster, member: Broker) -> None:
    await cluster.produce(0, b"a")
    await member.append(0, b"tick", b"now")
    assert await _all(member, 0, 0, 2) == [b"a", b"now"]


@pytest.mark.parametrize("values", [[b"v"], [b"v", b"w"]], ids=["one record", "two"])
async def test_a_partition_whose_log_ends_with_a_transaction_marker_is_caught_up(
    cluster: Cluster, member: Broker, values: list[bytes]
) -> None:
    writer = await member.open(0)
    await writer.commit([Output(cluster.input, b"k", value) for value in values], {}, 0)
    await writer.close()
    assert await _all(member, 0, 0, len(values)) == values
    async with asyncio.timeout(10):
        while not (ended := await member.fetch(0, len(values), 10, 0)).caught_up:
            continue
    assert ended.has_marker
    await cluster.produce(0, b"later")
    assert await _all(member, 0, len(values), 1) == [b"later"]
    async with asyncio.timeout(10):
        while not (ended := await member.fetch(0, len(values) + 2, 10, 0)).caught_up:
            continue
    assert not ended.has_marker


async def test_a_new_member_shares_the_partitions_and_a_leaving_one_gives_them_back(cluster: Cluster) -> None:
    first, second = Member(), Member()
    one, two = cluster.member(), cluster.member()
    await one.start(first)
    await first.until_it_has(2)
    await two.start(second)
    await first.until_it_has(1)
    await second.until_it_has(1)
    assert first.partitions | second.partitions == {0, 1}
    (partition,) = second.partitions
    assert (await one.fetch(partition, 0, 10, 0)).inputs == []
    await two.stop()
    await first.until_it_has(2)
    assert first.revocations >= 2
    await one.stop()


async def test_a_partition_is_read_from_the_stated_position_after_it_came_back(cluster: Cluster) -> None:
    values = [f"{n}".encode() for n in range(10)]
    first, second = Member(), Member()
    one, two = cluster.member(), cluster.member()
    await one.start(first)
    await first.until_it_has(2)
    await cluster.produce(0, *values)
    await cluster.produce(1, *values)
    assert await _all(one, 0, 0, 10) == values
    await two.start(second)
    await two.stop()
    await first.until_it_has(2)
    assert await _all(one, 0, 3, 7) == values[3:]
    assert await _all(one, 1, 0, 10) == values
    await one.stop()


async def test_a_fetch_begun_during_a_revocation_ends_at_once(cluster: Cluster) -> None:
    """The revocation waits for whoever works on a partition: a fetch that waited for the next assignment would hold both up for ever."""

    class Late(Member):
        batch: FetchedRecords | None = None

        async def revoked(self) -> None:
            if self.partitions:
                async with asyncio.timeout(5):
                    self.fetched = await one.fetch(0, 0, 10, 60_000)
            await super().revoked()

    first, second = Late(), Member()
    one, two = cluster.member(), cluster.member()
    await one.start(first)
    await first.until_it_has(2)
    await two.start(second)
    await first.until_it_has(1)
    await two.stop()
    await first.until_it_has(2)
    assert first.fetched == FetchedRecords([], 0, caught_up=False)
    await cluster.produce(0, b"a")
    assert await _all(one, 0, 0, 1) == [b"a"]
    await one.stop()


def _noise(size: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(7).randbytes(size)
