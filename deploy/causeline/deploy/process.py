"""`causeline processors`: the exactly-once processors of this machine, with a port of their own for `/metrics`.

Two of them share the process: the one of events and problems, and the one of deliveries, which reads what the first one writes for it.

It repairs nothing. Any failure ends the process, loudly and at once; a supervisor starts the next one, which fences this one's writers.
"""

import asyncio
import os
import signal

import structlog
from prometheus_client import REGISTRY

from causeline.deploy.adapters import topics
from causeline.deploy.lifetime import live
from causeline.deploy.metrics_port import serve_metrics
from causeline.deploy.settings import Settings
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka.broker import KafkaBroker, transactional_ids
from causeline.processors.adapters.subscription_metrics import SubscriptionMetrics
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.events.settings import ProcessorSettings as Rules
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.runner import Runner
from causeline.schemas.client_calls import run_task
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.kafka_address import bare_address
from causeline.schemas.topics import DELIVERIES, DELIVERIES_CHANGELOG, DELIVERIES_GROUP

_LEASE_MORE_MS = 60_000
"""What an attempt may wait besides its own time until it is handed out again: a worker that died is replaced within a minute."""

_log = structlog.get_logger(__name__)


def run_processors(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Exits with `exit_codes.EXIT_SOFTWARE` on any failure."""
    live("processors", settings, _work)


async def _work(settings: Settings) -> None:
    await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
    serve_metrics(settings.host, settings.processors_metrics_port, flag="--processors-metrics-port")
    runners = (_events(settings), _deliveries(settings))
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _stop, runners)
    _log.info("processors started", kafka=bare_address(settings.kafka), pid=os.getpid(), metrics_port=settings.processors_metrics_port)
    try:
        async with asyncio.TaskGroup() as group:
            for runner in runners:
                group.create_task(run_task(runner.run))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures  # One that fails ends the other, and with it the process.
    _log.info("processors stopped", pid=os.getpid())


def _stop(runners: tuple[Runner, ...]) -> None:
    for runner in runners:
        runner.stop()


def _events(settings: Settings) -> Runner:
    rules = Rules(dedup_window_ms=settings.dedup_window_ms, max_open_problems=settings.max_open_problems)
    return Runner(
        KafkaBroker(settings.kafka, session_timeout_ms=settings.session_timeout_ms),
        # As many partitions as the topics really have: `ensure` refuses to go on with another number.
        lambda partition: ProcessorLogic(partition, DIALECTS.merge, rules, partitions=settings.partitions),
        SystemClock(),
        _pace(settings),
        revoke_s=_revoke_s(settings),
    )


def _deliveries(settings: Settings) -> Runner:
    clock = SystemClock()
    limits = DeliveryLimits(lease_ms=settings.delivery_timeout + _LEASE_MORE_MS)
    metrics = SubscriptionMetrics(clock.now_ms, (lambda _: "") if settings.auth_required else str)
    REGISTRY.register(metrics)
    broker = KafkaBroker(
        settings.kafka,
        transactional_id=transactional_ids("causeline-deliveries"),
        input_topic=DELIVERIES,
        changelog_topic=DELIVERIES_CHANGELOG,
        group=DELIVERIES_GROUP,
        session_timeout_ms=settings.session_timeout_ms,
    )
    return Runner(
        broker,
        lambda partition: metrics.watch(partition, DeliveryLogic(partition, settings.partitions, limits)),
        clock,
        _pace(settings),
        revoke_s=_revoke_s(settings),
        stage="deliveries",
    )


def _pace(settings: Settings) -> Pace:
    return Pace(round_ms=settings.transaction_round_ms, rest_ms=settings.transaction_round_ms)


def _revoke_s(settings: Settings) -> float:
    return settings.session_timeout_ms / 2_000  # half a session: a revocation must not cost the membership
