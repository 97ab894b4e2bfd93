"""One service as its tenant describes it, and as its record of the configuration holds it.

What must change together: the members here, what a body may say (`causeline.ingest.services.requests`) and its OpenAPI schema.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from causeline.schemas.records.config import Value
from causeline.schemas.records.key_uses import KeyUse


class Service(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service: its name as events say it, and what it needs (names or aliases, in the order sent).

    `paths` are git's wildcards of the files in `repo` that it is made from; `updated_at` is ms UTC.
    """

    name: str
    depends_on: tuple[str, ...] = ()
    owner: str | None = None
    team: str | None = None
    repo: str | None = None
    paths: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tier: int | None = None
    updated_at: int = 0


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the configuration holds of one name: the service (None: deleted), and the keys of its last writes, by their fingerprints."""

    service: Service | None = None
    uses: dict[str, KeyUse] = msgspec.field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be remembered."""
        return self.service is None and not self.uses

    @property
    def value(self) -> Value | None:
        """Return what is stored, None where nothing has to be remembered."""
        content: Mapping[str, Any] = msgspec.to_builtins(self)
        return None if self.is_empty else content


def service_key(tenant: str, name: str) -> str:
    """Return where a service lies. A tenant's name holds no slash, so no two of them share a key."""
    return f"{tenant}/{name}"


def service_record(value: Value) -> ServiceRecord:
    """Return the record of a stored value. Raises msgspec.ValidationError."""
    return msgspec.convert(value, ServiceRecord)
