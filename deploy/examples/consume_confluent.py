"""Print a public topic with confluent-kafka, as a consumer does that knows nothing of Causeline but its schema registry.

`python consume_confluent.py --from-beginning`. On a server that requires authentication put a token with the scope `read` into the variable
REGISTRY_TOKEN. Offsets are committed after the work (at least once).
"""

import argparse
import os
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def registry_settings(url: str, token: str) -> dict[str, Any]:
    """Return the settings of the registry's client; the user is not looked at."""
    return {"url": url} | ({"basic.auth.user.info": f"token:{token}"} if token else {})


def broker_settings(address: str) -> dict[str, Any]:
    """Return the settings for `user:password@host:port,…`, as the file of `causeline up` has it, or for `host:port,…`."""
    credentials, _, servers = address.strip().rpartition("@")
    if not credentials:
        return {"bootstrap.servers": servers}
    user, _, password = credentials.partition(":")
    sasl = {"sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": password}
    return {"bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", **sasl}


def summary(value: Any) -> str:
    """Return what a decoded record says in a line: an event's kind, a problem's transition, a dead letter's reason."""
    if value is None:
        return "tombstone"
    what = value.get("transition") or value.get("kind") or value.get("reason")
    return f"{what} {value.get('title') or value.get('detail')!r} id={value['id']} version={value.get('version', 1)}"


def consume(options: argparse.Namespace) -> None:
    """Print records until there were enough."""
    deserialize = AvroDeserializer(SchemaRegistryClient(registry_settings(options.registry, os.environ.get("REGISTRY_TOKEN", ""))))
    consumer = Consumer(
        {
            **broker_settings(options.bootstrap or options.address_file.read_text()),
            "group.id": options.group,
            "auto.offset.reset": "earliest" if options.from_beginning else "latest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",  # else what aborted transactions wrote is seen too
        }
    )
    consumer.subscribe([options.topic])
    remaining = options.limit
    try:
        while remaining is None or remaining > 0:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            value = deserialize(message.value(), SerializationContext(options.topic, MessageField.VALUE))
            print(options.topic, summary(value), flush=True)
            consumer.commit(message=message)
            remaining = remaining and remaining - 1
    finally:
        consumer.close()


def main() -> None:
    """Read the options and consume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--address-file", type=Path, default=Path("causeline-data/kafka/address"), help="user:password@host:port,… of the broker"
    )
    parser.add_argument("--bootstrap", help="host:port,… of a broker that asks for no password, instead of the file")
    parser.add_argument("--registry", default="http://127.0.0.1:8080", help="the Causeline server: it is the schema registry")
    parser.add_argument("--topic", default="causeline.events")
    parser.add_argument("--group", default="example-confluent", help="consumer group: it goes on where it stopped")
    parser.add_argument("--from-beginning", action="store_true", help="a new group starts with the oldest record, not with the next one")
    parser.add_argument("--limit", type=int, help="end after so many records")
    consume(parser.parse_args())


if __name__ == "__main__":
    main()
