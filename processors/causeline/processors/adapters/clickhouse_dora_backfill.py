"""The backfill of `dora_events` on ClickHouse (`causeline.processors.sink.dora_backfill`)."""

import time
from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse_days import COPY, CopyNames, DayCopies
from causeline.processors.sink.backfill import BackfillReport, Day
from causeline.processors.sink.dora_backfill import copy_dora_sql, dora_digests_sql
from causeline.schemas.migrations import BY_TIME_TABLE, DORA_BACKFILLED, DORA_TABLE, TableLayout


class DoraBackfill:
    """What is left to copy in one database, and copying it. It begins once `events_by_time` is whole. Methods block."""

    def __init__(self, client: Client, layout: TableLayout, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._database = layout.database
        self._retention_days = layout.retention_days
        self._days = DayCopies(client, layout.database, CopyNames(DORA_BACKFILLED, BY_TIME_TABLE, DORA_TABLE))

    def is_complete(self) -> bool:
        """Return whether everything is in the table, or there is none yet."""
        return not self._types() or self._days.is_complete()

    def pending_rows(self) -> int:
        """Return how many rows are not looked at."""
        return 0 if self.is_complete() else self._days.pending_rows()

    def complete(self) -> None:
        """Note that there is nothing to copy: the store is new."""
        self._days.complete(0)

    def fill(self, report: BackfillReport) -> int:
        """Copy and compare what is left; return how many rows were looked at. Raises BackfillError, ClickHouseError."""
        return 0 if self.is_complete() else self._days.fill(report, self._copy)

    def _copy(self, day: Day) -> None:
        self._client.command(copy_dora_sql(self._database, day.day), settings=COPY)
        digests = dora_digests_sql(self._database, self._types(), day.day, self._retention_days, int(self._clock()))
        self._days.compare(day, digests)

    def _types(self) -> dict[str, str]:
        there = "database = {database:String} AND table = {table:String}"
        parameters = {"database": self._database, "table": DORA_TABLE}
        rows = self._client.query(f"SELECT name, type FROM system.columns WHERE {there}", parameters=parameters).result_rows  # noqa: S608 - values are bound
        return {str(name): str(kind) for name, kind in rows}
