"""One owned partition, from its assignment to its revocation.

The order of the first steps is what exactly-once rests on: open the writer (fences the previous owner and ends its transaction), only
then read the committed offset, only then restore the state. After that every round is one transaction, and the state takes over a
round's changes only when it is committed: what is in memory is what is in the changelog. A changelog that is found not to hold the
state of the committed offset (`completeness.py`) is written anew from the input (`state_rebuild.py`), and a metric says so.

A stop ends everything but a round in flight: a revocation waits for this partition, and the group waits for the revocation.

What cannot be used is stepped over, loudly: a changelog record that is none (its state is lost, the partition is not), and an input on
which the logic fails (`poison.py`).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from causeline.processors.runtime import completeness
from causeline.processors.runtime.completeness import STANDING_KEY, Loss, Standing
from causeline.processors.runtime.pacing import pause_s, spacing_s
from causeline.processors.runtime.poison import TICK_KEY, Portion, describe_fault, portions
from causeline.processors.runtime.ports import (
    Broker,
    BrokerError,
    ChangelogRecord,
    Clock,
    FetchedRecords,
    FirstOffsets,
    LogicFactory,
    Transactions,
)
from causeline.processors.runtime.state_rebuild import StateRebuild
from causeline.schemas.telemetry import RESTORE_SECONDS, STATE_REBUILT, TRANSACTION_SECONDS, UNREADABLE_RECORDS, Stage

_T = TypeVar("_T")

_log = structlog.get_logger()


_MAX_LINES: Final = 20
"""Lines a restore: a changelog that was filled with something else would take longer to log than to read. The metric counts every one."""


class Pace(NamedTuple):
    """How a partition is worked through.

    A round takes what is there, at most `max_records`, and waits at most `round_ms` for a first record. After a round that took all
    there was, the next one begins up to `rest_ms` after it at the earliest: that much from `busy_per_s` records a second on, in
    proportion less below, but so that rounds take `share` of the time at most (`pacing.py`).

    When `tick_s` seconds passed without a record on a partition that is caught up, its owner appends a tick, so that time goes on in the
    log. Where the log ends with the marker of a transaction it does so at once, since only a record behind it lets the committed offset
    reach the end that readers wait for.
    """

    round_ms: int = 100
    rest_ms: int = 0
    busy_per_s: int = 500
    share: float = 0.5
    max_records: int = 2_000
    tick_s: float = 1.0


class PartitionProcessor:
    """The work on one partition. `run` ends when `stop` was called, or raises what made it impossible to go on."""

    def __init__(self, number: int, broker: Broker, logic_factory: LogicFactory, clock: Clock, pace: Pace, stage: Stage) -> None:
        self.number = number
        self._broker = broker
        self._logic_factory = logic_factory
        self._logic = logic_factory(number)
        self._complete_from = 0
        self._clock = clock
        self._pace = pace
        self._stage = stage
        self._stopping = False
        self._given_up_at_stop: asyncio.Task[Any] | None = None
        self._position = 0
        self._ticked_at = -1
        self._last_record = clock.monotonic()
        self._round_began = self._earliest = self._last_record
        # Until the first fetch nothing is known of what waits in the log: the partition lags since its assignment at least.
        self._oldest_ms: int | None = clock.now_ms()

    def stop(self) -> None:
        """End after the round in flight; whatever else is under way is given up."""
        self._stopping = True
        if self._given_up_at_stop is not None:
            self._given_up_at_stop.cancel()

    def lag_seconds(self) -> float:
        """Return the age of the oldest record that is known and not committed, 0 when caught up."""
        return 0.0 if self._oldest_ms is None else max(0.0, (self._clock.now_ms() - self._oldest_ms) / 1_000)

    async def run(self) -> None:
        """Take over the partition and work on it. Raises BrokerError, or what the logic raised."""
        writer = await self._unless_stopped(self._broker.open(self.number))
        if writer is None:
            return
        try:
            await self._unless_stopped(self._prepare(writer))
            while not self._stopping:
                await self._turn(writer)
                await self._rest()
        finally:
            await writer.close()

    async def _unless_stopped(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Return what `work` returns. None where a stop comes first: the work is then cancelled and has ended."""
        if self._stopping:
            work.close()
            return None
        self._given_up_at_stop = task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task,))
        finally:
            self._given_up_at_stop = None
            if not task.done():  # This partition's own task was cancelled.
                task.cancel()
                await asyncio.wait((task,))
        if task.cancelled() and not self._stopping:
            raise BrokerError(f"partition {self.number}: something was cancelled that nobody gave up")
        return None if task.cancelled() else task.result()

    async def _prepare(self, writer: Transactions) -> None:
        self._position = await self._broker.committed(self.number)
        starts = await self._broker.starts(self.number)
        standing = await self._restore()
        loss = completeness.find_loss(standing, self._position, starts)
        self._complete_from = standing.complete_from if standing is not None and loss is None else starts.changelog
        if loss is not None:
            await self._rebuild(writer, loss, starts)

    async def _restore(self) -> Standing | None:
        """Restore the state and return the newest standing that the changelog holds."""
        standing: Standing | None = None
        began = self._clock.monotonic()
        records = unreadable = 0
        async for chunk in self._broker.changelog(self.number):
            for record in chunk:
                try:
                    if record.key == STANDING_KEY:
                        standing = completeness.decode_standing(record.value) if record.value else None
                    else:
                        self._logic.restore(record.key, record.value)
                except MemoryError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever a foreign or damaged record makes of a decoder
                    unreadable += 1
                    if unreadable <= _MAX_LINES:
                        self._tell_unreadable(record, error)
            records += len(chunk)
        if unreadable:
            UNREADABLE_RECORDS.labels(self._broker.changelog_topic).inc(unreadable)
        seconds = round(self._clock.monotonic() - began, 3)
        RESTORE_SECONDS.labels(self._stage, str(self.number)).set(seconds)
        figures = {"position": self._position, "records": records, "unreadable": unreadable, "seconds": seconds}
        _log.info("restored", stage=self._stage, partition=self.number, **figures)
        return standing

    def _tell_unreadable(self, record: ChangelogRecord, error: Exception) -> None:
        _log.error(
            "record_unreadable",
            topic=self._broker.changelog_topic,
            partition=self.number,
            offset=record.offset,
            key=repr(record.key[:100]),
            error=type(error).__name__,
            detail=str(error)[:500],
        )

    async def _rebuild(self, writer: Transactions, loss: Loss, starts: FirstOffsets) -> None:
        _log.error("state_lost", reason=loss, partition=self.number, position=self._position, rebuilding_from=starts.input)
        began = self._clock.monotonic()
        self._logic = self._logic_factory(self.number)
        rebuild = StateRebuild(self._broker, self.number, self._position, starts, now_ms=self._clock.now_ms)
        rebuilt = await rebuild.run(self._logic, writer)
        extent = "whole" if rebuilt.is_whole else "retained_input"
        STATE_REBUILT.labels(self._stage, str(self.number), loss, extent).inc()
        seconds = round(self._clock.monotonic() - began, 3)
        _log.error("state_rebuilt", reason=loss, partition=self.number, extent=extent, inputs=rebuilt.inputs, seconds=seconds)

    async def _rest(self) -> None:
        if (seconds := self._earliest - self._clock.monotonic()) > 0:
            await self._unless_stopped(self._clock.sleep(seconds))

    async def _turn(self, writer: Transactions) -> None:
        batch = await self._broker.fetch(self.number, self._position, self._pace.max_records, self._pace.round_ms)
        if self._stopping:
            return  # The position did not move, so the next owner reads these again.
        if batch.inputs:
            self._plan_rest(batch)
            await self._work(writer, batch)
        elif batch.caught_up:
            self._oldest_ms = None
        if batch.caught_up and not self._stopping:
            await self._tick_when_due(has_marker=batch.has_marker)

    def _plan_rest(self, batch: FetchedRecords) -> None:
        began, before = self._clock.monotonic(), self._round_began
        self._round_began = began
        if batch.caught_up:
            self._earliest = began + pause_s(len(batch.inputs), began - before, self._pace.rest_ms / 1_000, self._pace.busy_per_s)

    async def _work(self, writer: Transactions, batch: FetchedRecords) -> None:
        if batch.inputs[0].offset < self._position:
            came = batch.inputs[0].offset
            raise BrokerError(f"partition {self.number}: offset {came} came again, {self._position} is the next one")
        self._oldest_ms = batch.oldest_ms
        for portion in portions(self._logic, batch.inputs, self._clock.now_ms()):
            await self._round(writer, portion)
            if self._stopping:
                return
        if batch.caught_up:
            self._oldest_ms = None
            took = self._clock.monotonic() - self._round_began
            self._earliest = max(self._earliest, self._round_began + spacing_s(took, self._pace.rest_ms / 1_000, self._pace.share))

    async def _round(self, writer: Transactions, portion: Portion) -> None:
        inputs, round_, fault = portion
        position = inputs[-1].offset + 1
        began = self._clock.monotonic()
        standing = completeness.encode_standing(Standing(position, self._complete_from))
        await writer.commit(round_.out, round_.changes | {STANDING_KEY: standing}, position)
        self._last_record = self._clock.monotonic()
        TRANSACTION_SECONDS.observe(self._last_record - began)
        self._position = position
        self._logic.apply(round_)
        if fault is not None:
            place = {"partition": self.number, "offset": inputs[0].offset}
            _log.error("processing_failed", stage=self._stage, **place, reason=describe_fault(fault), exc_info=fault)
        _log.debug("committed", partition=self.number, position=position, records=len(inputs), outputs=len(round_.out))

    async def _tick_when_due(self, *, has_marker: bool) -> None:
        is_kept = has_marker and self._ticked_at != self._position  # one tick passes a marker
        if is_kept or self._clock.monotonic() - self._last_record >= self._pace.tick_s:
            await self._broker.append(self.number, TICK_KEY, self._logic.tick(self._clock.now_ms()))
            self._last_record = self._clock.monotonic()
            self._ticked_at = self._position
