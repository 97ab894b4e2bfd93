"""Topics on the broker: made from `causeline.schemas.topics`, checked at every start, shown by `causeline topics`."""

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from rich import box
from rich.console import Console
from rich.table import Table
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import Topic, topics

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings

_ATTEMPTS_S: Final = 60


class TopicError(RuntimeError):
    """The topics on the broker are not what this version needs."""


async def ensure(bootstrap: str, partitions: int, replication_factor: int) -> list[str]:
    """Create the topics that are missing and return their names. Waits up to a minute for a broker that is starting.

    Raises TopicError where an existing topic has another number of partitions: records of one key would then be in two places.
    """
    retry = AsyncRetrying(
        retry=retry_if_exception_type((KafkaError, OSError)),
        wait=wait_exponential_jitter(multiplier=0.2, max=3),
        stop=stop_after_delay(_ATTEMPTS_S),
        reraise=True,
    )
    return await retry(_ensure, bootstrap, partitions, replication_factor)


async def _ensure(bootstrap: str, partitions: int, replication_factor: int) -> list[str]:
    admin = AIOKafkaAdminClient(**client_options(bootstrap), request_timeout_ms=10_000)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics() if topic.name not in existing]
        if missing:
            answer = await admin.create_topics([_new(topic, partitions, replication_factor) for topic in missing])
            for name, code, *_ in answer.topic_errors:  # type: ignore[attr-defined] # the answers' fields are made at run time
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(name)
        await _check_partitions(admin, partitions)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def _new(topic: Topic, partitions: int, replication_factor: int) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=partitions,
        replication_factor=replication_factor,
        topic_configs=topic.broker_settings(),
    )


async def _check_partitions(admin: AIOKafkaAdminClient, partitions: int) -> None:
    described = await admin.describe_topics([topic.name for topic in topics()])
    for entry in described:
        found = len(entry["partitions"])
        if entry["error_code"]:
            raise for_code(entry["error_code"])(entry["topic"])
        if found != partitions:
            raise TopicError(
                f"the topic {entry['topic']} has {found} partitions, CAUSELINE_PARTITIONS says {partitions}: "
                "set it to what the topics have; a change needs new topics and a rebuild",
            )


def show(settings: "Settings") -> None:
    """Print every topic with what it promises, and the partitions it has where the broker answers."""
    found = asyncio.run(_partitions(settings.kafka)) if settings.kafka else {}
    console = Console()
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for heading in ("public", "schema", "kept", "partitions"):
        table.add_column(heading, no_wrap=True)
    for topic in topics():
        partitions = str(found.get(topic.name, "missing" if found else settings.partitions))
        public = "yes" if topic.public else "no"
        kept = "newest per key" if topic.cleanup_policy == "compact" else topic.retention
        table.add_row(topic.name, public, topic.schema or "-", kept, partitions)
    console.print(table)
    if not found:
        console.print("No broker was asked: partitions are those that would be made; --kafka host:port asks one.\n", highlight=False)
    for topic in topics():
        consumers = ", ".join(topic.consumers)
        console.print(f"[bold]{topic.name}[/bold]  {topic.description}", highlight=False)
        console.print(f"  key: {topic.key}; owner: {topic.owner}; consumers: {consumers}", highlight=False)
    console.print("Public topics are a contract: their schemas evolve compatibly.")


async def _partitions(bootstrap: str) -> dict[str, int]:
    admin = AIOKafkaAdminClient(**client_options(bootstrap), request_timeout_ms=5_000)
    try:
        await admin.start()
        described = await admin.describe_topics([topic.name for topic in topics()])
        return {entry["topic"]: len(entry["partitions"]) for entry in described if not entry["error_code"]}
    finally:
        await admin.close()
