import pytest
from aiokafka.partitioner import murmur2 as client_murmur2
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.placement import MAX_RECORD_BYTES, place
from causeline.schemas import topics
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import TooLarge
from causeline.schemas.wire.codec import encode_record
from causeline.schemas.wire.partitioning import murmur2, partition_of, partitions_of


def record(event: bytes = b"", correlation_id: str = "") -> IngestRecord:
    return IngestRecord(op="create", tenant="t", id="id", record_id="id", ingest_ts=1, correlation_id=correlation_id, event=event)


@pytest.mark.parametrize(
    ("key", "expected"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_hash_is_the_one_of_apache_kafka(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(st.binary(max_size=100), st.integers(1, 64))
def test_a_key_goes_where_any_kafka_client_looks_for_it(key: bytes, partitions: int) -> None:
    assert murmur2(key) == client_murmur2(key) & 0xFFFFFFFF
    assert partition_of(key, partitions) == (client_murmur2(key) & 0x7FFFFFFF) % partitions


@given(
    st.lists(st.binary(min_size=24, max_size=24), min_size=1), st.lists(st.binary(min_size=12, max_size=12), min_size=1), st.integers(1, 64)
)
def test_an_id_goes_where_any_kafka_client_looks_for_it_whatever_began_alike(
    rests: list[bytes], begins: list[bytes], partitions: int
) -> None:
    for key in [begin + rest for rest in rests for begin in begins]:
        assert partition_of(key, partitions) == (client_murmur2(key) & 0x7FFFFFFF) % partitions


@given(st.integers(0, 12).flatmap(lambda size: st.lists(st.binary(min_size=4 * size, max_size=4 * size), max_size=80)), st.integers(1, 64))
def test_keys_of_one_length_go_together_where_each_goes_alone(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]


@given(st.lists(st.binary(max_size=40), min_size=32, max_size=80), st.integers(1, 64))
def test_keys_of_any_length_go_together_where_each_goes_alone(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]


def test_a_record_is_placed_by_what_must_meet() -> None:
    plain, signal = place([record(), record(correlation_id="c")], 4)
    assert (plain.key, plain.partition) == (b"id", partition_of(b"id", 4))
    assert (signal.key, signal.partition) == (b"c", partition_of(b"c", 4))
    assert plain.value == encode_record(record())


def test_a_record_may_be_exactly_as_large_as_the_log_allows() -> None:
    room = MAX_RECORD_BYTES - len(b"id") - len(encode_record(record(event=bytes(MAX_RECORD_BYTES - 1_000)))) + (MAX_RECORD_BYTES - 1_000)
    assert place([record(event=bytes(room))], 4)[0].size == MAX_RECORD_BYTES
    with pytest.raises(TooLarge):
        place([record(), record(event=bytes(room + 1))], 4)


def test_the_bound_leaves_room_below_the_topics_own() -> None:
    (topic,) = [t for t in topics.all_topics() if t.name == topics.INGEST]
    assert topic.max_message_bytes - MAX_RECORD_BYTES >= 64 << 10
