"""What the writes of one request do to a tenant's services, one after the other: whose a name is, the bounds, repeats. Pure.

An alias and a name mean one service. A key is remembered in the record of the service it wrote, so that a late repeat does not undo what
was written since; a deleted service is remembered as long as its keys are.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from causeline.ingest.idempotency import fingerprint_of
from causeline.ingest.key_memory import KeyMemory
from causeline.ingest.services.requests import without_time
from causeline.schemas.topology.service import Service, ServiceRecord
from causeline.schemas.topology.view import TenantServices, path_names_of
from causeline.schemas.web.errors import Conflict, FieldError, Invalid, NotFound, TooLarge
from causeline.schemas.wire.config_records import MAX_CONFIG_BYTES

MAX_SERVICE_BYTES: Final = MAX_CONFIG_BYTES - (4 << 10)
"""Of one record, its key on the log beside it: three lists of a thousand names of 100 characters fit three times."""
MAX_ALL_BYTES: Final = 16 << 20
"""Of all services of a tenant: 10,000 of 1.6 KB. Every server holds them, as they are stored and as a graph."""
MAX_ALL_NAMES: Final = 100_000
"""Between slashes, of all wildcards of a tenant: each may be a place of the tree that its files are looked for in, of 350 bytes."""
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
        self._services, self._limits = services, limits
        self._keys = KeyMemory(key, now, limits.key_window_ms)
        self._bytes = services.total_bytes
        self._path_names = services.path_names
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
        fingerprint = fingerprint_of(without_time(service)) if self._keys.is_keyed else 0
        if use := self._keys.use(record.uses, fingerprint):
            return msgspec.structs.replace(service, updated_at=use.at)
        self._demand_own_names(service)
        after = ServiceRecord(service=service, uses=self._keys.next_uses(record.uses, fingerprint))
        self._demand_room(service.name, after)
        self._set(service.name, after)
        self._own(service)
        return service

    def delete(self, name: str) -> None:
        """Take a service away; a repeat changes nothing. Raises NotFound, or Conflict where the key came with other content."""
        record = self._record(name)
        if self._keys.use(record.uses, _DELETE):
            return
        if record.service is None:
            raise NotFound(f"there is no service {name[:100]}")
        self._set(name, ServiceRecord(uses=self._keys.next_uses(record.uses, _DELETE)))

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
        self._bytes += size - self.size_of(name)
        self._path_names += path_names_of(record) - path_names_of(before)
        self.records[name], self._sizes[name] = record, size

    def size_of(self, name: str) -> int:
        """Return how many bytes of a name are stored once the changes are written."""
        return self._sizes.get(name, self._services.sizes.get(name, 0))

    def _demand_own_names(self, service: Service) -> None:
        if (owner := self._owners.get(service.name, service.name)) != service.name:
            raise Conflict(*_of_field("name", f"is an alias of the service {owner!r}"))
        for place, alias in enumerate(service.aliases):
            if (owner := self._owners.get(alias, service.name)) != service.name:
                raise Conflict(*_of_field(f"aliases[{place}]", f"{alias!r} belongs to the service {owner!r}"))

    def _demand_room(self, name: str, after: ServiceRecord) -> None:
        """Refuse what would be too much; who writes no more than is there may always."""
        size = _size(after)
        if size > MAX_SERVICE_BYTES:
            raise TooLarge(f"the service takes {size} bytes, at most {MAX_SERVICE_BYTES} are stored")
        if self._record(name).is_empty and self._count >= self._limits.services:
            raise Invalid(f"a tenant has at most {self._limits.services:,} services (--max-services), those just deleted among them")
        before = self.size_of(name)
        if size > before and self._bytes + size - before > MAX_ALL_BYTES:
            raise Invalid(f"the services of a tenant take at most {MAX_ALL_BYTES >> 20} MiB together")
        more = path_names_of(after) - path_names_of(self._record(name))
        if more > 0 and self._path_names + more > MAX_ALL_NAMES:
            raise Invalid(*_of_field("paths", f"of all services of a tenant have at most {MAX_ALL_NAMES:,} names between slashes"))

    def _forgettable(self) -> list[str]:
        return [name for name, _ in zip(self._forgotten_names(), range(_SWEPT), strict=False)]

    def _forgotten_names(self) -> Iterator[str]:
        return (
            name
            for name, record in self._services.records.items()
            if record.service is None and all(map(self._keys.is_forgotten, record.uses.values()))
        )


def _size(record: ServiceRecord) -> int:
    return 0 if record.is_empty else len(msgspec.json.encode(record))


def _of_field(field: str, message: str) -> tuple[str, tuple[FieldError, ...]]:
    return f"{field}: {message}", (FieldError(field, message),)
