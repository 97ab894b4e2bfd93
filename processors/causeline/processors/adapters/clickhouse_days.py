"""Copies of a store's rows a day at a time on ClickHouse: which days are noted (`migration_steps`), the way through the others, comparing.

What the backfills share: each brings its own statements.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

from causeline.processors.sink.backfill import BackfillError, BackfillReport, Day, days_sql, remaining
from causeline.schemas.migrations import COMPLETE

COPY: Final = {
    "async_insert": 0,
    "optimize_on_insert": 0,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 262_144,
    "min_insert_block_size_bytes": 256 << 20,
    "materialized_views_ignore_errors": 0,
}
_DIGESTS: Final = 5
"""Comparisons of a day: rows that come in between the two queries of one are in both tables at the next."""
_STEPS_TABLE: Final = "migration_steps"


class CopyNames(NamedTuple):
    """The migration that a copy belongs to, by its number, and the tables that it goes from and to."""

    number: int
    source: str
    target: str


class DayCopies:
    """The days of one copy in a database. Methods block; they raise ClickHouseError where it refuses."""

    def __init__(self, client: Client, database: str, names: CopyNames) -> None:
        self._client, self._database, self._names = client, database, names

    def is_complete(self) -> bool:
        """Return whether all days were copied."""
        return COMPLETE in self._steps()

    def complete(self, rows: int) -> None:
        """Note that nothing is left to copy."""
        self._note(COMPLETE, rows)

    def pending_rows(self) -> int:
        """Return how many rows lie in days that are not noted."""
        return sum(day.rows for day in self._remaining())

    def fill(self, report: BackfillReport, copy: Callable[[Day], None]) -> int:
        """Copy what is left, days that come up meanwhile too; return how many rows. Raises what `copy` raises."""
        count = 0
        while days := self._remaining():
            with report(sum(day.rows for day in days)) as advance:
                done = 0
                for day in days:
                    copy(day)
                    done += day.rows
                    advance(done)
                count += done
        self.complete(count)
        return count

    def compare(self, day: Day, digests: tuple[str, str]) -> None:
        """Note a day whose two digests, (rows, sum) of source and target, are the same. Raises BackfillError where they stay different."""
        for _ in range(_DIGESTS):
            there, here = (self._client.query(digest).result_rows[0] for digest in digests)
            if there == here:
                return self._note(day.step, day.rows)
        _, source, target = self._names
        raise BackfillError(f"day {day.day} since 1970 has {there[0]} rows in {source}, {here[0]} in {target}, and they are not the same")

    def _remaining(self) -> list[Day]:
        rows = self._client.query(days_sql(self._database, self._names.source)).result_rows
        return remaining([Day(int(day), int(count)) for day, count in rows], self._steps())

    def _steps(self) -> set[str]:
        there = "SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {table:String}"
        if not self._client.query(there, parameters={"database": self._database, "table": _STEPS_TABLE}).result_rows:
            return set()
        query = f"SELECT step FROM {self._database}.{_STEPS_TABLE} FINAL WHERE number = {self._names.number}"  # noqa: S608 - a checked identifier
        return {str(row[0]) for row in self._client.query(query).result_rows}

    def _note(self, step: str, rows: int) -> None:
        row, columns = [self._names.number, step, rows], ["number", "step", "rows"]
        self._client.insert(_STEPS_TABLE, [row], column_names=columns, database=self._database, settings={"async_insert": 0})
