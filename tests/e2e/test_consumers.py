"""The public topics as their consumers see them: Confluent's clients over the registry, `decode`, the examples as child processes."""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, Message
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from causeline.deploy.embedded.broker_secret import address_file
from causeline.schemas.client import DEAD_LETTERS, EVENTS, PROBLEMS, PROBLEMS_CURRENT, DeadLetter, Event, Problem, PublicRecord, decode
from causeline.schemas.kafka_address import bare_address, client_options, parse_address
from causeline.schemas.topics import INGEST
from causeline.schemas.values.times import rfc3339
from causeline.schemas.wire import codec
from tests.stack import Stack

ROOT = Path(__file__).parents[2]
LIBRARIES = ("aiokafka", "confluent", "faust")
WAIT_S = 60.0

every_example = pytest.mark.parametrize("library", LIBRARIES)


def posted(stack: Stack, **fields: object) -> str:
    body = {"kind": "deployment", "title": f"Deploy {uuid.uuid4().hex}", "service": "checkout", **fields}
    answer = httpx.post(f"{stack.url}/v1/events", json=body, headers={"Causeline-Tenant": "consumers"}, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
def registry(stack: Stack) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": stack.url}) as client:
        yield client


def polled(stack: Stack, topic: str, predicate: Callable[[Message], bool]) -> Message:
    """Return the first message of a topic that is wanted, read as confluent-kafka does it."""
    address = parse_address(stack.kafka)
    sasl = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": address.user,
        "sasl.password": address.password,
    }
    settings = {**sasl, "bootstrap.servers": address.bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.auto.commit": False})
    consumer.subscribe([topic])
    until = time.monotonic() + WAIT_S
    try:
        while time.monotonic() < until:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None and predicate(message):
                return message
    finally:
        consumer.close()
    raise AssertionError(f"not found on {topic}")


def headers_of(message: Message) -> dict[str, str]:
    fields: Any = message.headers()
    return {name: value.decode() for name, value in fields}


async def received(stack: Stack, topic: str, predicate: Callable[[PublicRecord | None], bool]) -> PublicRecord | None:
    """Return the first record of a topic that is wanted, read as aiokafka does it and decoded by this package."""
    consumer = AIOKafkaConsumer(topic, **client_options(stack.kafka), isolation_level="read_committed", auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(WAIT_S):
        async for record in consumer:
            public_record = decode(record)
            if predicate(public_record):
                return public_record
    raise AssertionError(topic)


def test_confluents_deserializer_reads_a_record_of_the_topic_through_the_registry(stack: Stack, registry: SchemaRegistryClient) -> None:
    event_id = posted(stack, tags={"region": "eu"})
    message = polled(stack, EVENTS, lambda message: message.key() == event_id.encode())
    value: Any = AvroDeserializer(registry)(message.value(), SerializationContext(EVENTS, MessageField.VALUE))
    ours = decode(message)
    assert isinstance(ours, Event)
    assert (str(value["id"]), value["tags"], value["service"]) == (event_id, {"region": "eu"}, "checkout")
    assert int(value["ts"].timestamp() * 1_000) == ours.ts
    assert set(value) == set(Event.__struct_fields__)


def test_a_consumer_with_a_schema_of_its_own_reads_only_the_fields_it_names(stack: Stack, registry: SchemaRegistryClient) -> None:
    event_id = posted(stack)
    message = polled(stack, EVENTS, lambda message: message.key() == event_id.encode())
    reader = {"type": "record", "name": "Event", "namespace": "causeline", "fields": [{"name": "title", "type": "string"}]}
    value: Any = AvroDeserializer(registry, json.dumps(reader))(message.value(), SerializationContext(EVENTS, MessageField.VALUE))
    assert set(value) == {"title"}


def test_confluents_client_finds_subjects_versions_and_schemas(registry: SchemaRegistryClient) -> None:
    assert "causeline.events-value" in registry.get_subjects()
    for subject in registry.get_subjects():
        versions = registry.get_versions(subject)
        newest = registry.get_latest_version(subject)
        assert newest.version == versions[-1]
        for version in versions:
            answer = registry.get_version(subject, version)
            assert answer.schema_id is not None
            assert answer.schema is not None
            assert answer.schema.schema_type == "AVRO"
            assert answer.schema.schema_str == registry.get_schema(answer.schema_id).schema_str
            assert json.loads(answer.schema.schema_str or "") == codec.registry()[answer.schema_id].definition
            assert registry.lookup_schema(subject, Schema(answer.schema.schema_str, "AVRO")).schema_id == answer.schema_id
        assert registry.get_compatibility(subject) == "BACKWARD_TRANSITIVE"
    assert registry.get_compatibility() == "BACKWARD_TRANSITIVE"


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda client: client.get_schema(4711), 404, 40403),
        (lambda client: client.get_versions("nothing-value"), 404, 40401),
        (lambda client: client.get_version("causeline.events-value", 99), 404, 40402),
        (lambda client: client.lookup_schema("causeline.events-value", Schema('"string"', "AVRO")), 404, 40403),
        (lambda client: client.register_schema("causeline.events-value", Schema('"string"', "AVRO")), 405, 405),
    ],
)
def test_confluents_client_understands_the_refusals(
    registry: SchemaRegistryClient, ask: Callable[[Any], object], status: int, code: int
) -> None:
    with pytest.raises(SchemaRegistryError) as caught:
        ask(registry)
    assert (caught.value.http_status_code, caught.value.error_code) == (status, code)


@pytest.mark.parametrize(
    ("topic", "type_"),
    [(EVENTS, "event"), (PROBLEMS, "problem.opened"), (PROBLEMS_CURRENT, "problem.opened")],
)
def test_a_record_is_a_cloud_event_by_its_headers_alone(stack: Stack, topic: str, type_: str) -> None:
    event_id = posted(stack, kind="incident", status="open")
    message = polled(stack, topic, lambda message: event_id.encode() in (message.value() or b""))
    fields = headers_of(message)
    record: Any = decode(message)
    assert fields == {
        "ce_specversion": "1.0",
        "ce_type": f"causeline.{type_}.v1",
        "ce_source": f"/causeline/consumers/{'events' if topic == EVENTS else 'problems'}",
        "ce_id": f"{record.id}/1",
        "ce_time": rfc3339(record.updated_ts if topic == EVENTS else record.at),
        "content-type": "application/avro",
    }


def test_a_dead_letter_is_a_cloud_event_named_by_its_place(stack: Stack) -> None:
    key = uuid.uuid4().hex.encode()
    asyncio.run(_damaged(stack, key))
    message = polled(stack, DEAD_LETTERS, lambda message: message.key() == key)
    letter = decode(message)
    assert isinstance(letter, DeadLetter)
    fields = headers_of(message)
    assert (fields["ce_type"], fields["ce_source"]) == ("causeline.dead_letter.v1", "/causeline/-/dead-letters")
    assert (fields["ce_id"], fields["ce_time"]) == (f"{INGEST}/{letter.partition}/{letter.offset}", rfc3339(letter.at))


async def _damaged(stack: Stack, key: bytes) -> None:
    async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
        await producer.send_and_wait(INGEST, b"not Avro at all", key=key, partition=0)


async def test_a_problem_arrives_on_both_topics_as_a_transition(stack: Stack) -> None:
    event_id = posted(stack, kind="incident", status="open")
    for topic in (PROBLEMS, PROBLEMS_CURRENT):
        problem = await received(stack, topic, lambda record: isinstance(record, Problem) and record.event_id == event_id)
        assert isinstance(problem, Problem)
        assert (problem.transition, problem.state) == ("opened", "open")


async def test_a_dead_letter_arrives_with_its_bytes_for_both_decoders(stack: Stack, registry: SchemaRegistryClient) -> None:
    key = uuid.uuid4().hex.encode()
    await _damaged(stack, key)
    letter = await received(stack, DEAD_LETTERS, lambda record: isinstance(record, DeadLetter) and record.key == key)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.value, letter.topic) == ("undecodable", b"not Avro at all", INGEST)
    message = await asyncio.to_thread(polled, stack, DEAD_LETTERS, lambda message: message.key() == key)
    value: Any = AvroDeserializer(registry)(message.value(), SerializationContext(DEAD_LETTERS, MessageField.VALUE))
    assert (value["reason"], value["value"]) == ("undecodable", b"not Avro at all")


def test_the_served_asyncapi_document_names_the_broker_and_is_valid(stack: Stack) -> None:
    document = httpx.get(f"{stack.url}/asyncapi.json").json()
    official = json.loads((ROOT / "tests" / "fixtures" / "asyncapi" / "3.0.0.json").read_text("utf-8"))
    Draft7Validator(official).validate(document)
    (server,) = document["servers"].values()
    assert server["host"] == bare_address(stack.kafka)
    assert server["bindings"]["kafka"]["schemaRegistryUrl"] == stack.url


@asynccontextmanager
async def example(stack: Stack, library: str, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an example as a child process in a group of its own, and take it away at the end."""
    command = [
        sys.executable,
        str(ROOT / "deploy" / "examples" / f"consume_{library}.py"),
        "--address-file",
        str(address_file(stack.data_dir)),
        "--from-beginning",
    ]
    command += ["--group", f"test-{uuid.uuid4().hex}", *(("--registry", stack.url) if library == "confluent" else ()), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed(process: asyncio.subprocess.Process, text: str) -> list[str]:
    """Return the lines up to the one with the text."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(WAIT_S):
        async for line in process.stdout:
            lines.append(line.decode())
            if text in lines[-1]:
                return lines
    raise AssertionError(f"{text} is not in\n{''.join(lines)}")


@every_example
async def test_an_example_prints_the_event_that_was_posted_and_nothing_of_an_aborted_transaction(stack: Stack, library: str) -> None:
    aborted = uuid.uuid4().hex
    await _abort(stack, aborted)
    title = f"Deploy {uuid.uuid4().hex}"
    event_ids = [await asyncio.to_thread(posted, stack, title=title) for _ in range(20)]  # on every partition, behind the aborted ones
    async with example(stack, library) as process:
        lines: list[str] = []
        for event_id in event_ids:
            if not any(event_id in line for line in lines):
                lines += await printed(process, event_id)
    (line,) = [line for line in lines if event_ids[-1] in line]
    assert line.strip() == f"causeline.events deployment {title!r} id={event_ids[-1]} version=1"
    assert not any(aborted in line for line in lines)


async def _abort(stack: Stack, event_id: str) -> None:
    """Write to every partition of the events what a processor would that dies before its commit."""
    now = time.time_ns() // 1_000_000
    event = Event(tenant="consumers", id=event_id, dialect="native", kind="aborted", ts=now, ingest_ts=now, updated_ts=now)
    async with AIOKafkaProducer(**client_options(stack.kafka), transactional_id=f"test-{event_id}") as producer:
        await producer.begin_transaction()
        for partition in await producer.partitions_for(EVENTS):
            await producer.send_and_wait(EVENTS, codec.encode_record(event), partition=partition)
        await producer.abort_transaction()


@every_example
async def test_an_example_prints_the_transitions_of_a_problem(stack: Stack, library: str) -> None:
    title = f"Down {uuid.uuid4().hex}"
    await asyncio.to_thread(posted, stack, kind="incident", status="open", title=title)
    async with example(stack, library, "--topic", PROBLEMS) as process:
        lines = await printed(process, title)
    assert lines[-1].startswith(f"{PROBLEMS} opened {title!r} id=")


@every_example
async def test_an_example_ends_after_as_many_records_as_it_was_asked_for(stack: Stack, library: str) -> None:
    for _ in range(3):
        await asyncio.to_thread(posted, stack)
    async with example(stack, library, "--limit", "3") as process, asyncio.timeout(WAIT_S):
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert sum(b"causeline.events " in line for line in output.splitlines()) == 3
