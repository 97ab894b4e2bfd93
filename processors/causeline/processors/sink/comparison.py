"""Two databases compared row for row: the statements, and what they found. No I/O here; `database` names are checked by `Layout.values`.

A table is cut into slices (a day of an instant that never changes for a row). Of each slice both databases tell a count and the wrapping
sum of a 64-bit hash of every column, which is the same in any order of rows; only slices that differ are looked at row by row. So memory
follows the number of days, not of rows. FINAL is applied before everything else. A map is sorted first: storage may reorder its keys.

Not compared: rows whose retention has passed (each database drops whole parts of them when it likes), and keys in `unconfirmed`: records
behind the positions that the sink had committed, of which the present tables may have any part.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from causeline.schemas.migrations import BY_SERVICE_TABLE, BY_TIME_TABLE, DORA_TABLE, REVISIONS_TABLE
from causeline.schemas.topics import CAUSES, DELIVERIES_LOG, EVENTS, PROBLEMS

UNCONFIRMED: Final = "unconfirmed"
"""A table (tenant, id) in the new database."""
SHOWN: Final = 5
"""Rows shown of each kind of difference, a table."""


class Comparable(NamedTuple):
    """A table: the topic that fills it, its sorting key beyond the tenant, the instant that slices it, what retention counts from.

    An empty `expires_by` is kept. Rows stay `own_days` where that is not 0, else as long as the setting says and `extra_days` more.
    """

    name: str
    topic: str
    key: tuple[str, ...]
    slice_by: str
    expires_by: str
    extra_days: int = 0
    own_days: int = 0


COMPARED_TABLES: Final = (
    Comparable(BY_TIME_TABLE, EVENTS, ("id", "ts"), "ts", "updated_ts"),
    Comparable(BY_SERVICE_TABLE, EVENTS, ("service", "ts", "id"), "ts", "updated_ts"),
    Comparable(DORA_TABLE, EVENTS, ("id", "ts"), "ts", "updated_ts"),
    Comparable("event_keys", EVENTS, ("id",), "ts", "updated_ts", extra_days=31),
    Comparable("problem_transitions", PROBLEMS, ("id", "version"), "start", "at"),
    Comparable("problems_open", PROBLEMS, ("id",), "start", ""),
    Comparable("problems_closed", PROBLEMS, ("id", "start"), "start", "at"),
    Comparable("deliveries", DELIVERIES_LOG, ("id", "at", "attempt"), "at", "at", own_days=90),
    Comparable("deliveries_newest", DELIVERIES_LOG, ("received", "id"), "received", "at", own_days=90),
    Comparable(REVISIONS_TABLE, CAUSES, ("id", "revision"), "computed_at", "computed_at"),
)


class Slice(NamedTuple):
    """Rows of one day of a table in one database: their number, and the sum of their hashes."""

    rows: int
    hashes: int


class Difference(NamedTuple):
    """One row that is not the same in both: `kind` is `only in the log`, `only in the tables` or `different`."""

    table: str
    kind: str
    key: tuple[str, ...]


class Comparison(NamedTuple):
    """What a comparison found: rows that are equal, of those left out the numbers, how many differ, and the first ones."""

    equal: int
    expired: int
    unconfirmed: int
    differing: int
    first: Sequence[Difference]


def differing(here: Mapping[int, Slice], there: Mapping[int, Slice]) -> list[int]:
    """Return the days whose slices are not the same, in order."""
    nothing = Slice(0, 0)
    return sorted(day for day in here.keys() | there.keys() if here.get(day, nothing) != there.get(day, nothing))


def row_hash(columns: Sequence[tuple[str, str]]) -> str:
    """Return the expression that hashes a row; `columns` are (name, type) in an order that both databases share."""
    parts: list[str] = []
    for name, kind in columns:
        if kind.startswith("Nullable("):
            parts += [f"isNull(`{name}`)", f"ifNull(`{name}`, toDateTime64(0, 3, 'UTC'))"]
        else:
            parts.append(f"mapSort(`{name}`)" if kind.startswith("Map(") else f"`{name}`")
    return f"cityHash64({', '.join(parts)})"


def kept_sql(table: Comparable, retention_days: int, now_s: int) -> str:
    """Return the condition of rows whose retention has not passed at `now_s` (s UTC)."""
    if not table.expires_by:
        return "1"
    days = table.own_days or retention_days + table.extra_days
    # Not what expires within the hour either: the comparison takes a while.
    return f"toUnixTimestamp64Milli({table.expires_by}) > {(now_s - days * 86_400 + 3_600) * 1_000}"


def day_sql(table: Comparable) -> str:
    """Return the expression of the day (since 1970) that a row lies in."""
    return f"intDiv(toUnixTimestamp64Milli({table.slice_by}), 86400000)"


def confirmed_sql(new: str) -> str:
    """Return the condition of keys that are compared."""
    return f"(tenant, id) NOT IN (SELECT tenant, id FROM {new}.{UNCONFIRMED})"  # noqa: S608 - a checked identifier


def slices_sql(database: str, new: str, table: Comparable, hash_sql: str, kept_if: str) -> str:
    """Return (day, rows compared, their hash, rows expired, rows unconfirmed) of every day."""
    return (
        f"SELECT {day_sql(table)} AS day, countIf(k AND c), sumIf(h, k AND c), countIf(NOT k), countIf(k AND NOT c) "  # noqa: S608 - as above
        f"FROM (SELECT {table.slice_by}, {hash_sql} AS h, {kept_if} AS k, {confirmed_sql(new)} AS c FROM {database}.{table.name} FINAL) "
        "GROUP BY day"
    )


def rows_sql(new: str, present: str, table: Comparable, hash_sql: str, kept_if: str, day: int) -> str:
    """Return (kind, tenant, key…) of the rows of a day that are not the same in both."""
    key = ", ".join(("tenant", *table.key))
    sides = " UNION ALL ".join(
        f"SELECT toString(tenant) AS tenant, {', '.join(table.key)}, {hash_sql} AS h, {side} AS side FROM {database}.{table.name} FINAL "  # noqa: S608 - as above
        f"WHERE {day_sql(table)} = {day} AND {kept_if} AND {confirmed_sql(new)}"
        for side, database in ((1, new), (2, present))
    )
    return (
        f"SELECT multiIf(sum(side) = 1, 'only in the log', sum(side) = 2, 'only in the tables', 'different') AS kind, {key} "  # noqa: S608 - as above
        f"FROM ({sides}) GROUP BY {key} HAVING count() = 1 OR min(h) != max(h) ORDER BY {key}"
    )


def carry_sql(new: str, present: str, table: Comparable, columns: Sequence[tuple[str, str]], before_ms: int) -> str:
    """Return the statement that copies what the log no longer holds: rows older than `before_ms` whose keys the new table does not have."""
    names = ", ".join(f"`{name}`" for name, _ in columns)
    key = ", ".join(("tenant", *table.key))
    age = table.expires_by or "at"
    return (
        f"INSERT INTO {new}.{table.name} ({names}) SELECT {names} FROM {present}.{table.name} FINAL "  # noqa: S608 - as above
        f"WHERE toUnixTimestamp64Milli({age}) < {before_ms} AND ({key}) NOT IN (SELECT {key} FROM {new}.{table.name})"
    )
