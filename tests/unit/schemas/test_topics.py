from importlib.resources import files

import pytest

from causeline.schemas import topics
from causeline.schemas.topics import Topic
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.wire import codec

ALL = topics.topics()
NAMES = {
    topics.INGEST,
    topics.EVENTS,
    topics.PROBLEMS,
    topics.PROBLEMS_CURRENT,
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
