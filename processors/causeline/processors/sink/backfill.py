"""The rows that `events` held before `events_by_time` was there, packed into it: the statements, and what is left to do. No I/O here.

    migrate ──▶ views fill the new table ──▶ backfill a day ──▶ compare it ──▶ … ──▶ complete ──▶ `events` becomes a Null table

From the views on every insert is in both, so a day (UTC, of the event's time) is copied once: its newest versions (an older one may lie
under another service, and has no tombstone there). What comes in meanwhile has a higher version, or is the same. A day whose rows are
equal is noted (`migration_steps`), so a run that was stopped goes on behind it. Lists are answered from `events` until all days are noted.

What must change together: `BACKFILLED` and `clickhouse/0009_events_by_time.sql`.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from causeline.processors.sink.comparison import COMPARED_TABLES, day_sql, kept_sql, row_hash
from causeline.schemas.migrations import BY_SERVICE_TABLE, BY_TIME_TABLE, EVENTS_TABLE

_BY_TIME: Final = next(table for table in COMPARED_TABLES if table.name == BY_TIME_TABLE)
_DAY_MS: Final = 86_400_000


class BackfillError(Exception):
    """A day cannot be made equal; the message says which and how many rows it has. Nothing is lost: `events` answers on."""


BackfillReport = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows the way to so many rows for the length of a block; the function given takes how many are done."""


class Day(NamedTuple):
    """A day that has rows: days since 1970, and how many rows lie in it, all versions."""

    day: int
    rows: int

    @property
    def step(self) -> str:
        """Return the name under which it is noted."""
        return f"day {self.day}"


def remaining(days: Sequence[Day], steps: Collection[str]) -> list[Day]:
    """Return the days that are not noted, newest first: they are looked at most."""
    return sorted((day for day in days if day.step not in steps), reverse=True)


def days_sql(database: str, table: str = EVENTS_TABLE) -> str:
    """Return (day, rows) of every day of a table."""
    return f"SELECT {day_sql(_BY_TIME)} AS day, count() FROM {database}.{table} GROUP BY day"  # noqa: S608 - a checked identifier


def copy_sql(database: str, columns: Sequence[str], day: int) -> str:
    """Return the statement that copies the newest rows of a day, and what was deleted: a row of it may come once more.

    Repeated, it adds rows that merges and FINAL take for the same ones.
    """
    names = ", ".join(f"`{name}`" for name in columns)
    newest = f"SELECT {names} FROM {database}.{EVENTS_TABLE} FINAL WHERE {within_day(day)}"  # noqa: S608 - as above
    deleted = f"SELECT {names} FROM {database}.{EVENTS_TABLE} WHERE {within_day(day)} AND is_deleted"  # noqa: S608 - as above
    return f"INSERT INTO {database}.{BY_TIME_TABLE} ({names}) {newest} UNION ALL {deleted}"


def repair_sql(database: str, day: int) -> str:
    """Return the statement that hides rows of a day under services where their event is no longer.

    A version that was made before versions named the service before them (`previous_service`) left its row there. The newest version of the
    event says where it is, and gives the tombstone its number.
    """
    newest = (
        f"SELECT tenant, ts, id, max(version) AS newest, argMax(service, version) AS place, argMax(updated_ts, version) AS updated "  # noqa: S608 - as above
        f"FROM {database}.{BY_TIME_TABLE} WHERE {within_day(day)} GROUP BY tenant, ts, id"
    )
    return (
        f"INSERT INTO {database}.{BY_SERVICE_TABLE} (tenant, service, ts, id, version, is_deleted, updated_ts) "  # noqa: S608 - as above
        f"SELECT s.tenant, s.service, s.ts, s.id, n.newest, 1, n.updated FROM {database}.{BY_SERVICE_TABLE} AS s FINAL "
        f"INNER JOIN ({newest}) AS n ON n.tenant = s.tenant AND n.ts = s.ts AND n.id = s.id "
        f"WHERE {within_day(day, 's.ts')} AND n.newest > s.version AND n.place != s.service"
    )


def digest_sql(database: str, table: str, columns: Sequence[tuple[str, str]], day: int, retention_days: int, now_s: int) -> str:
    """Return (rows, wrapping sum of their hashes) of a day: the newest versions that retention keeps, by all columns (name, type)."""
    kept_if = kept_sql(_BY_TIME, retention_days, now_s)
    return f"SELECT count(), sum({row_hash(columns)}) FROM {database}.{table} FINAL WHERE {within_day(day)} AND {kept_if}"  # noqa: S608 - as above


def within_day(day: int, column: str = "ts") -> str:
    """Return the condition that a time lies in a day (since 1970, UTC)."""
    bounds = (f"fromUnixTimestamp64Milli(toInt64({edge * _DAY_MS}), 'UTC')" for edge in (day, day + 1))
    return "{column} >= {} AND {column} < {}".format(*bounds, column=column)
