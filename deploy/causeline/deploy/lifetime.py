"""How a process of Causeline lives: logs first, one event loop, and a loud and certain end."""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import uvloop

from causeline.deploy import logs
from causeline.deploy.embedded.free_ports import PortError
from causeline.deploy.exit_codes import CANNOT_RUN, EXIT_SOFTWARE
from causeline.deploy.settings import Settings

_log = structlog.get_logger(__name__)

_NEW_OBJECTS: Final = 50_000


def live(process: str, settings: Settings, work: Callable[[Settings], Awaitable[None]]) -> None:
    """Run the work of a process until it returns. Whatever it raises is logged with its trace and ends the process with `EXIT_SOFTWARE`.

    A port that another process has ends it with `CANNOT_RUN`.
    """
    logs.configure_logging(settings.log_level, settings.log_format, process)
    spare_the_collector()
    try:
        uvloop.run(_run(work, settings))
    except PortError as error:
        _log.error("process cannot start", reason=str(error), pid=os.getpid())
        os._exit(CANNOT_RUN)
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 - whatever it was, it is logged and ends the process
        # Nobody cancels the work: a CancelledError is one that a client cancelled inside itself and let out.
        _log.exception("process failed", pid=os.getpid())
        # Not sys.exit: threads of the engine or a half-dead client must keep neither the port nor the partitions.
        os._exit(EXIT_SOFTWARE)


def spare_the_collector() -> None:
    """Let the cycle collector look at new objects only, and at many at once. To be called when the imports are done.

    Records are objects that die by their reference counts, in batches of tens of thousands: by default the collector walks over them every
    700 allocations and finds nothing. What the imports made (126,000 objects) is never garbage.
    See docs/decisions/0067-the-cycle-collector-is-spared.md.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


async def _run(work: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await work(settings)
