"""The public topics as an AsyncAPI document: valid by the official schema, and nothing in it that topics and registry do not say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from causeline.schemas.catalog import asyncapi
from causeline.schemas.topics import PROBLEMS, PROBLEMS_CURRENT, Topic, all_topics
from causeline.schemas.wire import codec

OFFICIAL = json.loads((Path(__file__).parents[3] / "fixtures" / "asyncapi" / "3.0.0.json").read_text("utf-8"))
DOCUMENT = asyncapi.asyncapi_document("1.2.3", "kafka-1:9092,kafka-2:9092", 32, "https://causeline.example")
PUBLIC = [topic for topic in all_topics() if topic.public]

every_topic = pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)


def resolved(reference: dict[str, str]) -> Any:
    node: Any = DOCUMENT
    for part in reference["$ref"].removeprefix("#/").split("/"):
        node = node[part]
    return node


def references(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("bootstrap", ["kafka-1:9092,kafka-2:9092", "[::1]:9092", ""], ids=repr)
def test_the_document_is_valid_by_the_official_schema(bootstrap: str) -> None:
    document = asyncapi.asyncapi_document("1.2.3", bootstrap, 4, "http://127.0.0.1:8080")
    errors = [f"{error.json_path}: {error.message[:200]}" for error in Draft7Validator(OFFICIAL).iter_errors(document)]
    assert not errors


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("channels", PROBLEMS, "bindings", "kafka", "partitions"), 0),
        (("operations", "receiveEvents", "action"), "publish"),
        (("components", "messages", "event-v1", "payload", "schema", "fields"), 7),
        (("components", "messages", "event-v1", "bindings", "kafka", "schemaIdLocation"), "footer"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_official_schema_sees_a_broken_document(path: tuple[str, ...], value: object) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert not Draft7Validator(OFFICIAL).is_valid(document)


def test_every_reference_leads_somewhere() -> None:
    all_references = list(references(DOCUMENT))
    assert all_references
    for reference in all_references:
        assert resolved(reference)


def test_public_topics_are_channels_and_no_others_are() -> None:
    assert [channel["address"] for channel in DOCUMENT["channels"].values()] == [topic.name for topic in PUBLIC]


@every_topic
def test_a_channel_says_what_the_broker_is_told(topic: Topic) -> None:
    kafka = DOCUMENT["channels"][topic.name]["bindings"]["kafka"]
    settings = topic.broker_settings()
    configuration = kafka["topicConfiguration"]
    assert (kafka["topic"], kafka["partitions"]) == (topic.name, 32)
    assert configuration["cleanup.policy"] == [settings["cleanup.policy"]]
    assert {name: str(value) for name, value in configuration.items() if name != "cleanup.policy"} == {
        name: settings[name] for name in ("retention.ms", "delete.retention.ms", "max.message.bytes") if name in settings
    }


@every_topic
def test_a_channel_carries_every_locked_version_of_its_schema(topic: Topic) -> None:
    channel = DOCUMENT["channels"][topic.name]
    messages = {name: resolved(reference) for name, reference in channel["messages"].items()}
    lock = {schema.id: schema for schema in codec.registry().values() if schema.subject == topic.schema}
    assert {message["x-schema-id"] for name, message in messages.items() if name != "tombstone"} == set(lock)
    for name, message in messages.items():
        if name != "tombstone":
            assert message["payload"]["schemaFormat"] == "application/vnd.apache.avro;version=1.9.0"
            assert message["payload"]["schema"] == lock[message["x-schema-id"]].definition
            assert fastavro.parse_schema(message["payload"]["schema"])
            assert message["bindings"]["kafka"]["key"]["description"]
    assert ("tombstone" in messages) == (topic.cleanup_policy == "compact")
    assert topic.key in channel["description"]


@every_topic
def test_a_consumer_receives_from_every_channel(topic: Topic) -> None:
    (operation,) = [one for one in DOCUMENT["operations"].values() if one["channel"] == {"$ref": f"#/channels/{topic.name}"}]
    assert operation["action"] == "receive"
    assert [resolved(reference) for reference in operation["messages"]] == list(DOCUMENT["channels"][topic.name]["messages"].values())


def test_both_topics_of_problems_share_their_message() -> None:
    ours = DOCUMENT["channels"][PROBLEMS]["messages"]
    assert ours.items() <= DOCUMENT["channels"][PROBLEMS_CURRENT]["messages"].items()


def test_servers_are_the_bootstrap_addresses_with_the_registry_and_none_without() -> None:
    assert [server["host"] for server in DOCUMENT["servers"].values()] == ["kafka-1:9092", "kafka-2:9092"]
    for server in DOCUMENT["servers"].values():
        assert server["bindings"]["kafka"]["schemaRegistryUrl"] == "https://causeline.example"
    assert asyncapi.asyncapi_document("1", "", 4, "http://x")["servers"] == {}
