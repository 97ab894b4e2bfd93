"""`causeline rebuild`: ClickHouse made anew from the log beside the present database, compared with it, and swapped in where asked.

    read the public topics ──▶ <database>_rebuild ──▶ compare ──▶ [--apply: catch up, EXCHANGE TABLES, catch up]

Rows are made by the sink's own grouping and inserts, so a row is what the sink would have made of it. An interrupted rebuild leaves
`<database>_rebuild` behind, which the next one drops; the present tables are touched by the exchange alone.

Why a swap loses nothing beside running sinks: what lies before the position that was read is in the new tables. What lies behind it a sink
inserts into the tables that have the name at that time: before the exchange these are the old ones. The ends of the log are therefore
asked for after the exchange, and everything from the position read to there goes into the tables again; a sink that resolved the old table
just before has read its record by then, so it lies before those ends. Rows are idempotent: copying one twice is harmless. Each table is
exchanged atomically, the five one after another; the views go by name, so they follow.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.deploy import comparing
from causeline.deploy.broker import BrokerError, EmbeddedBroker
from causeline.deploy.instance import held
from causeline.deploy.rebuild_progress import Report, progress
from causeline.deploy.settings import Settings
from causeline.deploy.store import layout, opener
from causeline.processors import comparison
from causeline.processors.adapters.clickhouse import ClickHouseTableWriter, MigrationError, migrate
from causeline.processors.adapters.kafka_replay import KafkaReplay, ReplayError, Span, replay
from causeline.processors.sink import Group, grouped
from causeline.processors.sink_ports import FramedRecord, Inserted, Refused, TableWriter, TopicPartition
from causeline.schemas import codec
from causeline.schemas.event import Event
from causeline.schemas.migrations import Layout
from causeline.schemas.problem import Problem
from causeline.schemas.topics import EVENTS

_BATCH_RECORDS: Final = 50_000
_INSERT_BYTES: Final = 32 << 20
_ROUNDS: Final = 3
"""Comparisons beside running sinks: what they inserted meanwhile is read, and left out of the next one."""

Positions = dict[TopicPartition, int]


class RebuildError(Exception):
    """The rebuild cannot be carried out; the message says why. The present tables are as they were."""


def run(settings: Settings, *, apply: bool, keep: bool) -> int:
    """Rebuild, compare, swap where asked; return the exit code: 0 equal (or applied), 1 different. Raises RebuildError or InstanceError."""
    if settings.embedded_kafka and not (Path(settings.data_dir) / "kafka").is_dir():
        raise RebuildError(f"{settings.data_dir} has no log: name the folder by --data-dir, or a cluster by --kafka")
    try:
        with _broker(settings) as bootstrap:
            return asyncio.run(_run(settings, bootstrap, apply=apply, keep=keep))
    except (KafkaError, ReplayError, BrokerError, MigrationError, ClickHouseError, OSError) as error:
        raise RebuildError(str(error) or type(error).__name__) from error


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
    on_cluster = present.values()["on_cluster"]
    drop = f"DROP DATABASE IF EXISTS {new.database} {on_cluster} SYNC"
    client.command(drop)
    migrate(client, new)
    migrate(client, present)
    client.command(
        f"CREATE TABLE {new.database}.{comparison.UNCONFIRMED} (tenant String, id String) ENGINE = MergeTree ORDER BY (tenant, id)"
    )
    is_empty = not any(client.query(f"SELECT 1 FROM {present.database}.{t.name} LIMIT 1").result_rows for t in comparison.TABLES)  # noqa: S608 - a checked identifier
    writer = ClickHouseTableWriter(lambda: opened(new.database))
    copy = _Copy(log, writer, client, new.database, report, await log.confirmed())
    try:
        await copy.to_the_ends()
        code = 0
        if is_empty:
            report.line(f"{present.database} has no rows: it becomes what the log says")
        else:
            code = await _compared(copy, client, new, present, report)
        if apply or is_empty:
            await copy.to_the_ends()
            for table in comparison.TABLES:
                client.command(f"EXCHANGE TABLES {present.database}.{table.name} AND {new.database}.{table.name} {on_cluster}")
            after = ClickHouseTableWriter(lambda: opened(present.database))
            try:
                await copy.to_the_ends(after)
            finally:
                await after.close()
            report.line(f"applied: {present.database} is what the log says")
            code = 0
    finally:
        await writer.close()
    if keep:
        report.line(f"kept {new.database}{' (the tables as they were)' if apply or is_empty else ''}")
    else:
        client.command(drop)
    return code


async def _compared(copy: "_Copy", client: Client, new: Layout, present: Layout, report: Report) -> int:
    carried = comparing.carry(client, new, present, copy.oldest_ms) if copy.oldest_ms is not None else 0
    if carried:
        report.line(f"carried over {carried} rows that are older than the log")
    for _ in range(_ROUNDS):
        outcome = comparing.compare(client, new, present, int(time.time()))
        if not outcome.differing or not await copy.to_the_ends():
            break
    for line in comparing.told(outcome):
        report.line(line)
    return 1 if outcome.differing else 0


class _Copy:
    """Copies what lies between the position read and the ends, as often as asked."""

    def __init__(
        self, log: KafkaReplay, writer: TableWriter, client: Client, database: str, report: Report, confirmed: Mapping[TopicPartition, int]
    ) -> None:
        self._log = log
        self._writer = writer
        self._client = client
        self._database = database
        self._report = report
        self._confirmed = confirmed
        self._read: Positions | None = None
        self.oldest_ms: int | None = None
        """Of partitions that retention has cut: when the oldest record that is left was written (the newest of them, ms UTC)."""

    async def to_the_ends(self, writer: TableWriter | None = None) -> int:
        """Copy up to the ends of now; return the number of records. Raises RebuildError where ClickHouse does not take them."""
        spans = await self._log.spans()
        cut = {at for at, span in spans.items() if span.begin > 0} if self._read is None else set()
        if self._read is not None:
            spans = {at: Span(self._read[at], span.end) for at, span in spans.items()}
        total = sum(span.end - span.begin for span in spans.values())
        done = 0
        with self._report.copying(total) as advance:
            reached = {at: span.begin for at, span in spans.items()}
            async for records, positions in self._log.read(spans, _BATCH_RECORDS):
                cut = self._note_oldest(cut, records)
                await self._insert(records, writer or self._writer)
                done += len(records)
                reached.update(positions)
                advance(sum(min(reached[at], span.end) - span.begin for at, span in spans.items()))
        self._read = {at: max(span.begin, span.end) for at, span in spans.items()}
        return done

    def _note_oldest(self, cut: set[TopicPartition], records: list[FramedRecord]) -> set[TopicPartition]:
        for record in records:
            if record.at in cut:
                cut = cut - {record.at}
                self.oldest_ms = max(self.oldest_ms or 0, record.timestamp)
        return cut

    async def _insert(self, records: list[FramedRecord], writer: TableWriter) -> None:
        groups, _ = grouped(records, _INSERT_BYTES)
        for group in groups:
            await _put(writer, group)
        keys = [key for record in records if record.offset >= self._confirmed.get(record.at, 0) for key in _key_of(record)]
        if keys:
            self._client.insert(comparison.UNCONFIRMED, keys, column_names=["tenant", "id"], database=self._database)


async def _put(writer: TableWriter, group: Group) -> None:
    """Insert a group; a row that ClickHouse refuses is found by halving and left out, as the sink did when it set it aside."""
    outcome = await writer.insert(group.table, group.schema_id, [record.value for record in group.records])
    if isinstance(outcome, Inserted) or (isinstance(outcome, Refused) and len(group.records) == 1):
        return
    if isinstance(outcome, Refused):
        middle = len(group.records) // 2
        await _put(writer, group._replace(records=group.records[:middle]))
        await _put(writer, group._replace(records=group.records[middle:]))
        return
    raise RebuildError(f"ClickHouse does not take rows ({outcome.error}): {outcome.detail[:300]}")


def _key_of(record: FramedRecord) -> list[tuple[str, str]]:
    """Return the (tenant, id) of a record, none where it does not decode: then it is in no table."""
    try:
        found = codec.decode(record.value, Event) if record.at.topic == EVENTS else codec.decode(record.value, Problem)
    except codec.CodecError:
        return []
    return [(found.tenant, found.id)]
