"""The services of every tenant as this process has followed them, and the topology they make."""

from typing import Final

import msgspec

from causeline.schemas.records.config import SERVICES, ConfigView, Value
from causeline.schemas.topology.paths import count_names
from causeline.schemas.topology.service import Service, ServiceRecord, service_record
from causeline.schemas.topology.topology import Topology


class TenantServices:
    """What holds of one tenant: records by name (those of deleted services too, while their keys count), and how large all are together."""

    def __init__(self) -> None:
        self.records: Final[dict[str, ServiceRecord]] = {}
        self.sizes: Final[dict[str, int]] = {}
        self.total_bytes = 0
        self.path_names = 0
        self.topology = Topology()
        self.is_stale = False

    def take(self, name: str, record: ServiceRecord | None, size: int) -> None:
        """Let a name hold this record from here on; None takes it away."""
        self.total_bytes += size - self.sizes.pop(name, 0)
        self.path_names += path_names_of(record) - path_names_of(self.records.pop(name, None))
        if record is not None:
            self.records[name], self.sizes[name] = record, size
        self.is_stale = True


def path_names_of(record: ServiceRecord | None) -> int:
    """Return how many names between slashes the wildcards of a record have."""
    return count_names(record.service.paths) if record and record.service else 0


class ServiceView:
    """The fold of the configuration's services, kept up by listening; the topology of a tenant is made when it is asked for, once a change.

    Made before the configuration is followed, or later: what holds then is taken in at once.
    """

    def __init__(self, view: ConfigView) -> None:
        self._tenants: dict[str, TenantServices] = {}
        view.follow(self._take)
        for key, value in view.all(SERVICES).items():
            self._take(SERVICES, key, value)

    def of(self, tenant: str) -> TenantServices:
        """Return what holds of a tenant, empty where it described nothing."""
        return self._tenants.get(tenant) or TenantServices()

    def service(self, tenant: str, name: str) -> Service | None:
        """Return a service by its own name, None where there is none."""
        record = self.of(tenant).records.get(name)
        return record.service if record else None

    def topology(self, tenant: str) -> Topology:
        """Return the topology of a tenant, the same value until a service of it changes."""
        services = self.of(tenant)
        if services.is_stale:
            services.topology = Topology(record.service for record in services.records.values() if record.service)
            services.is_stale = False
        return services.topology

    def _take(self, kind: str, key: str, value: Value | None) -> None:
        if kind != SERVICES:
            return
        tenant, _, name = key.partition("/")
        services = self._tenants.setdefault(tenant, TenantServices())
        services.take(name, None, 0)  # what cannot be read does not go on as it was
        if value is not None:
            services.take(name, service_record(value), len(msgspec.json.encode(value)))
