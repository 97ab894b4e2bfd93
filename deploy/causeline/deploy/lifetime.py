"""How a process of Causeline lives: logs first, one event loop, and a loud and certain end."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import uvloop

from causeline.deploy import logs
from causeline.deploy.settings import Settings

_log = structlog.get_logger(__name__)

FAILED: Final = 70
"""The exit code of a failure (EX_SOFTWARE): a supervisor starts the process again."""


def live(process: str, settings: Settings, work: Callable[[Settings], Awaitable[None]]) -> None:
    """Run the work of a process until it returns. Whatever it raises is logged with its trace and ends the process with `FAILED`."""
    logs.configure(settings.log_level, settings.log_format, process)
    try:
        uvloop.run(_run(work, settings))
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 - whatever it was, it is logged and ends the process
        # Nobody cancels the work: a CancelledError is one that a client cancelled inside itself and let out.
        _log.exception("process failed", pid=os.getpid())
        # Not sys.exit: threads of the engine or a half-dead client must keep neither the port nor the partitions.
        os._exit(FAILED)


async def _run(work: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await work(settings)
