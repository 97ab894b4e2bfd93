"""What operators and clients set up or say, from tokens to definitions: records of `causeline.config`, folded.

A record states the whole value of one (kind, key); the last one on the log holds. What is taken away is a record without a value, not a
Kafka tombstone: a tombstone is dropped a day after compaction, and a server that was cut off for longer would keep a revoked token.

What must change together: `avro/config.v*.avsc`, `topics/config.yaml` and the fields below.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Value = Mapping[str, Any]

TOKENS: Final = "tokens"
SUBSCRIPTIONS: Final = "subscriptions"
"""The set of an EscapeKit project: as its client sent it, and as subscriptions (`hooks`)."""
HOOKS: Final = "hooks"
"""One subscription of the native API."""
FEEDBACK: Final = "feedback"
"""What people said of one change, or of none, in one problem."""
SERVICES: Final = "services"
"""One service of a tenant."""
DEFINITIONS: Final = "definitions"
"""A version of what a tenant's DORA metrics mean, or of a request that found it said already."""
SESSIONS: Final = "sessions"
"""Who signed in with a browser: one of a bounded number of places, whose records follow each other."""
RETRIED: Final = "retried"
"""Dead letters that were appended again: for `causeline dlq` alone. `ConfigView` leaves them out, as there may be many."""


class ConfigRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The value of one (kind, key) from here on: the text of a JSON object, empty where it was taken away. `at` is ms UTC."""

    kind: str
    key: str
    value: str = ""
    at: int = 0

    @property
    def log_key(self) -> bytes:
        """What compaction keeps one record of."""
        return f"{self.kind}/{self.key}".encode()

    @property
    def place(self) -> bytes | None:
        """What decides its partition, where that is not its key: definitions of a tenant come in one order, although their keys differ."""
        return f"{self.kind}/{self.key.partition('/')[0]}".encode() if self.kind == DEFINITIONS else None


class ConfigView:
    """What holds now: the fold of the records, in log order. Applying one twice changes nothing."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, dict[str, Any]]] = {}
        self._listeners: list[Callable[[str, str, Value | None], None]] = []

    def follow(self, listener: Callable[[str, str, Value | None], None]) -> None:
        """Call the listener with kind, key and value (None: taken away) of every record from here on, once it is applied."""
        self._listeners.append(listener)

    def apply(self, record: ConfigRecord) -> None:
        """Take in the next record of its key."""
        if record.kind == RETRIED:
            return
        of_kind = self._values.setdefault(record.kind, {})
        if record.value:
            of_kind[record.key] = msgspec.json.decode(record.value, type=dict[str, Any])
        else:
            of_kind.pop(record.key, None)
        for listener in self._listeners:
            listener(record.kind, record.key, of_kind.get(record.key))

    def get(self, kind: str, key: str) -> Value | None:
        """Return the value of a key, None without."""
        return self._values.get(kind, {}).get(key)

    def in_order(self, kind: str) -> list[tuple[str, Value]]:
        """Return the keys of a kind with their values, in the order in which the keys came."""
        return list(self._values.get(kind, {}).items())

    def all(self, kind: str, prefix: str = "") -> dict[str, Value]:
        """Return the keys of a kind that begin with the prefix, in order, with their values."""
        of_kind = self._values.get(kind, {})
        return {key: of_kind[key] for key in sorted(of_kind) if key.startswith(prefix)}


def config_record(kind: str, key: str, value: Value | None, at: int) -> ConfigRecord:
    """Return the record that sets a value, or takes it away (None). `at` is ms UTC."""
    return ConfigRecord(kind=kind, key=key, value="" if value is None else msgspec.json.encode(value).decode(), at=at)
