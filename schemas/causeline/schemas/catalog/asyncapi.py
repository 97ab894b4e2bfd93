"""The public topics as an AsyncAPI 3.0 document, made from `topics/*.yaml` and the registry, so that it cannot say anything else.

Whose view: a document describes one application, and an operation is what that application does (AsyncAPI 3.0, "Operation"). This one
describes the consumer, because consumers are who read it and make code from it: it *receives* what Causeline sends. A channel carries
every locked version of its schema, since a topic that is kept for ever holds records of all of them.
"""

from collections.abc import Iterable
from typing import Final

from causeline.schemas import kafka_address
from causeline.schemas.catalog import registry_views
from causeline.schemas.catalog.registry_views import COMPATIBILITY
from causeline.schemas.topics import Topic, all_topics
from causeline.schemas.values.json_object import Json
from causeline.schemas.wire import cloud_events
from causeline.schemas.wire.locked import LockedSchema

AVRO_FORMAT: Final = "application/vnd.apache.avro;version=1.9.0"
AVRO_CONTENT_TYPE: Final = "application/vnd.apache.avro"
KAFKA_BINDING: Final = "0.5.0"
TOMBSTONE: Final = "tombstone"

_ABOUT: Final = (
    "What an application does that consumes Causeline's public topics. They are a contract: schemas evolve compatibly "
    f"({COMPATIBILITY}), so a consumer with a newer schema reads every older record. Values are Avro in Confluent framing "
    "(a zero byte, the schema id in 4 bytes, the datum); the server is their schema registry. "
    "Records are written in transactions: read with isolation.level=read_committed. "
    "Each but a tombstone is a CloudEvent 1.0 in binary content mode of the Kafka protocol binding."
)


def asyncapi_document(version: str, bootstrap: str, partitions: int, registry_url: str) -> Json:
    """Return the document. `bootstrap` is a `KafkaAddress` as text (empty: no servers), `registry_url` where the registry answers."""
    public = [topic for topic in all_topics() if topic.public]
    address = kafka_address.parse_address(bootstrap) if bootstrap else None
    servers = (
        {f"broker-{number}": _server(host, address, registry_url) for number, host in enumerate(address.servers, 1)} if address else {}
    )
    return {
        "asyncapi": "3.0.0",
        "id": "urn:causeline:consumer",
        "info": {
            "title": "Causeline's public topics, for consumers",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": AVRO_CONTENT_TYPE,
        "servers": servers,
        "channels": {topic.name: _channel(topic, partitions, servers) for topic in public},
        "operations": {_operation_name(topic): _operation(topic) for topic in public},
        "components": {"messages": _messages(public)},
    }


_SECURITY: Final = dict(zip(kafka_address.MECHANISMS, ("plain", "scramSha256", "scramSha512"), strict=True))


def _server(host: str, address: kafka_address.KafkaAddress, registry_url: str) -> Json:
    registry = {"schemaRegistryUrl": registry_url, "schemaRegistryVendor": "confluent", "bindingVersion": KAFKA_BINDING}
    protocol = "kafka-secure" if address.tls else "kafka"
    server = {"host": host, "protocol": protocol, "description": "A bootstrap server", "bindings": {"kafka": registry}}
    return server | ({"security": [{"type": _SECURITY[address.mechanism]}]} if address.user else {})


def _versions(topic: Topic) -> tuple[LockedSchema, ...]:
    return registry_views.find_subject(registry_views.subject_of(topic.name)).versions


def _message_name(schema: LockedSchema) -> str:
    return f"{schema.subject}-v{schema.version}"


def _message_names(topic: Topic) -> list[str]:
    return [_message_name(schema) for schema in _versions(topic)] + ([TOMBSTONE] if topic.cleanup_policy == "compact" else [])


def _channel(topic: Topic, partitions: int, servers: Iterable[str]) -> Json:
    kafka = {"topic": topic.name, "partitions": partitions, "topicConfiguration": _configuration(topic), "bindingVersion": KAFKA_BINDING}
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.description} Key: {topic.key}.",
        "servers": [_reference("servers", name) for name in servers],
        "messages": {name: _reference("components", "messages", name) for name in _message_names(topic)},
        "bindings": {"kafka": kafka},
    }


def _configuration(topic: Topic) -> Json:
    """Return the settings of the broker that the Kafka binding has a place for, as it types them."""
    settings = topic.broker_settings()
    numbers = ("retention.ms", "delete.retention.ms", "max.message.bytes")
    policy = {"cleanup.policy": settings["cleanup.policy"].split(",")}
    return policy | {name: int(settings[name]) for name in numbers if name in settings}


def _operation_name(topic: Topic) -> str:
    words = topic.name.removeprefix("causeline.").replace("-", ".").split(".")
    return "receive" + "".join(word.capitalize() for word in words)


def _operation(topic: Topic) -> Json:
    return {
        "action": "receive",
        "channel": _reference("channels", topic.name),
        "summary": f"Consume {topic.name}",
        "messages": [_reference("channels", topic.name, "messages", name) for name in _message_names(topic)],
    }


def _messages(public: list[Topic]) -> Json:
    messages = {_message_name(schema): _message(schema, topic) for topic in reversed(public) for schema in _versions(topic)}
    nothing = {"name": TOMBSTONE, "title": "Tombstone", "summary": "The key is forgotten", "payload": {"type": "null"}}
    return dict(sorted({**messages, TOMBSTONE: nothing}.items()))


def _message(schema: LockedSchema, topic: Topic) -> Json:
    framing = {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": "4", "schemaLookupStrategy": "TopicNameStrategy"}
    return {
        "name": schema.definition["name"],
        "title": f"{schema.definition['name']}, version {schema.version}",
        "summary": schema.definition.get("doc", ""),
        "contentType": AVRO_CONTENT_TYPE,
        "headers": _headers(schema),
        "payload": {"schemaFormat": AVRO_FORMAT, "schema": schema.definition},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, **framing, "bindingVersion": KAFKA_BINDING}},
        "x-schema-id": schema.id,
    }


def _headers(schema: LockedSchema) -> Json:
    """Return the headers of a record of a schema as a JSON schema; see `cloud_events.py`."""
    about = {
        "ce_specversion": "1.0",
        "ce_type": f"causeline.{schema.subject}.v1; of a problem with its transition, of a delivery with its outcome before the v1",
        "ce_source": "/causeline/<tenant>/ and events, problems, deliveries or dead-letters",
        "ce_id": "Names the occurrence within its source: a repeated one is the same occurrence",
        "ce_time": "RFC 3339, UTC: arrival of this version, time of the transition, end of the attempt, or when it was set aside",
        "content-type": cloud_events.DATA_CONTENT_TYPE,
    }
    properties: Json = {name: {"type": "string", "description": about[name]} for name in cloud_events.HEADER_NAMES}
    return {"type": "object", "properties": properties, "required": list(cloud_events.HEADER_NAMES)}


def _reference(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}
