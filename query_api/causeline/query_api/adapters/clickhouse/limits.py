"""The bounds of one query to ClickHouse and of the pool, and what it means when one is met.

What must change together: the sum of these and of the engine's own (`ENGINE_OPTIONS` of the sink's `adapters/clickhouse.py`) is what the
process may use: 4 queries of 256 MiB and their answers (64 MiB, twice: the engine's buffer and ours) are 1.5 GiB at the very worst. What
the engine still holds for handles that were given up counts against its own bound.
"""

from typing import Final, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.exceptions import Error as CodedError

from causeline.schemas.web.errors import RequestError, TooMuch, TooSlow, Unavailable

_TOO_MANY_ROWS: Final = 158
_TIMEOUT: Final = 159
_MEMORY: Final = 241
_TOO_MANY_BYTES: Final = 307
_REPLICA: Final = 289
_RESULT: Final = 396
_OF_THE_QUERY: Final = "Query memory limit"
"""How the engine tells a query over its own bound from one that met a process which was full already."""
_NARROW: Final = "narrow the window of time, add a filter, or ask for fewer events"


class ReplicaBehind(Unavailable):
    """The replica that was asked lacks rows which were acknowledged, and the question must not be answered without them."""


class QueryLimits(NamedTuple):
    """Bounds of one query and of the pool.

    `waiting` bounds the queries that wait for a handle: at 10 ms a query and 4 handles, 256 waiting ones are served within 0.7 s;
    `waiting_each` are those of one tenant, so that there is room for the others. `silence_s` is what a query may take beyond its `seconds`:
    to wait for a handle, and on the way. A server that hangs does not keep its bounds: a handle that has not come back `grace_s` after that
    is given up, and at most `away` of them are waited for no more (`handles.py`).
    `read_bytes` are uncompressed ones: a scan under FINAL reads about 68 bytes and takes 0.25 us of CPU a row (measured on 3 M events in
    25 parts), so 3 GiB are about what two cores can read within `seconds`. `result_bytes` are 64,000 events of 1 KiB, or 60 of 1 MiB.
    """

    handles: int = 4
    away: int = 4
    waiting: int = 256
    waiting_each: int = 128
    seconds: int = 5
    silence_s: int = 2
    grace_s: int = 3
    memory_bytes: int = 256 << 20
    read_rows: int = 200_000_000
    read_bytes: int = 3 << 30
    rows: int = 100_000
    result_bytes: int = 64 << 20

    @property
    def within_s(self) -> int:
        """How long whoever asks waits at most (s)."""
        return self.seconds + self.silence_s

    @property
    def overdue_s(self) -> int:
        """From when on a handle has not come back (s): its query was killed, or had an end of its own, seconds ago."""
        return self.within_s + self.grace_s

    def clause(self, settings: str = "", mark: str = "", rows: str = "JSONEachRow") -> str:
        """Return what follows every query: its bounds, exact skip indexes under FINAL, settings of its own, and how its rows come.

        `mark` is the query's name in the engine, by which it can be killed; without one it has none.

        The engine's query condition cache is off: with it, 26.9 left rows out of the second page of problems (a condition over a
        `LIMIT 1 BY`, cached for granules that it was never asked of); the contract suite shows it.
        """
        settings = ", ".join(part for part in (settings, f"log_comment = '{mark}'" if mark else "") if part)
        return (
            f" SETTINGS max_execution_time = {self.seconds}, max_memory_usage = {self.memory_bytes}"
            f", max_rows_to_read = {self.read_rows}, max_bytes_to_read = {self.read_bytes}"
            f", max_result_rows = {self.rows}, max_result_bytes = {self.result_bytes}"
            ", result_overflow_mode = 'throw', use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1"
            ", do_not_merge_across_partitions_select_final = 1, use_query_condition_cache = 0"
            f", output_format_json_quote_64bit_integers = 0{f', {settings}' if settings else ''} FORMAT {rows}"
        )

    def refusal(self, error: ClickHouseError | OSError) -> RequestError:
        """Return what a failed query means to who asked: over a bound, over its time, or no store at all."""
        code = error.code if isinstance(error, CodedError) else None
        over = {
            _TOO_MANY_ROWS: f"reads more than {self.read_rows:,} events",
            _TOO_MANY_BYTES: f"reads more than {self.read_bytes >> 20:,} MiB",
            _RESULT: f"is answered by more than {self.rows:,} events or {self.result_bytes >> 20:,} MiB",
        }
        if code == _MEMORY and _OF_THE_QUERY in str(error):
            over[_MEMORY] = f"needs more than {self.memory_bytes >> 20:,} MiB of memory"
        if code in over:
            return TooMuch(f"the question {over[code]}: {_NARROW}")
        if code == _TIMEOUT:
            return TooSlow(f"the question was not answered within {self.seconds} s: {_NARROW}, or ask again")
        if code == _REPLICA:
            return ReplicaBehind("a replica of the store is behind: ask again", retry_after_s=1)
        return Unavailable("the store could not answer: ask again")
