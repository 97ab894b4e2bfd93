"""`causeline server`: ingest, queries and the sink in one process, because the embedded engine allows one process a folder."""

import asyncio
import os
import signal
import time
from collections import Counter
from typing import Final

import structlog

from causeline.deploy import store, topics
from causeline.deploy.access import access
from causeline.deploy.access.auth import Authenticator
from causeline.deploy.access.browsers import browsers_for, origins_of
from causeline.deploy.access.cors import Cors
from causeline.deploy.access.jwks import Jwks
from causeline.deploy.access.jwts import JwtRules
from causeline.deploy.clocks import StepWatch, now_ms, steady_ms
from causeline.deploy.embedded.disk import DiskFloor, FlooredLog
from causeline.deploy.lifetime import live
from causeline.deploy.server.apis import apis
from causeline.deploy.server.bodies import Bodies
from causeline.deploy.server.connections import LOOK_S, Connections
from causeline.deploy.server.door import Door
from causeline.deploy.server.grpc.server import RpcServer
from causeline.deploy.server.listener import allow_handles, http_server, not_shared
from causeline.deploy.server.quotas import QuotaLog, Quotas
from causeline.deploy.server.readiness import FlowJudge, Readiness
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.shell import Shell
from causeline.deploy.server.workload import Workload
from causeline.deploy.settings import Settings
from causeline.ingest import routes as ingest
from causeline.ingest.acknowledged import Acknowledged
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.kafka.health import KafkaHealth
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.ingest.adapters.random import RandomBlocks
from causeline.ingest.app import IngestService
from causeline.ingest.subscriptions.arming import Arming
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.adapters.kafka.sink import KafkaDeadLetters, KafkaSinkSource
from causeline.processors.sink.sink import Clock, Limits, Sink
from causeline.query_api import routes as query_api
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.kafka.positions import KafkaFrontier
from causeline.query_api.adapters.kafka.tail import KafkaLogTail
from causeline.query_api.live.streams import Bounds, Clocks, Streams
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.subscriptions.endpoints import Allowed
from causeline.schemas.subscriptions.sealing import Sealer

_log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0
_DRAIN_S: Final = 15.0


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Exits with `lifetime.FAILED` on any failure."""
    live("server", settings, _serve)


async def _serve(settings: Settings) -> None:
    await _Application(settings).run()  # the Kafka clients want a running loop when they are made


class _Application:
    """The parts of one server and the order of their beginning and end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        opened = store.opener(settings)
        database = store.layout(settings).database
        self._log_end = KafkaEventLog(settings.kafka, settings.partitions)
        self._config = KafkaConfigLog(settings.kafka, settings.partitions, now_ms)
        self._jwks = Jwks(settings.jwt_jwks) if settings.jwt_jwks else None
        self._gate = access.Gate(self._authenticator() if settings.auth_required else None)
        self._store = ClickHouseEventStore(lambda: opened(database))
        self._source = KafkaSinkSource(settings.kafka, partitions=settings.partitions, session_timeout_ms=settings.session_timeout_ms)
        self._writer = ClickHouseTableWriter(lambda: opened(database))
        self._letters = KafkaDeadLetters(settings.kafka)
        self._sink = Sink(
            self._source,
            self._writer,
            self._letters,
            Clock(now_ms, time.monotonic),
            limits=Limits(linger_ms=settings.sink_linger_ms),
        )
        self._frontier = KafkaFrontier(settings.kafka, settings.partitions, self._sink.wake)
        self._reader = Reader(self._store, self._frontier, RecentWrites(time.monotonic))
        self._disk = DiskFloor(settings.data_dir, settings.min_free_disk << 20)
        quotas = Quotas(settings.tenant_events_per_second, settings.quotas)
        door = Door(Workload(settings.work_target_ms / 1_000), quotas)
        log = QuotaLog(self._log_end, quotas) if quotas.any else self._log_end
        acknowledged = Acknowledged(settings.dedup_window_ms)
        service = IngestService(FlooredLog(log, self._disk), self._reader, self._reader, RandomBlocks(), acknowledged)
        bounds = Bounds(streams=settings.streams, heartbeat_s=settings.stream_heartbeat / 1_000)
        tail = KafkaLogTail(settings.kafka, settings.partitions)
        self._streams = Streams(tail, self._store.looks, Clocks(now_ms, time.monotonic), bounds)
        self._health = KafkaHealth(settings.kafka, settings.partitions)
        self._arming = Arming(service, self._config, now_ms)
        subscribing = Subscribing(
            service,
            self._config,
            self._health,
            self._arming,
            sealer=Sealer(settings.secrets_key) if settings.secrets_key else None,
            allowed=Allowed.parse(settings.delivery_allow),
        )
        served = apis(settings, service, self._reader, self._streams, subscribing, self._readiness, self._gate)
        self._mcp = served.mcp
        bodies = Bodies(settings.body_timeout / 1_000)
        self._shell = Shell(
            RouteTable(served.routes),
            now_ms,
            self._gate,
            door,
            bodies,
            stall_s=settings.stall_timeout / 1_000,
            browsers=None if settings.auth_required else browsers_for(settings),
            cors=Cors(origins_of(settings.cors_origins)),
        )
        self._connections = Connections(
            settings.http_port,
            self._shell.clients_under_way,
            header_ms=settings.header_timeout,
            per_address=settings.connections_per_address,
        )
        rpcs = [*ingest.rpcs(service), *query_api.rpcs(self._reader)]
        self._rpc = RpcServer(rpcs, now_ms, self._gate, door)
        self._judge = FlowJudge()
        self._clickhouse = False
        self._stop = asyncio.Event()

    def _authenticator(self) -> Authenticator:
        settings, jwks = self._settings, self._jwks
        keys = None if jwks is None else lambda: jwks.current
        rules = JwtRules(settings.jwt_secret, keys, settings.jwt_issuer, settings.jwt_audience)
        return Authenticator(self._config.view, lambda: self._config.ready, rules)

    async def run(self) -> None:
        """Begin: tables and topics, the log, the sink, the port. End in the other order, so that what was accepted is finished."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._stop.set)
        if not settings.reuse_port:
            not_shared(settings.host, settings.http_port)
        allow_handles()
        applied = await asyncio.to_thread(store.migrated, settings)
        created = await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
        _log.info("server starting", pid=os.getpid(), migrations=applied, topics=created)
        await self._log_end.start()
        await self._config.start()
        await self._health.start()
        await self._source.start()
        http = http_server(self._shell, settings.host, settings.http_port, idle_ms=settings.idle_timeout, stall_ms=settings.stall_timeout)
        try:
            async with self._mcp.running(), asyncio.TaskGroup() as tasks:
                sinking = tasks.create_task(self._sink.run())
                watching = tasks.create_task(self._watch())
                watching_machine = tasks.create_task(self._watch_machine())
                watching_connections = tasks.create_task(self._watch_connections())
                arming = tasks.create_task(self._arming.run())
                reading_keys = tasks.create_task(self._jwks.run()) if self._jwks else None
                await self._rpc.start(settings.host, settings.grpc_port, reuse_port=settings.reuse_port)
                serving = tasks.create_task(http.serve())
                serving.add_done_callback(lambda _: self._stop.set())
                _log.info("server listens", url=f"http://{settings.host}:{settings.http_port}", grpc_port=self._rpc.port, pid=os.getpid())
                await self._stop.wait()
                self._streams.stop()  # first: the listener waits for answers that have begun, and these have no end of their own
                http.stop()
                await asyncio.gather(asyncio.wait({serving}, timeout=_DRAIN_S), self._rpc.stop(_DRAIN_S))
                arming.cancel()
                await self._log_end.stop()
                self._sink.stop()
                watching.cancel()
                watching_machine.cancel()
                watching_connections.cancel()
                if reading_keys is not None:
                    reading_keys.cancel()
                await sinking
                serving.cancel()
        finally:
            await self._close()
        _log.info("server stopped", pid=os.getpid())

    async def _close(self) -> None:
        await self._streams.close()
        await self._config.stop()
        await self._health.stop()
        await self._source.close()
        await self._writer.close()
        await self._letters.close()
        await self._frontier.stop()
        await self._store.close()

    async def _watch_machine(self) -> None:
        clock = StepWatch()
        while True:
            self._disk.look()
            clock.look(now_ms(), steady_ms())
            await asyncio.sleep(_LOOK_S)

    async def _watch_connections(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            cuts = Counter[str](cut.reason for cut in self._connections.look())
            if cuts:
                _log.debug("connections given up", **cuts)

    async def _watch(self) -> None:
        while True:
            try:
                self._judge.observe(await self._frontier.look(), steady_ms())
            except Exception as error:  # noqa: BLE001 - whatever the client raises while the broker is away, the judge sees the silence
                _log.debug("the log cannot be looked at", error=repr(error))
            self._clickhouse = await self._store.answers()
            await self._rpc.report(ready=self._readiness().ready)
            await asyncio.sleep(_LOOK_S)

    def _readiness(self) -> Readiness:
        return self._judge.judge(steady_ms(), clickhouse=self._clickhouse, disk=self._disk.reason)
