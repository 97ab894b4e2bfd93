"""Copies the public topics into ClickHouse: at least once from the log, idempotent rows, so that every record shows exactly once.

    poll ──▶ batch ──▶ one insert per (table, schema id) ──▶ commit the positions

Offsets move only after the insert was acknowledged. A crash in between makes the same rows go again; they have the same key and version.
Records are never decoded here: the bytes from the log become one Avro container.

- An insert starts when the last one began a linger ago, or at once when a reader waits (`wake`). The linger follows the rate of the rows
  (`pacing.py`): a quiet log is shown immediately, a busy one in large inserts. The next batch is read while one insert runs.
- While ClickHouse is away, the same rows are tried for ever; nothing is polled once the next batch is full, and the membership stays.
- A row that ClickHouse refuses is found by halving and set aside with its reason; it never stops the partition.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential
from tenacity.wait import wait_base

from causeline.processors.runtime.pacing import pause_s, spacing_s
from causeline.processors.sink.batches import Group, ReadBatch, group_records
from causeline.processors.sink.ports import (
    Away,
    DeadLetterLog,
    FramedRecord,
    Inserted,
    InsertOutcome,
    RowsRefused,
    SinkBatch,
    SinkSource,
    TableWriter,
    TopicPartition,
)
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason
from causeline.schemas.telemetry import DEAD_LETTERS_SET_ASIDE, INSERT_RETRIES, LAG_SECONDS, ROWS_INSERTED

_IDLE_POLL_MS: Final = 100
"""How long a stop may stay unnoticed; records end a poll at once."""
_LINGER_POLL_MS: Final = 10
"""How long a reader's `wake`, or the end of an insert, may stay unnoticed while records wait."""
_POLL_RECORDS: Final = 5_000
"""About 10 ms of parsing: meanwhile nobody notices that an insert ended, and the next one does not start."""

_log: Final = structlog.get_logger(__name__)


class InsertLimits(NamedTuple):
    """When an insert starts and how large it gets. Two batches are in memory at most: one being inserted, one being read.

    Two inserts begin `linger_ms` apart from `busy_per_s` rows a second on; below, in proportion less, but `least_linger_ms`, and so that
    inserts take `share` of the time at most, `urgent_share` while a reader waits: one is 5 to 50 ms of a core, by the machine, and a part
    for the merges, whatever is in it. What it takes beyond, writers and readers lack. How large one gets matters where the sink is behind:
    of twice as many rows each costs a seventh less, merges included (docs/measurements.md, "Tables").
    """

    linger_ms: int = 250
    least_linger_ms: int = 30
    busy_per_s: int = 2_000
    share: float = 0.25
    urgent_share: float = 0.5
    max_records: int = 100_000
    max_bytes: int = 64 << 20


DEFAULT_LIMITS: Final = InsertLimits()


class SinkClock(NamedTuple):
    """`now_ms` is the wall clock in ms UTC (for the lag), `monotonic` seconds that never go back (for the linger)."""

    now_ms: Callable[[], int]
    monotonic: Callable[[], float]


class _Stopped(Exception):
    """The sink was asked to stop while ClickHouse was away: nothing is committed."""


class Sink:
    """One member of the sink's group. `run` ends after `stop`; it raises where dead letters cannot be written."""

    def __init__(
        self,
        source: SinkSource,
        writer: TableWriter,
        dead_letters: DeadLetterLog,
        clock: SinkClock,
        *,
        limits: InsertLimits = DEFAULT_LIMITS,
        backoff: wait_base | None = None,
    ) -> None:
        self._source: Final = source
        self._writer: Final = writer
        self._dead_letters: Final = dead_letters
        self._clock: Final = clock
        self._limits: Final = limits
        self._backoff: Final = backoff if backoff is not None else wait_random_exponential(multiplier=0.1, max=5)
        self._stopping: Final = asyncio.Event()
        self._committed: Final[dict[TopicPartition, int]] = {}
        self._batch = ReadBatch()
        self._inserting: ReadBatch | None = None
        self._last_insert = float("-inf")
        self._linger_s = 0.0
        self._took_s = 0.0
        self._urgent_until = float("-inf")

    def wake(self) -> None:
        """Insert without lingering what comes in the next moment: a reader waits for it."""
        self._urgent_until = self._clock.monotonic() + self._limits.linger_ms / 1_000

    def stop(self) -> None:
        """Ask `run` to end: the running insert is finished and committed; what was only read is read again by the next owner."""
        self._stopping.set()

    async def run(self) -> None:
        """Copy until stopped."""
        async with asyncio.TaskGroup() as tasks:
            running: asyncio.Task[None] | None = None
            while not self._stopping.is_set():
                if running is not None and (running.done() or self._full()):
                    await running
                    running = None
                if running is None and self._due():
                    batch, self._batch = self._batch, ReadBatch()
                    running = tasks.create_task(self._apply(batch))
                    self._plan_linger(len(batch.records))
                self._batch.add(await self._poll())
                await asyncio.sleep(0)  # records that were prefetched come without a wait, and the insert needs its turn
                self._show_lag()
        self._show_lag()

    async def _poll(self) -> SinkBatch:
        room = self._limits.max_records - len(self._batch.records)
        wait_ms = _IDLE_POLL_MS
        if self._batch.records:
            left_ms = int((self._last_insert + self._gap_s(is_urgent=False) - self._clock.monotonic()) * 1_000)
            wait_ms = left_ms if 0 < left_ms < _LINGER_POLL_MS else _LINGER_POLL_MS
        return await self._source.poll(min(max(room, 1), _POLL_RECORDS), wait_ms)

    def _full(self) -> bool:
        return len(self._batch.records) >= self._limits.max_records or self._batch.bytes >= self._limits.max_bytes

    def _due(self) -> bool:
        has_moved = any(self._committed.get(tp) != position for tp, position in self._batch.positions.items())
        if not self._batch.records and not has_moved:
            return False
        now = self._clock.monotonic()
        return self._full() or now - self._last_insert >= self._gap_s(is_urgent=now < self._urgent_until)

    def _gap_s(self, *, is_urgent: bool) -> float:
        """Return how long after the beginning of the last insert the next one begins."""
        longest_s, limits = self._limits.linger_ms / 1_000, self._limits
        if is_urgent:
            return spacing_s(self._took_s, longest_s, limits.urgent_share)
        return max(self._linger_s, spacing_s(self._took_s, longest_s, limits.share))

    def _plan_linger(self, rows: int) -> None:
        now, limits = self._clock.monotonic(), self._limits
        since = now - self._last_insert
        self._last_insert = now
        least = min(limits.least_linger_ms, limits.linger_ms) / 1_000
        self._linger_s = max(least, pause_s(rows, since, limits.linger_ms / 1_000, limits.busy_per_s))

    async def _apply(self, batch: ReadBatch) -> None:
        """Insert a batch, set aside what does not fit, then commit. Nothing is committed where the sink is stopped on the way."""
        self._inserting = batch
        began = self._clock.monotonic()
        try:
            groups, misfits = group_records(batch.records, self._limits.max_bytes)
            for group in groups:
                await self._insert(group)
            for misfit in misfits:
                await self._set_aside(misfit.record, "undecodable", misfit.detail)
        except _Stopped:
            return
        finally:
            self._inserting = None
            self._took_s = self._clock.monotonic() - began
        # Where the broker does not answer, the positions stay uncommitted and go with a later batch.
        if batch.positions and await self._source.commit(batch.positions) != "unavailable":
            self._committed.update(batch.positions)

    async def _insert(self, group: Group) -> None:
        outcome = await self._insert_patiently(group)
        match outcome:
            case Inserted():
                ROWS_INSERTED.labels(group.table).inc(len(group.records))
            case RowsRefused(detail) if len(group.records) == 1:
                await self._set_aside(group.records[0], "row_refused", detail)
            case RowsRefused():
                middle = len(group.records) // 2
                await self._insert(group._replace(records=group.records[:middle]))
                await self._insert(group._replace(records=group.records[middle:]))
            case Away():
                raise _Stopped

    async def _insert_patiently(self, group: Group) -> InsertOutcome:
        """Try until ClickHouse took or refused the rows; Away only where the sink was stopped."""
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, Away)),
            wait=self._backoff,
            stop=lambda _: self._stopping.is_set(),
            sleep=self._pause,
            before_sleep=self._note_retry,
            retry_error_callback=_last_outcome,
        )
        frames = [record.value for record in group.records]
        outcome: InsertOutcome = await retrying(self._writer.insert, group.table, group.schema_id, frames)
        return outcome

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _note_retry(self, state: RetryCallState) -> None:
        away = _last_outcome(state)
        assert isinstance(away, Away)
        INSERT_RETRIES.labels(away.error).inc()
        self._show_lag()
        _log.warning("insert_retried", error=away.error, detail=away.detail[:500], attempt=state.attempt_number)

    async def _set_aside(self, record: FramedRecord, reason: DeadLetterReason, detail: str) -> None:
        letter = DeadLetter(
            reason=reason,
            detail=detail[:2_000],
            at=record.timestamp,
            topic=record.at.topic,
            partition=record.at.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
        )
        await self._dead_letters.append(letter)
        DEAD_LETTERS_SET_ASIDE.labels(reason).inc()
        _log.error(
            "record_set_aside", reason=reason, detail=detail[:500], topic=letter.topic, partition=letter.partition, offset=letter.offset
        )

    def _show_lag(self) -> None:
        oldest = [b.oldest for b in (self._inserting, self._batch) if b is not None and b.oldest is not None]
        lag_ms = self._clock.now_ms() - min(oldest) if oldest else 0
        LAG_SECONDS.labels("sink").set(max(lag_ms, 0) / 1_000)


def _last_outcome(state: RetryCallState) -> InsertOutcome:
    assert state.outcome is not None
    outcome: InsertOutcome = state.outcome.result()
    return outcome
