"""`causeline processors`: the exactly-once processors of this machine, with a port of their own for `/metrics`.

It repairs nothing. Any failure ends the process, loudly and at once; a supervisor starts the next one, which fences this one's writers.
"""

import asyncio
import os
import signal

import structlog
from prometheus_client import start_http_server

from causeline.deploy import topics
from causeline.deploy.lifetime import live
from causeline.deploy.settings import Settings
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka import KafkaBroker
from causeline.processors.logic import ProcessorLogic
from causeline.processors.partition import Pace
from causeline.processors.rounds import Settings as Rules
from causeline.processors.runner import Runner
from causeline.schemas.patches import merge

_log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Exits with `lifetime.FAILED` on any failure."""
    live("processors", settings, _work)


async def _work(settings: Settings) -> None:
    await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
    start_http_server(settings.processors_metrics_port, addr=settings.host)
    broker = KafkaBroker(settings.kafka, session_timeout_ms=settings.session_timeout_ms)
    runner = Runner(
        broker,
        # As many partitions as the topics really have: `ensure` refuses to go on with another number.
        lambda partition: ProcessorLogic(partition, merge, Rules(dedup_window_ms=settings.dedup_window_ms), partitions=settings.partitions),
        SystemClock(),
        Pace(round_ms=settings.transaction_round_ms, rest_ms=settings.transaction_round_ms),
        revoke_s=settings.session_timeout_ms / 2_000,  # half a session: a revocation must not cost the membership
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, runner.stop)
    _log.info("processors started", kafka=settings.kafka, pid=os.getpid(), metrics_port=settings.processors_metrics_port)
    await runner.run()
    _log.info("processors stopped", pid=os.getpid())
