"""The tables made anew from the log beside the present database, compared with it, and swapped in where asked.

    read the public topics ──▶ <database>_rebuild ──▶ compare ──▶ [apply: catch up, exchange the tables, catch up]

Rows are made by the sink's own grouping and inserts (`copying.py`), so a row is what the sink would have made of it. An interrupted
rebuild leaves the new database behind, which the next one drops. Without `apply` the present database is only read: one that lacks
migrations, tables or its folder is refused, which `apply` mends.

What the log cannot say: rows older than the oldest record of a partition of their topic that was cut (or any, where one was emptied) are
carried over where the log has no such key. They are never lost by that, but a row that does not belong there is not found either. Of a
compacted topic that is every row: its log has one record of a key, the tables have all that there were.

Why a swap loses nothing beside running sinks: what lies before the position that was read is in the new tables. What lies behind it a sink
inserts into the tables that have the name at that time: before the exchange these are the old ones. The ends of the log are therefore
asked for after the exchange, and everything from the position read to there goes into the tables again; a sink that resolved the old table
just before has read its record by then, so it lies before those ends. Rows are idempotent: copying one twice is harmless. Each table is
exchanged atomically, one after another; the views go by name, so they follow.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from causeline.processors.sink import copying
from causeline.processors.sink.comparison import Comparison
from causeline.processors.sink.copying import Copy
from causeline.processors.sink.ports import PublicLog, TableWriter

_ROUNDS: Final = 3
"""Comparisons beside running sinks: what they inserted meanwhile is read, and left out of the next one."""


class RebuildError(Exception):
    """The rebuild cannot be carried out; the message says why, in one line. The present tables are as they were."""


class RebuildReport(copying.CopyReport, Protocol):
    """Shows what a rebuild does."""

    def line(self, text: str) -> None:
        """Show one line."""
        ...

    def outcome(self, comparison: Comparison) -> None:
        """Show what a comparison found."""
        ...


class Databases(Protocol):
    """The present database and the new one beside it, of one engine or server. Methods block."""

    present: str
    new: str

    def drop_new(self) -> None:
        """Drop the new database, if it is there."""
        ...

    def make_new(self) -> None:
        """Make the new database with all its tables."""
        ...

    def pending(self) -> Sequence[str]:
        """Return the titles of the migrations that the present database lacks."""
        ...

    def count_uncopied(self) -> int:
        """Return how many rows of `events` a migration has still to copy."""
        ...

    def lacking(self) -> Sequence[str]:
        """Return the tables and views that the new database has and the present one has not, by name."""
        ...

    def mend(self, *, has_losses: bool) -> None:
        """Apply what the present database lacks; `has_losses`: also what is recorded as applied, and is gone."""
        ...

    def expect_unconfirmed(self) -> None:
        """Make room for the keys that are not compared."""
        ...

    def add_unconfirmed(self, keys: list[tuple[str, str]]) -> None:
        """Leave records of these (tenant, id) out of comparisons."""
        ...

    def is_empty(self) -> bool:
        """Tell whether no table of the present database has a row."""
        ...

    def carry(self, horizons: Mapping[str, int]) -> int:
        """Copy rows that the log may no longer have (of each topic, from before a time, ms UTC) into the new one; return how many."""
        ...

    def compare(self, now_s: int) -> Comparison:
        """Compare all tables; `now_s` (s UTC) decides what has expired."""
        ...

    def exchange(self) -> None:
        """Put each of the new tables into the place of the present one, and that one into its, atomically, one after another."""
        ...

    def write_new(self) -> AbstractAsyncContextManager[TableWriter]:
        """Write rows into the new database for the length of a block."""
        ...

    def write_present(self) -> AbstractAsyncContextManager[TableWriter]:
        """Write rows into the tables that have the names of the present ones then."""
        ...


async def rebuild_tables(
    log: PublicLog, databases: Databases, report: RebuildReport, now_ms: Callable[[], int], *, apply: bool, keep: bool
) -> int:
    """Rebuild, compare, swap where `apply` says so; return the exit code: 0 equal or replaced, 1 different. Raises RebuildError, CopyError.

    `keep` leaves the database beside it: the new tables, or after a swap those that they replaced.
    """
    databases.drop_new()
    _prepare(databases, apply=apply)
    async with databases.write_new() as writer:
        copy = Copy(log, writer, databases.add_unconfirmed, report, await log.sink_positions(), now_ms)
        await copy.to_the_ends()
        code = 0
        if apply and databases.is_empty():
            report.line(f"{databases.present} has no rows: nothing to compare")
        else:
            code = await _compare(copy, databases, report, now_ms)
        if apply:
            await _swap(copy, databases)
            report.line(f"replaced: {databases.present} is what the log says")
            code = 0
    if keep:
        report.line(f"kept {databases.new}{' (the tables as they were)' if apply else ''}")
    else:
        databases.drop_new()
    return code


def _prepare(databases: Databases, *, apply: bool) -> None:
    """Make the new database; refuse, or with `apply` mend, a present one that is not whole. Raises RebuildError."""
    late = databases.pending()
    if late and not apply:
        names = ", ".join(late)
        raise RebuildError(f"{databases.present} lacks {names}: run `causeline migrate` first, or `causeline rebuild --apply`")
    if rows := databases.count_uncopied():
        raise RebuildError(f"{databases.present} has {rows} rows of events to copy: run `causeline migrate` first")
    databases.make_new()
    lacking = databases.lacking()
    if lacking and not apply:
        databases.drop_new()
        raise RebuildError(f"{databases.present} lacks {', '.join(lacking)}: `causeline rebuild --apply` makes them anew")
    if apply:
        databases.mend(has_losses=bool(lacking) and not late)
    databases.expect_unconfirmed()


async def _compare(copy: Copy, databases: Databases, report: RebuildReport, now_ms: Callable[[], int]) -> int:
    rows = databases.carry(copy.horizons) if copy.horizons else 0
    if rows:
        report.line(f"carried over {rows} rows that the log no longer has")
    for _ in range(_ROUNDS):
        comparison = databases.compare(now_ms() // 1_000)
        if not comparison.differing or not await copy.to_the_ends():
            break
    report.outcome(comparison)
    return 1 if comparison.differing else 0


async def _swap(copy: Copy, databases: Databases) -> None:
    """Put the new tables into the place of the present ones; why nothing is lost by that is said above."""
    await copy.to_the_ends()
    databases.exchange()
    async with databases.write_present() as writer:
        await copy.to_the_ends(writer)
