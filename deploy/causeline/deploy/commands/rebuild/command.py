"""`causeline rebuild`: ClickHouse made anew from the log beside the present database, compared with it, and swapped in where asked.

    read the public topics ──▶ <database>_rebuild ──▶ compare ──▶ [--apply: catch up, EXCHANGE TABLES, catch up]

Rows are made by the sink's own grouping and inserts (`copying.py`), so a row is what the sink would have made of it. An interrupted
rebuild leaves `<database>_rebuild` behind, which the next one drops. Without `--apply` the present database is only read: one that lacks
migrations, tables or its folder is refused, which `--apply` mends.

What the log cannot say: rows older than the oldest record of a partition of their topic that was cut (or any, where one was emptied) are
carried over where the log has no such key. They are never lost by that, but a row that does not belong there is not found either.

Why a swap loses nothing beside running sinks: what lies before the position that was read is in the new tables. What lies behind it a sink
inserts into the tables that have the name at that time: before the exchange these are the old ones. The ends of the log are therefore
asked for after the exchange, and everything from the position read to there goes into the tables again; a sink that resolved the old table
just before has read its record by then, so it lies before those ends. Rows are idempotent: copying one twice is harmless. Each table is
exchanged atomically, one after another; the views go by name, so they follow.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.deploy.commands.rebuild import comparing
from causeline.deploy.commands.rebuild.copying import Copy, CopyError
from causeline.deploy.commands.rebuild.progress import Report, progress
from causeline.deploy.embedded.broker import BrokerError, EmbeddedBroker
from causeline.deploy.embedded.instance import held
from causeline.deploy.settings import Settings
from causeline.deploy.store import layout, opener
from causeline.processors.adapters.clickhouse import ClickHouseTableWriter, MigrationError, migrate, pending
from causeline.processors.adapters.kafka.replay import KafkaReplay, ReplayError, replay
from causeline.processors.sink import comparison
from causeline.schemas.migrations import Layout, migrations, statements

_ROUNDS: Final = 3
"""Comparisons beside running sinks: what they inserted meanwhile is read, and left out of the next one."""


class RebuildError(Exception):
    """The rebuild cannot be carried out; the message says why, in one line. The present tables are as they were."""


def run(settings: Settings, *, apply: bool, keep: bool) -> int:
    """Rebuild, compare, swap where asked; return the exit code: 0 equal or replaced, 1 different. Raises RebuildError, InstanceError."""
    if settings.embedded_kafka and not (Path(settings.data_dir) / "kafka").is_dir():
        raise RebuildError(f"{settings.data_dir} has no log: name the folder by --data-dir, or a cluster by --kafka")
    engine = None if settings.clickhouse else Path(settings.data_dir) / "clickhouse"
    if engine is not None and not engine.exists() and not apply:
        raise RebuildError(f"{engine} is not there: `causeline rebuild --apply` makes it anew from the log")
    try:
        with _broker(settings) as bootstrap:
            return asyncio.run(_run(settings, bootstrap, apply=apply, keep=keep))
    except ClickHouseError as error:
        mend = (
            f"; if this stays, move {engine} away and run `causeline rebuild --apply`, which makes it anew from the log" if engine else ""
        )
        raise RebuildError(f"ClickHouse: {_line(error)}{mend}") from error
    except (KafkaError, ReplayError, BrokerError, MigrationError, CopyError, OSError) as error:
        raise RebuildError(_line(error)) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


@contextmanager
def _broker(settings: Settings) -> Iterator[str]:
    """Give the address of the broker; the embedded one is started and stopped, with the folder locked."""
    with ExitStack() as stack:
        if settings.embedded_kafka or not settings.clickhouse:
            stack.enter_context(held(settings.data_dir))
        if not settings.embedded_kafka:
            yield settings.kafka
            return
        broker = EmbeddedBroker(Path(settings.data_dir), cache_dir=settings.cache_dir, heap=settings.kafka_heap, repository=settings.maven)
        stack.callback(broker.stop)
        broker.start()
        yield broker.bootstrap


async def _run(settings: Settings, bootstrap: str, *, apply: bool, keep: bool) -> int:
    opened = opener(settings)
    client = opened("default" if settings.clickhouse else None)
    try:
        async with replay(bootstrap) as log:
            return await rebuild(log, opened, client, layout(settings), progress(), apply=apply, keep=keep)
    finally:
        client.close()


async def rebuild(
    log: KafkaReplay,
    opened: Callable[[str | None], Client],
    client: Client,
    present: Layout,
    report: Report,
    *,
    apply: bool,
    keep: bool,
) -> int:
    """Carry out a rebuild of the database of `present`; see `run`."""
    new = present._replace(database=f"{present.database}_rebuild")
    drop = f"DROP DATABASE IF EXISTS {new.database} {present.values()['on_cluster']} SYNC"
    client.command(drop)
    _prepare(client, new, present, apply=apply)
    writer = ClickHouseTableWriter(lambda: opened(new.database))
    copy = Copy(log, writer, client, new.database, report, await log.confirmed())
    try:
        await copy.to_the_ends()
        code = 0
        if apply and comparing.is_empty(client, present):
            report.line(f"{present.database} has no rows: nothing to compare")
        else:
            code = await _compared(copy, client, new, present, report)
        if apply:
            await _swapped(copy, opened, client, new, present)
            report.line(f"replaced: {present.database} is what the log says")
            code = 0
    finally:
        await writer.close()
    if keep:
        report.line(f"kept {new.database}{' (the tables as they were)' if apply else ''}")
    else:
        client.command(drop)
    return code


def _prepare(client: Client, new: Layout, present: Layout, *, apply: bool) -> None:
    """Make the new database; refuse, or with `apply` mend, a present one that is not whole. Raises RebuildError."""
    late = pending(client, present)
    if late and not apply:
        names = ", ".join(migration.title for migration in late)
        raise RebuildError(f"{present.database} lacks {names}: run `causeline migrate` first, or `causeline rebuild --apply`")
    migrate(client, new)
    lacking = comparing.lacking(client, new, present)
    if lacking and not apply:
        client.command(f"DROP DATABASE {new.database} {present.values()['on_cluster']} SYNC")
        raise RebuildError(f"{present.database} lacks {', '.join(lacking)}: `causeline rebuild --apply` makes them anew")
    if apply:
        if lacking and not late:  # recorded as applied, gone since: every statement may be repeated
            for statement in (text for migration in migrations() for text in statements(migration.template, present)):
                client.command(statement)
        migrate(client, present)
    comparing.make_unconfirmed(client, new)


async def _swapped(copy: Copy, opened: Callable[[str | None], Client], client: Client, new: Layout, present: Layout) -> None:
    """Put the new tables into the place of the present ones; why nothing is lost by that is said above."""
    await copy.to_the_ends()
    on_cluster = present.values()["on_cluster"]
    for table in comparison.TABLES:
        client.command(f"EXCHANGE TABLES {present.database}.{table.name} AND {new.database}.{table.name} {on_cluster}")
    after = ClickHouseTableWriter(lambda: opened(present.database))
    try:
        await copy.to_the_ends(after)
    finally:
        await after.close()


async def _compared(copy: Copy, client: Client, new: Layout, present: Layout, report: Report) -> int:
    carried = comparing.carry(client, new, present, copy.horizons) if copy.horizons else 0
    if carried:
        report.line(f"carried over {carried} rows that are older than the log")
    for _ in range(_ROUNDS):
        outcome = comparing.compare(client, new, present, int(time.time()))
        if not outcome.differing or not await copy.to_the_ends():
            break
    for line in comparing.told(outcome):
        report.line(line)
    return 1 if outcome.differing else 0
