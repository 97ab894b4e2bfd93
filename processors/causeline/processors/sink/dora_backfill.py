"""The rows that were stored before `dora_events` was there, made of those of `events_by_time`: the statements. No I/O here.

As with `backfill.py`: the view fills the table from the migration on, a day (UTC, of the event's time) is copied once, compared, and noted.
A row that comes in meanwhile has a higher version or is the same. Nothing is answered from the table until the last day is noted.

What must change together: the expressions are those of the view in `clickhouse/0013_dora_events.sql`; where `events_by_time` has no column
of a field, it is read from `record`.
"""

from typing import Final

from causeline.processors.sink.backfill import within_day
from causeline.processors.sink.comparison import COMPARED_TABLES, kept_sql, row_hash
from causeline.schemas.migrations import BY_TIME_TABLE, DORA_TABLE
from causeline.schemas.wire import codec

_DORA: Final = next(table for table in COMPARED_TABLES if table.name == DORA_TABLE)
_BESIDE: Final = frozenset({"tenant", "id", "ts", "raw"})
_PLACES: Final = {name: number + 1 for number, name in enumerate(
    field["name"] for field in codec.latest("event").definition["fields"] if field["name"] not in _BESIDE)}  # fmt: skip
"""Where a field stands in `record`, counted from 1."""

_IS_FACT: Final = (
    "e.kind IN ('deployment', 'release', 'change', 'commit', 'incident', 'recovery') AND e.dialect != 'escapekit' AND NOT e.is_deleted"
)
_IS_CHANGE: Final = f"({_IS_FACT} AND e.kind IN ('deployment', 'release', 'change'))"
_IS_PLACED: Final = f"({_IS_FACT} AND e.kind != 'commit')"


def _field_sql(name: str) -> str:
    return f"JSONExtractString(substringIndex(e.record, '\\n', 1), {_PLACES[name]})"


_COLUMNS: Final = {
    "tenant": "e.tenant",
    "ts": "e.ts",
    "id": "e.id",
    "version": "e.version",
    "is_deleted": f"toUInt8(NOT ({_IS_FACT}))",
    "updated_ts": "e.updated_ts",
    **{name: f"if({_IS_FACT}, toString(e.{name}), '')" for name in ("dialect", "kind", "status")},
    **{name: f"if({_IS_CHANGE}, e.`{name}`, NULL)" for name in ("start", "end")},
    **{name: f"if({_IS_PLACED}, toString(e.{name}), '')" for name in ("service", "environment", "team")},
    **{name: f"if({_IS_PLACED}, {_field_sql(name)}, '')" for name in ("repo", "project")},
    **{name: f"if({_IS_CHANGE}, {_field_sql(name)}, '')" for name in ("branch", "release", "title")},
    "related_id": f"if({_IS_CHANGE}, e.related_id, '')",
    "tags": f"if({_IS_CHANGE}, e.tags, map())",
    "commit": f"if({_IS_FACT}, {_field_sql('commit')}, '')",
    **{name: f"if({_IS_CHANGE}, e.{name}, [])" for name in ("commits", "commit_times")},
    "allowed_groups": f"if({_IS_FACT}, e.allowed_groups, [])",
}


def copy_dora_sql(database: str, day: int) -> str:
    """Return the statement that copies a day's rows, every version that is there. Repeated, it adds rows that FINAL takes for the same."""
    names = ", ".join(f"`{name}`" for name in _COLUMNS)
    return (
        f"INSERT INTO {database}.{DORA_TABLE} ({names}) SELECT {_columns_sql()} FROM {database}.{BY_TIME_TABLE} AS e "  # noqa: S608 - a checked identifier
        f"WHERE {within_day(day, 'e.ts')} AND (e.version > 1 OR {_IS_FACT})"
    )


def dora_digests_sql(database: str, types: dict[str, str], day: int, retention_days: int, now_s: int) -> tuple[str, str]:
    """Return the queries of (rows, wrapping sum of their hashes) of a day: of what it is made from, and of what was made.

    `types` are those of the table's columns, by name.
    """
    columns = [(name, types[name]) for name in _COLUMNS]
    casts = ", ".join(f"CAST({text}, '{types[name].replace(chr(39), chr(92) + chr(39))}') AS `{name}`" for name, text in _COLUMNS.items())
    made_from = f"SELECT {casts} FROM {database}.{BY_TIME_TABLE} AS e FINAL WHERE {within_day(day, 'e.ts')} AND {_IS_FACT}"  # noqa: S608 - as above
    copies = f"SELECT * FROM {database}.{DORA_TABLE} AS e FINAL WHERE {within_day(day, 'e.ts')}"  # noqa: S608 - as above
    kept_if = kept_sql(_DORA, retention_days, now_s)
    of_source, of_table = (f"SELECT count(), sum({row_hash(columns)}) FROM ({rows}) WHERE {kept_if}" for rows in (made_from, copies))  # noqa: S608 - as above
    return of_source, of_table


def _columns_sql() -> str:
    return ", ".join(f"{text} AS `{name}`" for name, text in _COLUMNS.items())
