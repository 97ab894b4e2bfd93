"""What a server looks at as long as it runs: whether events flow, the machine, the connections, its own figures."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import structlog

from causeline.deploy.clocks import StepWatch, now_ms, steady_ms
from causeline.deploy.embedded.disk import DiskFloor
from causeline.deploy.server.counters import read_counters
from causeline.deploy.server.engine_patience import EnginePart, EnginePatience
from causeline.deploy.server.http.connections import LOOK_S, ConnectionWatch
from causeline.deploy.server.lags import LagFold
from causeline.deploy.server.readiness import FlowJudge, Look, Readiness, StopTimes
from causeline.deploy.server.sampling import SAMPLE_S, SampleRing
from causeline.processors.sink.ports import TopicPartition
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.kafka.positions import KafkaFrontier
from causeline.query_api.ui.figures import StageLag

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
        self._lag_fold = LagFold()
        self._clickhouse = False
        self._stop_times = StopTimes()

    def lags(self) -> Mapping[str, StageLag]:
        """Return how far each stage is behind, as of the last look that the broker answered."""
        return self._lag_fold.lags

    def readiness(self) -> Readiness:
        """Return what is ready now."""
        judgement = self._judge.judge(steady_ms(), clickhouse=self._clickhouse, queries=self._store.stuck, disk=self._disk.reason)
        return self._stop_times.tell_since(judgement)

    async def run(self, report: ReadinessListener) -> None:
        """Look until cancelled."""
        while True:
            try:
                progress = await self._frontier.look()
                look, now = Look(_plain(progress.ends), _plain(progress.processed), _plain(progress.sunk)), steady_ms()
                self._judge.observe(look, now)
                self._lag_fold.observe(look, now)
            except Exception as error:  # noqa: BLE001 - whatever the client raises while the broker is away, the judge sees the silence
                _log.debug("the log cannot be looked at", error=repr(error))
            self._clickhouse = await self._store.answers()
            judgement = self.readiness()
            self._stop_times.observe(judgement, now_ms())
            await report(ready=judgement.ready)
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


async def watch_engine(parts: Sequence[EnginePart], patience: EnginePatience | None = None) -> None:
    """Look whether the embedded engine still gives back what it was asked, until cancelled. Raises EngineStuck."""
    patience = patience or EnginePatience()
    while True:
        patience.look([part.stuck for part in parts], steady_ms())
        await asyncio.sleep(_LOOK_S)


async def watch_connections(connections: ConnectionWatch) -> None:
    """Give up connections that ask for nothing, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        cuts = Counter[str](cut.reason for cut in connections.look())
        if cuts:
            _log.debug("connections given up", **cuts)


async def watch_figures(ring: SampleRing, lags: Callable[[], Mapping[str, StageLag]]) -> None:
    """Remember what this server measures of itself, until cancelled."""
    while True:
        ring.observe(read_counters(now_ms(), steady_ms()), lags())
        await asyncio.sleep(SAMPLE_S)
