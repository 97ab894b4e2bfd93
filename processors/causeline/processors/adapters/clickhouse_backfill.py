"""The backfill of `events_by_time` on ClickHouse (`causeline.processors.sink.backfill`), and `events` as a table that keeps nothing.

`events` stays what a sink inserts into, under its name and with its columns, so that a sink of the version before goes on: only its engine
becomes `Null`, and the views on it fill the tables that are read.
"""

import time
from collections.abc import Callable
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.processors.sink.backfill import BackfillError, BackfillReport, Day, copy_sql, days_sql, digest_sql, remaining, repair_sql
from causeline.schemas.migrations import BACKFILLED, BY_TIME_TABLE, COMPLETE, EVENTS_TABLE, TableLayout

_COPY: Final = {
    "async_insert": 0,
    "optimize_on_insert": 0,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 262_144,
    "min_insert_block_size_bytes": 256 << 20,
    "materialized_views_ignore_errors": 0,
}
_DIGESTS: Final = 5
"""Comparisons of a day: rows that come in between the two queries of one are in both tables at the next."""
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

    def is_settled(self) -> bool:
        """Return whether `events` keeps nothing."""
        return self._engine() == "Null"

    def is_complete(self) -> bool:
        """Return whether everything is in the new table, or there is none yet."""
        return self._engine() in ("Null", "") or COMPLETE in self._steps()

    def pending_rows(self) -> int:
        """Return how many rows are not copied."""
        return 0 if self.is_complete() else sum(day.rows for day in self._remaining())

    def fill(self, report: BackfillReport) -> int:
        """Copy and compare what is left; return how many rows. Raises BackfillError."""
        if self.is_complete():
            return 0
        count = 0
        while days := self._remaining():
            with report(sum(day.rows for day in days)) as advance:
                done = 0
                for day in days:
                    self._copy(day)
                    done += day.rows
                    advance(done)
                count += done
        self._note(COMPLETE, count)
        return count

    def repair(self) -> None:
        """Hide what versions without `previous_service` left under services where their events are no longer; safe to repeat."""
        for day, _ in self._client.query(days_sql(self._database, BY_TIME_TABLE)).result_rows:
            self._client.command(repair_sql(self._database, int(day)), settings=_COPY)

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
        self._client.command(copy_sql(self._database, names, day.day), settings=_COPY)
        now_s = int(self._clock())
        digests = [
            digest_sql(self._database, table, columns, day.day, self._retention_days, now_s) for table in (EVENTS_TABLE, BY_TIME_TABLE)
        ]
        for _ in range(_DIGESTS):
            there, here = (self._client.query(digest).result_rows[0] for digest in digests)
            if there == here:
                return self._note(day.step, day.rows)
        raise BackfillError(
            f"day {day.day} since 1970 has {there[0]} rows in {EVENTS_TABLE}, {here[0]} in {BY_TIME_TABLE}, and they are not the same"
        )

    def _remaining(self) -> list[Day]:
        days = [Day(int(day), int(rows)) for day, rows in self._client.query(days_sql(self._database)).result_rows]
        return remaining(days, self._steps())

    def _steps(self) -> set[str]:
        if not self._engine("migration_steps"):
            return set()
        query = f"SELECT step FROM {self._name('migration_steps')} FINAL WHERE number = {BACKFILLED}"  # noqa: S608 - a checked identifier
        return {str(row[0]) for row in self._client.query(query).result_rows}

    def _note(self, step: str, rows: int) -> None:
        names = ["number", "step", "rows"]
        settings = {"async_insert": 0}
        self._client.insert("migration_steps", [[BACKFILLED, step, rows]], column_names=names, database=self._database, settings=settings)

    def _engine(self, table: str = EVENTS_TABLE) -> str:
        query = "SELECT engine FROM system.tables WHERE database = {database:String} AND name = {table:String}"
        rows = self._client.query(query, parameters={"database": self._database, "table": table}).result_rows
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
