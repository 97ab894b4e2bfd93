"""`causeline rebuild` (`processors.sink.rebuild` says how): the broker and the engine that it works on, and what is refused before.

Embedded, the broker is started and stopped with the folder held; beside clusters everything may go on running.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from causeline.deploy.adapters.store import opener, table_layout
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands.rebuild.progress import progress
from causeline.deploy.embedded.broker import EmbeddedBroker, EmbeddedBrokerError
from causeline.deploy.embedded.instance import hold_folder
from causeline.deploy.settings import Settings
from causeline.processors.adapters.clickhouse import MigrationError
from causeline.processors.adapters.clickhouse_rebuild import DatabaseError, side_by_side
from causeline.processors.adapters.kafka.replay import ReplayError, replay
from causeline.processors.sink.copying import CopyError
from causeline.processors.sink.rebuild import RebuildError, rebuild_tables


def run_rebuild(settings: Settings, *, apply: bool, keep: bool) -> int:
    """Rebuild, compare, swap where asked; return the exit code: 0 equal or replaced, 1 different. Raises RebuildError, InstanceError."""
    if settings.embedded_kafka and not (Path(settings.data_dir) / "kafka").is_dir():
        raise RebuildError(f"{settings.data_dir} has no log: name the folder by --data-dir, or a cluster by --kafka")
    engine = None if settings.clickhouse else Path(settings.data_dir) / "clickhouse"
    if engine is not None and not engine.exists() and not apply:
        raise RebuildError(f"{engine} is not there: `causeline rebuild --apply` makes it anew from the log")
    try:
        with _broker(settings) as bootstrap:
            return asyncio.run(_run(settings, bootstrap, apply=apply, keep=keep))
    except DatabaseError as error:
        mend = (
            f"; if this stays, move {engine} away and run `causeline rebuild --apply`, which makes it anew from the log" if engine else ""
        )
        raise RebuildError(f"ClickHouse: {_line(error)}{mend}") from error
    except (ReplayError, EmbeddedBrokerError, MigrationError, CopyError, OSError) as error:
        raise RebuildError(_line(error)) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


@contextmanager
def _broker(settings: Settings) -> Iterator[str]:
    """Give the address of the broker; the embedded one is started and stopped, with the folder locked."""
    with ExitStack() as stack:
        if settings.embedded_kafka or not settings.clickhouse:
            stack.enter_context(hold_folder(settings.data_dir))
        if not settings.embedded_kafka:
            yield settings.kafka
            return
        broker = EmbeddedBroker(Path(settings.data_dir), cache_dir=settings.cache_dir, heap=settings.kafka_heap, repository=settings.maven)
        stack.callback(broker.stop)
        broker.start()
        yield broker.bootstrap


async def _run(settings: Settings, bootstrap: str, *, apply: bool, keep: bool) -> int:
    default = "default" if settings.clickhouse else None
    async with side_by_side(opener(settings), default, table_layout(settings)) as databases, replay(bootstrap) as log:
        return await rebuild_tables(log, databases, progress(), now_ms, apply=apply, keep=keep)
