"""`causeline processors`: the exactly-once processors of this machine, with a port of their own for `/metrics`.

It repairs nothing. Any failure ends the process, loudly and at once; a supervisor starts the next one, which fences this one's writers.
"""

import asyncio
import os
import signal
from typing import Final

import structlog
import uvloop
from prometheus_client import start_http_server

from causeline.deploy import logs, topics
from causeline.deploy.settings import Settings
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka import KafkaBroker
from causeline.processors.logic import ProcessorLogic
from causeline.processors.partition import Pace
from causeline.processors.rounds import Settings as Rules
from causeline.processors.runner import Runner
from causeline.schemas.patches import merge

_log = structlog.get_logger(__name__)

FAILED: Final = 70
"""The exit code of a failure (EX_SOFTWARE): a supervisor restarts it."""


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Exits with `FAILED` on any failure."""
    logs.configure(settings.log_level, settings.log_format, "processors")
    try:
        uvloop.run(_work(settings))
    except Exception:  # noqa: BLE001 - whatever it was, it is logged and ends the process
        _log.exception("processors failed", pid=os.getpid())
        # Not sys.exit: a half-dead client must not keep the process, and with it the partitions, alive.
        os._exit(FAILED)


async def _work(settings: Settings) -> None:
    await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
    start_http_server(settings.processors_metrics_port, addr=settings.host)
    broker = KafkaBroker(settings.kafka, session_timeout_ms=settings.session_timeout_ms)
    runner = Runner(
        broker,
        lambda partition: ProcessorLogic(partition, merge, Rules(dedup_window_ms=settings.dedup_window_ms)),
        SystemClock(),
        Pace(round_ms=settings.transaction_round_ms),
        revoke_s=settings.session_timeout_ms / 2_000,  # half a session: a revocation must not cost the membership
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, runner.stop)
    _log.info("processors started", kafka=settings.kafka, pid=os.getpid(), metrics_port=settings.processors_metrics_port)
    await runner.run()
    _log.info("processors stopped", pid=os.getpid())
