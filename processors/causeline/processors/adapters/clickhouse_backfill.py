"""The backfill of `events_by_time` on ClickHouse (`causeline.processors.sink.backfill`), and `events` as a table that keeps nothing.

`events` stays what a sink inserts into, under its name and with its columns, so that a sink of the version before goes on: only its engine
becomes `Null`, and the views on it fill the tables that are read.
"""

import time
from collections.abc import Callable
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.processors.adapters.clickhouse_days import COPY, CopyNames, DayCopies
from causeline.processors.sink.backfill import BackfillReport, Day, copy_sql, days_sql, digest_sql, repair_sql
from causeline.schemas.migrations import BACKFILLED, BY_TIME_TABLE, EVENTS_TABLE, TableLayout

_TURNS: Final = 20
_NULL: Final = "events_null"


class EventsBackfill:
    """What is left to copy in one database, and copying it. Methods block; they raise ClickHouseError where it refuses."""

    def __init__(self, client: Client, layout: TableLayout, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._database = layout.database
        self._on_cluster = layout.values()["on_cluster"]
        self._retention_days = layout.retention_days
        self._days = DayCopies(client, layout.database, CopyNames(BACKFILLED, EVENTS_TABLE, BY_TIME_TABLE))

    def is_settled(self) -> bool:
        """Return whether `events` keeps nothing."""
        return self._engine() == "Null"

    def is_complete(self) -> bool:
        """Return whether everything is in the new table, or there is none yet."""
        return self._engine() in ("Null", "") or self._days.is_complete()

    def pending_rows(self) -> int:
        """Return how many rows are not copied."""
        return 0 if self.is_complete() else self._days.pending_rows()

    def fill(self, report: BackfillReport) -> int:
        """Copy and compare what is left; return how many rows. Raises BackfillError."""
        return 0 if self.is_complete() else self._days.fill(report, self._copy)

    def repair(self) -> None:
        """Hide what versions without `previous_service` left under services where their events are no longer; safe to repeat."""
        for day, _ in self._client.query(days_sql(self._database, BY_TIME_TABLE)).result_rows:
            self._client.command(repair_sql(self._database, int(day)), settings=COPY)

    def settle(self) -> None:
        """Let `events` keep nothing and drop its rows. Safe to repeat, and in two processes at once; whoever comes late does it again."""
        for _ in range(_TURNS):
            if self.is_settled():
                break
            try:
                self._client.command(
                    f"CREATE TABLE IF NOT EXISTS {self._name(_NULL)} {self._on_cluster} AS {self._name(EVENTS_TABLE)} ENGINE = Null"
                )
                plain = ", ".join(self._plain_columns())
                self._client.command(f"ALTER TABLE {self._name(_NULL)} {self._on_cluster} {plain}")
                self._client.command(f"EXCHANGE TABLES {self._name(EVENTS_TABLE)} AND {self._name(_NULL)} {self._on_cluster}")
            except ClickHouseError:
                if not self.is_settled():
                    time.sleep(0.05)  # another process is at it
        self._client.command(f"DROP TABLE IF EXISTS {self._name(_NULL)} {self._on_cluster} SYNC SETTINGS max_table_size_to_drop = 0")

    def is_empty(self) -> bool:
        """Return whether `events` has no rows."""
        return not self._client.query(f"SELECT 1 FROM {self._name(EVENTS_TABLE)} LIMIT 1").result_rows  # noqa: S608 - a checked identifier

    def _copy(self, day: Day) -> None:
        columns = self._columns()
        names = [name for name, _ in columns]
        self._client.command(copy_sql(self._database, names, day.day), settings=COPY)
        now_s = int(self._clock())
        there, here = (
            digest_sql(self._database, table, columns, day.day, self._retention_days, now_s) for table in (EVENTS_TABLE, BY_TIME_TABLE)
        )
        self._days.compare(day, (there, here))

    def _engine(self) -> str:
        query = "SELECT engine FROM system.tables WHERE database = {database:String} AND name = {table:String}"
        rows = self._client.query(query, parameters={"database": self._database, "table": EVENTS_TABLE}).result_rows
        return str(rows[0][0]) if rows else ""

    def _columns(self) -> list[tuple[str, str]]:
        there = "database = {database:String} AND table = {table:String} AND default_kind = ''"
        query = f"SELECT name, type FROM system.columns WHERE {there}"  # noqa: S608 - as above
        rows = self._client.query(query, parameters={"database": self._database, "table": BY_TIME_TABLE}).result_rows
        return [(str(name), str(kind)) for name, kind in rows]

    def _plain_columns(self) -> list[str]:
        """Return the changes that make the dictionaries of `events` plain strings: where no row stays, they only cost."""
        there = "database = {database:String} AND table = {table:String}"
        query = f"SELECT name FROM system.columns WHERE {there} AND type = 'LowCardinality(String)'"  # noqa: S608 - as above
        rows = self._client.query(query, parameters={"database": self._database, "table": EVENTS_TABLE}).result_rows
        return [f"MODIFY COLUMN {name} String" for (name,) in rows]

    def _name(self, table: str) -> str:
        return f"{self._database}.{table}"
