"""How the versions of a tenant's definition lie in the configuration: each in a record of its own, under a key that is never written again.

So two servers that write at the same moment write two records, and none of them is lost. All records of a tenant lie in one partition
(`ConfigRecord.place`), hence in one order for every server, which the numbers of the versions follow (`view.py`).
"""

import msgspec

from causeline.schemas.dora.definition import Definition
from causeline.schemas.records.config import Value


class Use(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An idempotency key, hashed: what was said under it, since when (ms UTC) and for how long (ms) it is known."""

    name: str
    fingerprint: int
    at: int
    known_ms: int

    def is_known(self, at: int) -> bool:
        """Tell whether the key is known at a time (ms UTC)."""
        return at < self.at + self.known_ms


class DefinitionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A definition to take the place of the one before; or, without one, that a request found what it said as `version`."""

    definition: Definition | None = None
    version: int = 0
    at: int = 0
    by: str = ""
    use: Use | None = None

    @property
    def value(self) -> Value:
        """Return what is stored."""
        content: Value = msgspec.to_builtins(self)
        return content


def definition_key(tenant: str, record_id: str) -> str:
    """Return where a record lies. A tenant's name holds no slash."""
    return f"{tenant}/{record_id}"


def definition_record(value: Value) -> DefinitionRecord:
    """Return the record of a stored value. Raises msgspec.ValidationError."""
    return msgspec.convert(value, DefinitionRecord)
