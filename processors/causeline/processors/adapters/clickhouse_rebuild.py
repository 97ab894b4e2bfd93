"""The Databases of a rebuild on ClickHouse: two of one engine or server, by the statements of `causeline.processors.sink.comparison`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter, apply_migrations, pending, run_statement
from causeline.processors.adapters.clickhouse_backfill import EventsBackfill
from causeline.processors.adapters.clickhouse_dora_backfill import DoraBackfill
from causeline.processors.sink.comparison import (
    COMPARED_TABLES,
    SHOWN,
    UNCONFIRMED,
    Comparable,
    Comparison,
    Difference,
    Slice,
    carry_sql,
    differing,
    kept_sql,
    row_hash,
    rows_sql,
    slices_sql,
)
from causeline.processors.sink.ports import TableWriter
from causeline.schemas.migrations import TableLayout, migrations, statements

_SETTINGS: Final = {"max_bytes_before_external_group_by": 256 << 20}
_INSERT: Final = {"async_insert": 0, "max_partitions_per_insert_block": 0}

ClientFactory = Callable[[str | None], Client]


class DatabaseError(Exception):
    """ClickHouse refuses, or does not answer; the message is its own."""


@asynccontextmanager
async def side_by_side(open_client: ClientFactory, default: str | None, present: TableLayout) -> AsyncIterator["ClickHouseDatabases"]:
    """Connect (on the database `default`) for the length of a block. Raises DatabaseError, also for what goes wrong inside the block."""
    try:
        client = open_client(default)
        try:
            yield ClickHouseDatabases(client, open_client, present)
        finally:
            client.close()
    except ClickHouseError as error:
        raise DatabaseError(str(error) or type(error).__name__) from error


class ClickHouseDatabases:
    """See Databases. The new database has the name of the present one with `_rebuild` behind it."""

    def __init__(self, client: Client, open_client: ClientFactory, present: TableLayout) -> None:
        self._client = client
        self._open_client = open_client
        self._present = present
        self._new = present._replace(database=f"{present.database}_rebuild")
        self._on_cluster = present.values()["on_cluster"]
        self.present = self._present.database
        self.new = self._new.database

    def drop_new(self) -> None:
        """See Databases."""
        self._client.command(f"DROP DATABASE IF EXISTS {self.new} {self._on_cluster} SYNC")

    def make_new(self) -> None:
        """See Databases."""
        apply_migrations(self._client, self._new)

    def pending(self) -> Sequence[str]:
        """See Databases. Raises MigrationError."""
        return [migration.title for migration in pending(self._client, self._present)]

    def count_uncopied(self) -> int:
        """See Databases."""
        return EventsBackfill(self._client, self._present).pending_rows() or DoraBackfill(self._client, self._present).pending_rows()

    def lacking(self) -> Sequence[str]:
        """See Databases."""
        query = "SELECT name FROM system.tables WHERE database = {database:String}"
        there, new_names = (
            {str(row[0]) for row in self._client.query(query, parameters={"database": each}).result_rows}
            for each in (self.present, self.new)
        )
        return sorted(new_names - there)

    def mend(self, *, has_losses: bool) -> None:
        """See Databases."""
        if has_losses:  # recorded as applied, gone since: every statement may be repeated
            for statement in (text for migration in migrations() for text in statements(migration.template, self._present)):
                run_statement(self._client, statement)
        apply_migrations(self._client, self._present)

    def expect_unconfirmed(self) -> None:
        """See Databases. The table is on the server of this client alone."""
        self._client.command(f"CREATE TABLE {self.new}.{UNCONFIRMED} (tenant String, id String) ENGINE = MergeTree ORDER BY (tenant, id)")

    def add_unconfirmed(self, keys: list[tuple[str, str]]) -> None:
        """See Databases."""
        self._client.insert(UNCONFIRMED, keys, column_names=["tenant", "id"], database=self.new)

    def is_empty(self) -> bool:
        """See Databases."""
        return not any(self._client.query(f"SELECT 1 FROM {self.present}.{table.name} LIMIT 1").result_rows for table in COMPARED_TABLES)  # noqa: S608 - a checked identifier

    def carry(self, horizons: Mapping[str, int]) -> int:
        """See Databases."""
        tables = [table for table in COMPARED_TABLES if table.topic in horizons]
        before = self._count_new(tables)
        for table in tables:
            # A view fills the others where their source is carried over, which is idempotent.
            statement = carry_sql(self.new, self.present, table, self._columns(table), horizons[table.topic])
            self._client.command(statement, settings=_INSERT)
        return self._count_new(tables) - before

    def compare(self, now_s: int) -> Comparison:
        """See Databases."""
        EventsBackfill(self._client, self._new).repair()
        comparisons = [self._compare_table(table, now_s) for table in COMPARED_TABLES]
        return Comparison(
            equal=sum(each.equal for each in comparisons),
            expired=sum(each.expired for each in comparisons),
            unconfirmed=sum(each.unconfirmed for each in comparisons),
            differing=sum(each.differing for each in comparisons),
            first=[difference for each in comparisons for difference in each.first],
        )

    def _compare_table(self, table: Comparable, now_s: int) -> Comparison:
        """Compare one table: its slices, and of those that differ the rows."""
        hash_sql, kept_if = row_hash(self._columns(table)), kept_sql(table, self._present.retention_days, now_s)
        sides: list[dict[int, Slice]] = []
        for side in (self.new, self.present):
            rows = self._client.query(slices_sql(side, self.new, table, hash_sql, kept_if)).result_rows
            sides.append({day: Slice(count, total) for day, count, total, _, _ in rows if count})
        of_new, of_present = sides
        days = differing(of_new, of_present)
        equal = sum(slice_.rows for day, slice_ in of_present.items() if day not in days)
        count, first = 0, list[Difference]()
        for day in days:  # the rows of one day at a time: all of a table may differ
            differences = self._client.query(
                rows_sql(self.new, self.present, table, hash_sql, kept_if, day), settings=_SETTINGS
            ).result_rows
            equal += of_present.get(day, Slice(0, 0)).rows - sum(1 for row in differences if row[0] != "only in the log")
            count += len(differences)
            first += [
                Difference(table.name, str(row[0]), tuple(str(part) for part in row[1:])) for row in differences[: SHOWN - len(first)]
            ]
        # What is left out is told of the present tables, whose rows came last.
        return Comparison(equal, sum(row[3] for row in rows), sum(row[4] for row in rows), count, first)

    def exchange(self) -> None:
        """See Databases."""
        for table in COMPARED_TABLES:
            self._client.command(f"EXCHANGE TABLES {self.present}.{table.name} AND {self.new}.{table.name} {self._on_cluster}")

    def write_new(self) -> AbstractAsyncContextManager[TableWriter]:
        """See Databases."""
        return _open_writer(self._open_client, self.new)

    def write_present(self) -> AbstractAsyncContextManager[TableWriter]:
        """See Databases."""
        return _open_writer(self._open_client, self.present)

    def _count_new(self, tables: Sequence[Comparable]) -> int:
        return sum(int(self._client.query(f"SELECT count() FROM {self.new}.{t.name} FINAL").result_rows[0][0]) for t in tables)  # noqa: S608 - a checked identifier

    def _columns(self, table: Comparable) -> Sequence[tuple[str, str]]:
        where = "database = {database:String} AND table = {table:String} AND default_kind != 'ALIAS'"
        query = f"SELECT name, type FROM system.columns WHERE {where} ORDER BY name"  # noqa: S608 - a constant
        rows = self._client.query(query, parameters={"database": self.present, "table": table.name}).result_rows
        return [(str(name), str(kind)) for name, kind in rows]


@asynccontextmanager
async def _open_writer(open_client: ClientFactory, database: str) -> AsyncIterator[TableWriter]:
    writer = ClickHouseTableWriter(lambda: open_client(database))
    try:
        yield writer
    finally:
        await writer.close()
