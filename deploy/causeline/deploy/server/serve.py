"""`causeline server`: ingest, queries and the sink in one process, because the embedded engine allows one process a folder.

`assembly.py` makes the parts, `lifecycle.py` says in which order they begin and end.
"""

import asyncio
import os
import signal

import structlog

from causeline.deploy.adapters import store, topics
from causeline.deploy.lifetime import live
from causeline.deploy.server import lifecycle
from causeline.deploy.server.assembly import assemble
from causeline.deploy.server.http.listener import allow_handles, not_shared
from causeline.deploy.settings import Settings

_log = structlog.get_logger(__name__)


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Exits with `exit_codes.EXIT_SOFTWARE` on any failure."""
    live("server", settings, _serve)


async def _serve(settings: Settings) -> None:
    parts = assemble(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if not settings.reuse_port:
        not_shared(settings.host, settings.http_port)
    allow_handles()
    migrations, rows_to_copy = await asyncio.to_thread(store.migrate_tables, settings)
    new_topics = await topics.ensure(settings.kafka, settings.partitions, settings.replication_factor)
    _log.info("server starting", pid=os.getpid(), migrations=migrations, topics=new_topics)
    if rows_to_copy:
        _log.warning("events to copy", rows=rows_to_copy, advice="run `causeline migrate`; until then lists are slower")
    await lifecycle.run_parts(parts, stop)
    _log.info("server stopped", pid=os.getpid())
