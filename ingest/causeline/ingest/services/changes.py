"""What the writes of one request do to a tenant's services, one after the other: whose a name is, the bounds, repeats. Pure.

An alias and a name mean one service. A key is remembered in the record of the service it wrote, so that a late repeat does not undo what
was written since; a deleted service is remembered as long as its keys are.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from causeline.ingest.idempotency import fingerprint_of
from causeline.ingest.services.requests import without_time
from causeline.schemas.topology.service import KeyUse, Service, ServiceRecord
from causeline.schemas.topology.view import TenantServices
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Conflict, FieldError, Invalid, NotFound, TooLarge
from causeline.schemas.wire.config_records import MAX_CONFIG_BYTES

MAX_SERVICE_BYTES: Final = MAX_CONFIG_BYTES - (4 << 10)
"""Of one record, its key on the log beside it: three lists of a thousand names of 100 characters fit three times."""
MAX_ALL_BYTES: Final = 16 << 20
"""Of all services of a tenant: 10,000 of 1.6 KB. Every server holds them, as they are stored and as a graph."""
_USES_KEPT: Final = 100
"""Of one service: more writes in the time that a key is known come from a loop, whose repeats say the same."""
_SWEPT: Final = 100
"""Deleted services that a request clears away beside its own work."""
_DELETE: Final = fingerprint_of({"deleted": True})


class ServiceLimits(NamedTuple):
    """How many services a tenant may have, and how long an idempotency key is known (ms)."""

    services: int = 10_000
    key_window_ms: int = 3_600_000


class ServiceChanges:
    """The changes of one request at `now` (ms UTC) under its idempotency key ('' without). `records` is what has to be written."""

    def __init__(self, services: TenantServices, limits: ServiceLimits, now: int, key: str) -> None:
        self.records: Final[dict[str, ServiceRecord]] = {}
        self._services, self._limits, self._now = services, limits, now
        self._key = str(ids.fingerprint(key.encode())) if key else ""
        self._bytes = services.total_bytes
        self._count = len(services.records)
        self._sizes: Final[dict[str, int]] = {}
        self._owners: Final[dict[str, str]] = {}
        for record in services.records.values():
            if record.service:
                self._own(record.service)
        for name in self._forgettable():
            self._set(name, ServiceRecord())

    def put(self, service: Service) -> Service:
        """Let a service be as this says; return it, of a repeat as it was the first time.

        Raises Conflict where a name is another service's or the key came with other content, Invalid or TooLarge beyond a bound.
        """
        record = self._record(service.name)
        fingerprint = fingerprint_of(without_time(service)) if self._key else 0
        if use := self._use(record, fingerprint):
            return msgspec.structs.replace(service, updated_at=use.at)
        self._demand_own_names(service)
        after = ServiceRecord(service=service, uses=self._next_uses(record, fingerprint))
        self._demand_room(service.name, _size(after))
        self._set(service.name, after)
        self._own(service)
        return service

    def delete(self, name: str) -> None:
        """Take a service away; a repeat changes nothing. Raises NotFound, or Conflict where the key came with other content."""
        record = self._record(name)
        if self._use(record, _DELETE):
            return
        if record.service is None:
            raise NotFound(f"there is no service {name[:100]}")
        self._set(name, ServiceRecord(uses=self._next_uses(record, _DELETE)))

    def _record(self, name: str) -> ServiceRecord:
        return self.records.get(name) or self._services.records.get(name) or ServiceRecord()

    def _own(self, service: Service) -> None:
        for name in (service.name, *service.aliases):
            self._owners[name] = service.name

    def _set(self, name: str, record: ServiceRecord) -> None:
        """Let a name hold a record, and nobody have what its service had before."""
        before, size = self._record(name), _size(record)
        if before.service:
            for one in (name, *before.service.aliases):
                self._owners.pop(one, None)
        self._count += before.is_empty - record.is_empty
        self._bytes += size - self._size_of(name)
        self.records[name], self._sizes[name] = record, size

    def _size_of(self, name: str) -> int:
        return self._sizes.get(name, self._services.sizes.get(name, 0))

    def _demand_own_names(self, service: Service) -> None:
        if (owner := self._owners.get(service.name, service.name)) != service.name:
            raise Conflict(*_of_field("name", f"is an alias of the service {owner!r}"))
        for place, alias in enumerate(service.aliases):
            if (owner := self._owners.get(alias, service.name)) != service.name:
                raise Conflict(*_of_field(f"aliases[{place}]", f"{alias!r} belongs to the service {owner!r}"))

    def _demand_room(self, name: str, size: int) -> None:
        """Refuse what would be too much; who writes no more than is there may always."""
        if size > MAX_SERVICE_BYTES:
            raise TooLarge(f"the service takes {size} bytes, at most {MAX_SERVICE_BYTES} are stored")
        if self._record(name).is_empty and self._count >= self._limits.services:
            raise Invalid(f"a tenant has at most {self._limits.services:,} services (--max-services), those just deleted among them")
        before = self._size_of(name)
        if size > before and self._bytes + size - before > MAX_ALL_BYTES:
            raise Invalid(f"the services of a tenant take at most {MAX_ALL_BYTES >> 20} MiB together")

    def _use(self, record: ServiceRecord, fingerprint: int) -> KeyUse | None:
        """Return when this was done under the same key, None where it was not. Raises Conflict for other content."""
        use = record.uses.get(self._key) if self._key else None
        if use is None or self._is_forgotten(use):
            return None
        if use.fingerprint != fingerprint:
            raise Conflict(*_of_field("Idempotency-Key", "came with other content before"))
        return use

    def _next_uses(self, record: ServiceRecord, fingerprint: int) -> dict[str, KeyUse]:
        uses = {key: use for key, use in record.uses.items() if not self._is_forgotten(use) and key != self._key}
        if self._key:
            uses[self._key] = KeyUse(fingerprint, self._now)
        return dict([*uses.items()][-_USES_KEPT:])

    def _is_forgotten(self, use: KeyUse) -> bool:
        return use.at <= self._now - self._limits.key_window_ms

    def _forgettable(self) -> list[str]:
        return [name for name, _ in zip(self._forgotten_names(), range(_SWEPT), strict=False)]

    def _forgotten_names(self) -> Iterator[str]:
        return (
            name
            for name, record in self._services.records.items()
            if record.service is None and all(map(self._is_forgotten, record.uses.values()))
        )


def _size(record: ServiceRecord) -> int:
    return 0 if record.is_empty else len(msgspec.json.encode(record))


def _of_field(field: str, message: str) -> tuple[str, tuple[FieldError, ...]]:
    return f"{field}: {message}", (FieldError(field, message),)
