"""`causeline deliver`: workers that call webhooks and write to Slack, at least once, with a port of their own for `/metrics`.

They hold no state: what is due, what was delivered and when to try again is the processors' business. A worker that ends, however it
ends, leaves work that is handed out again.
"""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog
from cryptography.fernet import Fernet

from causeline.deploy.access.internal_tokens import internal_tokens
from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.lifetime import live
from causeline.deploy.metrics_port import serve_metrics
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.adapters.kafka.follower import CompactedTopic, KeyedRecord
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.faust_workers import FaustWorkers
from causeline.processors.adapters.http.changes import HttpChanges
from causeline.processors.adapters.http.sender import HttpxSender
from causeline.processors.adapters.kafka.log_reader import KafkaLogReader
from causeline.processors.adapters.kafka.progress import KafkaProgress
from causeline.processors.adapters.kafka.reports import KafkaReports
from causeline.processors.workers.agent import Agent, Channel, reads_the_log
from causeline.processors.workers.directory import KnownSubscriptions
from causeline.processors.workers.known_causes import MOST_WAITING, KnownCauses
from causeline.processors.workers.slack_channel import Slack
from causeline.processors.workers.webhooks import Webhooks
from causeline.schemas.client_calls import run_task
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.rules import TargetType
from causeline.schemas.subscriptions.sealing import Sealer
from causeline.schemas.topics import CAUSES, DELIVERIES_DUE, WORKERS_GROUP

_REMEMBERED = 20_000
"""Opened secrets: two for each of 10,000 webhooks. Opening one again at every attempt was a twelfth of the work."""

_log = structlog.get_logger(__name__)


def run_workers(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Exits with `exit_codes.EXIT_SOFTWARE` on any failure."""
    live("deliver", settings, _work)


async def _work(settings: Settings) -> None:
    for name in ("faust", "mode", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG if settings.log_level == "debug" else logging.CRITICAL)
    await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
    serve_metrics(settings.host, settings.deliveries_metrics_port, flag="--deliveries-metrics-port")
    await _Workers(settings).run()


class _Workers:
    """The parts of one worker process and the order of their beginning and end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = KafkaConfigLog(settings.kafka, settings.partitions, now_ms)
        self._directory = KnownSubscriptions()
        self._config.view.follow(self._directory.apply)
        self._sender = HttpxSender(
            AllowList.parse(settings.delivery_allow),
            timeout_s=settings.delivery_timeout / 1_000,
            connections=settings.delivery_concurrency,
            agent=f"Causeline/{version('causeline')}",
        )
        self._reports = KafkaReports(settings.kafka)
        self._reader = KafkaLogReader(settings.kafka, settings.partitions, now_ms, KafkaProgress(settings.kafka, settings.partitions))
        self._changes = HttpChanges(settings.api_address, internal_tokens(settings, now_ms))
        sealer = _sealer(settings)
        channels: dict[TargetType, Channel] = {
            "webhook": Webhooks(self._sender, sealer, address=settings.public_address),
            "slack": Slack(self._sender, sealer, self._changes, address=settings.public_address, api=settings.slack_api),
        }
        # Of the agents three quarters never wait for causes: nobody's other deliveries are held up.
        self._causes = KnownCauses(
            settings.causes_patience if settings.causes_publish else 0, min(MOST_WAITING, settings.delivery_concurrency // 4)
        )
        self._rankings = CompactedTopic(settings.kafka, CAUSES, settings.partitions, self._learn)
        self._agent = Agent(self._directory, channels, self._reader, self._causes, SystemClock())
        self._faust = FaustWorkers(
            settings.kafka,
            self._deliver,
            topic=DELIVERIES_DUE,
            group=WORKERS_GROUP,
            concurrency=settings.delivery_concurrency,
            aside=reads_the_log,
            session_timeout_s=settings.session_timeout_ms / 1_000,
        )

    def _learn(self, record: KeyedRecord) -> None:
        self._causes.apply(record.key, record.value)

    async def _let_go(self, stop: asyncio.Event) -> None:
        """Let nothing wait for causes once the process is to end."""
        await stop.wait()
        self._causes.release()

    async def _deliver(self, value: bytes, partition: int) -> None:
        report = await self._agent.work(value)
        if report is not None:
            await self._reports.append(partition, report)

    async def run(self) -> None:
        """Read the subscriptions, then work; end with what is under way."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_start_part(self._config))
            # Nobody waits until all of it is read: messages go without what is not known yet.
            await stack.enter_async_context(_start_part(self._rankings))
            for client in (self._changes, self._sender, self._reader):
                stack.push_async_callback(client.close)
            # Ends first: what is under way has its report, and the log has it.
            await stack.enter_async_context(_start_part(self._reports))
            await _first_of(self._config.caught_up(), stop.wait())
            _log.info("workers started", pid=os.getpid(), metrics_port=self._settings.deliveries_metrics_port)
            async with asyncio.TaskGroup() as tasks:
                beside = [tasks.create_task(run_task(self._reports.watch)), tasks.create_task(self._let_go(stop))]
                await self._faust.run(stop)
                for task in beside:
                    task.cancel()
        _log.info("workers stopped", pid=os.getpid())


def _sealer(settings: Settings) -> Sealer:
    """Return what opens the subscriptions' secrets; without a key none can be opened, which every delivery then says."""
    if not settings.secrets_key:
        _log.warning("there is no secrets_key: nothing can be delivered")
    return Sealer(settings.secrets_key or Fernet.generate_key().decode(), cache_size=_REMEMBERED)


@asynccontextmanager
async def _start_part(part: KafkaConfigLog | KafkaReports | CompactedTopic) -> AsyncIterator[None]:
    """Start a part; stop it also where it could not start whole."""
    try:
        await part.start()
        yield
    finally:
        await part.stop()


async def _first_of(*awaited: Coroutine[Any, Any, Any]) -> None:
    """Wait for one of them, and cancel the others."""
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(each) for each in awaited]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
