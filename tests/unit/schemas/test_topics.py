from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from causeline.schemas import client, topics
from causeline.schemas.records import delivery_work
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.config import ConfigRecord
from causeline.schemas.records.delivery import Delivery, Health
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import held_in
from causeline.schemas.topics import Topic
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.wire import codec

ALL = topics.all_topics()
NAMES = {
    topics.INGEST,
    topics.EVENTS,
    topics.PROBLEMS,
    topics.PROBLEMS_CURRENT,
    topics.CAUSES,
    topics.DEAD_LETTERS,
    topics.CHANGELOG,
    topics.CONFIG,
    topics.DELIVERIES,
    topics.DELIVERIES_DUE,
    topics.DELIVERIES_CHANGELOG,
    topics.DELIVERIES_LOG,
    topics.HEALTH,
}


def test_every_topic_that_the_code_names_is_described_once() -> None:
    assert [topic.name for topic in ALL] == sorted(NAMES)
    assert len(list(files("causeline.schemas").joinpath("topics").iterdir())) == len(NAMES)


@pytest.mark.parametrize("topic", ALL, ids=lambda t: t.name)
def test_a_topic_says_what_a_consumer_needs(topic: Topic) -> None:
    assert topic.description.endswith(".")
    assert topic.owner
    assert topic.producers
    assert topic.consumers
    assert topic.key
    assert topic.public == ("anyone" in topic.consumers)
    assert not topic.public or topic.schema is not None


@pytest.mark.parametrize("topic", [t for t in ALL if t.schema], ids=lambda t: t.name)
def test_the_schema_of_a_topic_is_locked(topic: Topic) -> None:
    assert topic.schema is not None
    assert codec.latest(topic.schema).subject == topic.schema


@pytest.mark.parametrize("topic", ALL, ids=lambda t: t.name)
def test_the_broker_is_told_retention_or_compaction(topic: Topic) -> None:
    settings = topic.broker_settings()
    assert settings["max.message.bytes"] == str(topic.max_message_bytes)
    if topic.cleanup_policy == "compact":
        assert topic.retention == "forever"
        assert "retention.ms" not in settings
    else:
        expected = -1 if topic.retention == "forever" else duration_ms(topic.retention)
        assert settings["retention.ms"] == str(expected)


def test_what_goes_through_fits_where_it_ends() -> None:
    size = {topic.name: topic.max_message_bytes for topic in ALL}
    assert size[topics.EVENTS] >= size[topics.INGEST]
    assert size[topics.DEAD_LETTERS] > size[topics.INGEST], "a dead letter wraps the record"


FORMS: dict[str, tuple[Any, Callable[[Any], bytes], Callable[[bytes], object]]] = {
    topics.INGEST: (IngestRecord, codec.encode_record, codec.decode_ingest),
    topics.EVENTS: (Event, codec.encode_record, client.decode),
    topics.PROBLEMS: (Problem, codec.encode_record, client.decode),
    topics.PROBLEMS_CURRENT: (Problem, codec.encode_record, client.decode),
    topics.CAUSES: (CauseRevision, codec.encode_record, client.decode),
    topics.DEAD_LETTERS: (DeadLetter, codec.encode_record, client.decode),
    topics.CONFIG: (ConfigRecord, codec.encode_record, lambda framed: codec.decode_record(framed, ConfigRecord)),
    topics.DELIVERIES: (delivery_work.DeliveryMessage, delivery_work.encode_delivery_work, delivery_work.decode_message),
    topics.DELIVERIES_DUE: (delivery_work.DeliveryWork, delivery_work.encode_delivery_work, delivery_work.decode_work),
    topics.DELIVERIES_LOG: (Delivery, codec.encode_record, client.decode),
    topics.HEALTH: (Health, msgspec.json.encode, lambda data: msgspec.json.decode(data, type=Health)),
}
"""By topic: the record, how it is written, and how its consumers read it."""
EXAMPLES = {topic.name: topic.example for topic in ALL if topic.example is not None}


def test_every_topic_but_the_changelogs_has_an_example() -> None:
    assert set(EXAMPLES) == set(FORMS)
    assert {topic.name for topic in ALL} - set(EXAMPLES) == {topics.CHANGELOG, topics.DELIVERIES_CHANGELOG}


@pytest.mark.parametrize("name", FORMS)
def test_an_example_is_read_as_its_consumers_read_it(name: str) -> None:
    kind, write, read = FORMS[name]
    record = msgspec.convert(EXAMPLES[name], kind)
    copy = read(write(record))
    assert copy == record
    fields = msgspec.to_builtins(copy, builtin_types=(bytes,)) | msgspec.structs.asdict(record)
    assert set(EXAMPLES[name] or ()) - {"type"} <= set(fields), "what is no field of the record would be left out in silence"


@pytest.mark.parametrize("name", FORMS)
def test_the_schema_of_an_example_is_that_of_its_topic(name: str) -> None:
    kind, write, _ = FORMS[name]
    subject = next(topic.schema for topic in ALL if topic.name == name)
    if subject is not None:
        assert codec.registry()[codec.schema_id_of(write(msgspec.convert(EXAMPLES[name], kind)))].subject == subject


def test_the_events_within_examples_are_events() -> None:
    within = [
        (EXAMPLES[name] or {})[field]
        for name, field in ((topics.INGEST, "event"), (topics.DELIVERIES, "record"), (topics.DELIVERIES_DUE, "record"))
    ]
    assert all(isinstance(client.decode(frame), Event) for frame in within)


def test_the_configuration_of_the_example_is_a_subscription() -> None:
    record = msgspec.convert(EXAMPLES[topics.CONFIG], ConfigRecord)
    (subscription,) = held_in(record.kind, msgspec.json.decode(record.value))
    assert record.key == f"{subscription.rule.tenant}/{subscription.rule.id}"
