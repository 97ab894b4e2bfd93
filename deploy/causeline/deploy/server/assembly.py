"""The parts of one server, made from its settings: which class stands for what, and what is given to whom. Nothing begins here."""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog

from causeline.deploy.access import access
from causeline.deploy.access.browsers import browsers_for, origins_of
from causeline.deploy.access.cors import cors_for
from causeline.deploy.access.jwks import Jwks
from causeline.deploy.adapters import store
from causeline.deploy.clocks import now_ms
from causeline.deploy.embedded.disk import DiskFloor, FlooredLog
from causeline.deploy.server.apis import Apis, apis
from causeline.deploy.server.door import Door
from causeline.deploy.server.grpc.server import RpcServer
from causeline.deploy.server.http.bodies import Bodies
from causeline.deploy.server.http.connections import ConnectionWatch
from causeline.deploy.server.http.listener import http_server
from causeline.deploy.server.http.shell import Shell
from causeline.deploy.server.lifecycle import Job, Parts
from causeline.deploy.server.quotas import QuotaLog, Quotas
from causeline.deploy.server.rankings import cause_rules_of, publishing_of
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.sampling import Measuring, SampleRing
from causeline.deploy.server.signing_in import authenticator_of, session_pages
from causeline.deploy.server.watches import FlowWatch, watch_connections, watch_engine, watch_figures, watch_machine
from causeline.deploy.server.workload import Workload
from causeline.deploy.settings import Settings
from causeline.ingest import routes as ingest
from causeline.ingest.acknowledged import AcknowledgedKeys
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.kafka.health import KafkaHealth
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.ingest.adapters.random import RandomBlocks
from causeline.ingest.app import IngestService
from causeline.ingest.definitions.defining import Defining
from causeline.ingest.feedback.assessing import Assessing
from causeline.ingest.feedback.changes import FeedbackLimits
from causeline.ingest.services.changes import ServiceLimits
from causeline.ingest.services.registering import Registering
from causeline.ingest.subscriptions.arming import Arming
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.adapters.kafka.sink import KafkaDeadLetters, KafkaSinkSource
from causeline.processors.sink.sink import InsertLimits, Sink, SinkClock
from causeline.query_api import routes as query_api
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.kafka.positions import KafkaFrontier
from causeline.query_api.adapters.kafka.tail import KafkaLogTail
from causeline.query_api.live.streams import Bounds, Clocks, Streams
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.query_api.reading.sharing import RecentAnswers
from causeline.schemas.dora.view import DefinitionView
from causeline.schemas.feedback.view import FeedbackView
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.sealing import Sealer
from causeline.schemas.topology.view import ServiceView

_log = structlog.get_logger(__name__)
_DAY_MS: Final = 86_400_000


def assemble(settings: Settings) -> Parts:
    """Return the parts of a server with these settings. Nothing begins; the Kafka clients want a running loop when they are made."""
    database = store.table_layout(settings).database
    open_database = store.opener(settings)
    log_end = KafkaEventLog(settings.kafka, settings.partitions)
    config = KafkaConfigLog(settings.kafka, settings.partitions, now_ms)
    health = KafkaHealth(settings.kafka, settings.partitions)
    tables = ClickHouseEventStore(lambda: open_database(database))
    sinking = _sinking(settings, ClickHouseTableWriter(lambda: open_database(database)))
    frontier = KafkaFrontier(settings.kafka, settings.partitions, sinking.sink.wake)
    reader = Reader(tables, frontier, RecentWrites(time.monotonic))
    streams = _streams(settings, tables)
    disk = DiskFloor(settings.data_dir, settings.min_free_disk << 20)
    flow = FlowWatch(frontier, tables, disk)
    ring = SampleRing()
    figures = Measuring(ring.samples, flow.lags)
    quotas = Quotas(settings.tenant_events_per_second, settings.quotas)
    log = QuotaLog(log_end, quotas) if quotas.any else log_end
    service = IngestService(FlooredLog(log, disk), reader, reader, RandomBlocks(), AcknowledgedKeys(settings.dedup_window_ms))
    arming = Arming(service, config, now_ms)
    subscribing = Subscribing(
        service, config, health, arming, sealer=_sealer(settings), allow_list=AllowList.parse(settings.delivery_allow)
    )
    services = ServiceView(config.view)
    registering = Registering(config, services, ServiceLimits(settings.max_services, settings.dedup_window_ms))
    feedback = FeedbackView(config.view)
    assessing = Assessing(config, feedback, _feedback_limits(settings))
    definitions = DefinitionView(config.view)
    defining = Defining(config, definitions, os.urandom, settings.dedup_window_ms)
    jwks = Jwks(settings.jwt_jwks) if settings.jwt_jwks else None
    authenticator = authenticator_of(settings, config, jwks)
    gate = access.Gate(authenticator, settings.public_host)
    door = Door(Workload(settings.work_target_ms / 1_000), quotas)
    causes = CauseReader(reader, registering.topology, assessing.of, cause_rules_of(settings), RecentAnswers(time.monotonic))
    served_apis = apis(
        settings,
        service,
        reader,
        causes,
        streams,
        subscribing,
        registering,
        assessing,
        defining,
        flow.readiness,
        gate,
        figures=figures,
        session_pages=session_pages(settings, config, authenticator),
    )
    shell = _shell(settings, served_apis, gate, door)
    rpc = RpcServer([*ingest.rpcs(service), *query_api.rpcs(reader)], now_ms, gate, door)
    connections = _connections(settings, shell)

    def listens() -> None:
        _log.info("server listens", url=f"http://{settings.host}:{settings.http_port}", grpc_port=rpc.port, pid=os.getpid())

    watches: list[Job] = [lambda: flow.run(rpc.report), lambda: watch_machine(disk), lambda: watch_connections(connections)]
    watches.append(lambda: watch_figures(ring, flow.lags))
    if not settings.clickhouse:
        watches.append(lambda: watch_engine([tables, sinking.writer]))
    if jwks is not None:
        watches.append(jwks.run)
    return Parts(
        log_end=log_end,
        configuration=config,
        health=health,
        join_sink_group=sinking.source.start,
        closings=(streams.close, config.stop, health.stop, *sinking.closings, frontier.stop, tables.close),
        tools=served_apis.mcp.running,
        sink=sinking.sink,
        publishing=(publishing_of(settings, reader, causes, config, feedback),) if settings.causes_publish else (),
        watches=watches,
        arming=arming.run,
        end_streams=streams.stop,
        rpc_start=lambda: rpc.start(settings.host, settings.grpc_port, reuse_port=settings.reuse_port),
        rpc_stop=rpc.stop,
        http=http_server(shell, settings.host, settings.http_port, idle_ms=settings.idle_timeout, stall_ms=settings.stall_timeout),
        listens=listens,
    )


class _Sinking(NamedTuple):
    """The sink and what it reads and writes with."""

    sink: Sink
    source: KafkaSinkSource
    writer: ClickHouseTableWriter
    letters: KafkaDeadLetters

    @property
    def closings(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What closes its clients, in order."""
        return self.source.close, self.writer.close, self.letters.close


def _sinking(settings: Settings, writer: ClickHouseTableWriter) -> _Sinking:
    source = KafkaSinkSource(settings.kafka, partitions=settings.partitions, session_timeout_ms=settings.session_timeout_ms)
    letters = KafkaDeadLetters(settings.kafka)
    limits = InsertLimits(linger_ms=settings.sink_linger_ms)
    return _Sinking(Sink(source, writer, letters, SinkClock(now_ms, time.monotonic), limits=limits), source, writer, letters)


def _streams(settings: Settings, tables: ClickHouseEventStore) -> Streams:
    bounds = Bounds(streams=settings.streams, heartbeat_s=settings.stream_heartbeat / 1_000)
    return Streams(KafkaLogTail(settings.kafka, settings.partitions), tables.looks, Clocks(now_ms, time.monotonic), bounds)


def _feedback_limits(settings: Settings) -> FeedbackLimits:
    return FeedbackLimits(settings.max_feedback, settings.dedup_window_ms, settings.retention_days * _DAY_MS)


def _sealer(settings: Settings) -> Sealer | None:
    return Sealer(settings.secrets_key) if settings.secrets_key else None


def _shell(settings: Settings, served_apis: Apis, gate: access.Gate, door: Door) -> Shell:
    return Shell(
        RouteTable(served_apis.routes),
        now_ms,
        gate,
        door,
        Bodies(settings.body_timeout / 1_000),
        stall_s=settings.stall_timeout / 1_000,
        browsers=None if settings.auth_required else browsers_for(settings),
        cors=cors_for(origins_of(settings.cors_origins)),
    )


def _connections(settings: Settings, shell: Shell) -> ConnectionWatch:
    return ConnectionWatch(
        settings.http_port, shell.clients_under_way, header_ms=settings.header_timeout, per_address=settings.connections_per_address
    )
