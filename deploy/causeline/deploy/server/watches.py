"""What a server looks at every second as long as it runs: whether events flow, the machine, the connections."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping
from typing import Final, Protocol, TypeVar

import structlog

from causeline.deploy.clocks import StepWatch, now_ms, steady_ms
from causeline.deploy.embedded.disk import DiskFloor
from causeline.deploy.server.http.connections import LOOK_S, ConnectionWatch
from causeline.deploy.server.readiness import FlowJudge, Look, Readiness
from causeline.processors.sink.ports import TopicPartition
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.kafka.positions import KafkaFrontier

_log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0
_At = TypeVar("_At", bound=tuple[str, int])


class ReadinessListener(Protocol):
    """Is told whether events flow."""

    def __call__(self, *, ready: bool) -> Awaitable[None]:
        """Take it in."""


class FlowWatch:
    """Looks at the log and at the store, and knows what is ready."""

    def __init__(self, frontier: KafkaFrontier, store: ClickHouseEventStore, disk: DiskFloor) -> None:
        self._frontier = frontier
        self._store = store
        self._disk = disk
        self._judge = FlowJudge()
        self._clickhouse = False

    def readiness(self) -> Readiness:
        """Return what is ready now."""
        return self._judge.judge(steady_ms(), clickhouse=self._clickhouse, disk=self._disk.reason)

    async def run(self, report: ReadinessListener) -> None:
        """Look until cancelled."""
        while True:
            try:
                look = await self._frontier.look()
                self._judge.observe(Look(_plain(look.ends), _plain(look.processed), _plain(look.sunk)), steady_ms())
            except Exception as error:  # noqa: BLE001 - whatever the client raises while the broker is away, the judge sees the silence
                _log.debug("the log cannot be looked at", error=repr(error))
            self._clickhouse = await self._store.answers()
            await report(ready=self.readiness().ready)
            await asyncio.sleep(_LOOK_S)


def _plain(offsets: Mapping[_At, int]) -> dict[TopicPartition, int]:
    return {TopicPartition(*at): offset for at, offset in offsets.items()}


async def watch_machine(disk: DiskFloor) -> None:
    """Measure the disk and compare the clocks, until cancelled."""
    clock = StepWatch()
    while True:
        disk.look()
        clock.look(now_ms(), steady_ms())
        await asyncio.sleep(_LOOK_S)


async def watch_connections(connections: ConnectionWatch) -> None:
    """Give up connections that ask for nothing, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        cuts = Counter[str](cut.reason for cut in connections.look())
        if cuts:
            _log.debug("connections given up", **cuts)
