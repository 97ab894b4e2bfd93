"""Topics as data: each `topics/*.yaml` is one record that says owner, key, schema, retention and who may consume.

Public topics are a contract with consumers; they evolve compatibly. All topics have the same number of partitions (`partitions: same`):
a processor writes to the partition it reads, so that what belongs together stays together and a reader can wait for one partition. Only
what is to be delivered crosses partitions: it goes to the one of its subscription.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
import yaml

from causeline.schemas.values.durations import duration_ms

INGEST: Final = "causeline.ingest"
EVENTS: Final = "causeline.events"
PROBLEMS: Final = "causeline.problems"
PROBLEMS_CURRENT: Final = "causeline.problems.current"
CAUSES: Final = "causeline.causes"
DEAD_LETTERS: Final = "causeline.dead-letters"
CHANGELOG: Final = "causeline.processors.changelog"
CONFIG: Final = "causeline.config"
DELIVERIES: Final = "causeline.deliveries"
DELIVERIES_DUE: Final = "causeline.deliveries.due"
DELIVERIES_CHANGELOG: Final = "causeline.deliveries.changelog"
DELIVERIES_LOG: Final = "causeline.deliveries.log"
HEALTH: Final = "causeline.subscriptions.health"

PROCESSORS_GROUP: Final = "causeline.processors"
SINK_GROUP: Final = "causeline.sink"
DELIVERIES_GROUP: Final = "causeline.deliveries"
WORKERS_GROUP: Final = "causeline.workers"
CAUSES_GROUP: Final = "causeline.causes"


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic. `schema` is a subject of the registry, None for internal bytes; `retention` a duration or `forever`.

    `tombstones`: how long a compacted topic keeps them, hence the longest time that a reader may take from its start to its end.
    `example`: the fields of one record (those that it leaves out have their defaults, bytes are `!!binary`), None for a changelog, whose
    values are the private states of one processor.
    """

    name: str
    description: str
    owner: str
    producers: list[str]
    consumers: list[str]
    public: bool
    key: str
    schema: str | None
    partitions: Literal["same"]
    cleanup_policy: Literal["delete", "compact"]
    retention: str
    max_message_bytes: int
    tombstones: str = "1d"
    example: dict[str, Any] | None = None

    def broker_settings(self) -> dict[str, str]:
        """Return the topic settings for the broker, by their Kafka names."""
        settings = {"cleanup.policy": self.cleanup_policy, "max.message.bytes": str(self.max_message_bytes)}
        if self.cleanup_policy == "compact":
            # Small segments and an eager cleaner keep a restore short (it reads what the cleaner has not yet dropped).
            return settings | {
                "segment.bytes": str(64 << 20),
                "segment.ms": "600000",
                "max.compaction.lag.ms": "3600000",
                "delete.retention.ms": str(duration_ms(self.tombstones)),
                "min.cleanable.dirty.ratio": "0.1",
            }
        retention_ms = -1 if self.retention == "forever" else duration_ms(self.retention)
        return settings | {"retention.ms": str(retention_ms)}


def is_compacted(name: str) -> bool:
    """Tell whether a topic keeps the newest record of a key alone, and tombstones of those that went."""
    return any(topic.name == name and topic.cleanup_policy == "compact" for topic in all_topics())


@cache
def all_topics() -> tuple[Topic, ...]:
    """Return every topic, by name. Raises ValueError (with the file) where a record is not well formed."""
    topics: list[Topic] = []
    for entry in files("causeline.schemas").joinpath("topics").iterdir():
        data: Any = yaml.safe_load(entry.read_text("utf-8"))
        try:
            topics.append(msgspec.convert(data, Topic))
        except msgspec.ValidationError as error:
            raise ValueError(f"{entry.name}: {error}") from error
    return tuple(sorted(topics, key=lambda topic: topic.name))
