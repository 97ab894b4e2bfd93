"""Topics on the broker: made from `causeline.schemas.topics` and checked at every start."""

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import Topic, all_topics

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
        missing = [topic for topic in all_topics() if topic.name not in existing]
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
    descriptions = await admin.describe_topics([topic.name for topic in all_topics()])
    for entry in descriptions:
        count = len(entry["partitions"])
        if entry["error_code"]:
            raise for_code(entry["error_code"])(entry["topic"])
        if count != partitions:
            raise TopicError(
                f"the topic {entry['topic']} has {count} partitions, CAUSELINE_PARTITIONS says {partitions}: "
                "set it to what the topics have; a change needs new topics and a rebuild",
            )


async def count_partitions(bootstrap: str) -> dict[str, int]:
    """Return how many partitions each topic has that is there. Raises KafkaError where no broker answers."""
    admin = AIOKafkaAdminClient(**client_options(bootstrap), request_timeout_ms=5_000)
    try:
        await admin.start()
        descriptions = await admin.describe_topics([topic.name for topic in all_topics()])
        return {entry["topic"]: len(entry["partitions"]) for entry in descriptions if not entry["error_code"]}
    finally:
        await admin.close()
