"""What the handlers of services do after they have parsed: look at what holds, and write the configuration, a tenant's changes in turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from causeline.ingest.change_turns import ChangeTurns
from causeline.ingest.configuration import read_configuration
from causeline.ingest.ports import ConfigLog
from causeline.ingest.services.changes import ServiceChanges, ServiceLimits
from causeline.ingest.slices import Slices
from causeline.schemas.records.config import SERVICES, Value
from causeline.schemas.topology.service import service_key
from causeline.schemas.topology.topology import Topology
from causeline.schemas.topology.view import ServiceView

_log: Final = structlog.get_logger(__name__)


class Registering:
    """The services of one server. Two servers that take changes of one service at once: the last one on the log holds."""

    def __init__(self, config: ConfigLog, services: ServiceView, limits: ServiceLimits) -> None:
        self._config, self._services, self._limits = config, services, limits
        self._turns = ChangeTurns()

    async def view(self) -> ServiceView:
        """Return what holds, once this server has read what was written before it began. Raises Unavailable."""
        await read_configuration(self._config)
        return self._services

    async def topology(self, tenant: str) -> Topology:
        """Return the services of a tenant as a graph, as they hold now. Raises Unavailable."""
        return (await self.view()).topology(tenant)

    @asynccontextmanager
    async def changing(self, tenant: str, now: int, key: str) -> AsyncIterator[ServiceChanges]:
        """Give the changes of one request at `now` (ms UTC), and write at the end what came of them; nothing where the block raises.

        One request of a tenant after the other: whose an alias is, and how many there are, is decided by what holds.
        Raises Unavailable: the outcome is then unknown.
        """
        async with self._turns.of(tenant):
            changes = ServiceChanges((await self.view()).of(tenant), self._limits, now, key)
            yield changes
            if changes.records:
                values: dict[str, Value | None] = {}
                slices = Slices()
                for name, record in changes.records.items():
                    values[service_key(tenant, name)] = record.value
                    await slices.add(changes.size_of(name))
                await self._config.put_all(SERVICES, values)
                _log.info("services changed", tenant=tenant, services=len(values))
