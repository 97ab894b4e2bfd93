"""One owned partition, from its assignment to its revocation.

The order of the first steps is what exactly-once rests on: open the writer (fences the previous owner and ends its transaction), only
then read the committed offset, only then restore the state. After that every round is one transaction, and the state takes over a
round's changes only when it is committed: what is in memory is what is in the changelog. A changelog that is found not to hold the
state of the committed offset (`completeness.py`) is written anew from the input (`state_rebuild.py`), and a metric says so.
"""

from typing import NamedTuple

import structlog

from causeline.processors import completeness
from causeline.processors.completeness import STANDING_KEY, Loss, Standing
from causeline.processors.ports import Broker, BrokerError, Clock, Fetched, LogicFactory, Starts, Transactions
from causeline.processors.state_rebuild import StateRebuild
from causeline.schemas.telemetry import RESTORE_SECONDS, STATE_REBUILT, TRANSACTION_SECONDS, Stage

TICK_KEY = b"tick"

_log = structlog.get_logger()


class Pace(NamedTuple):
    """How a partition is worked through.

    A round takes what is there, at most `max_records`, and waits at most `round_ms` for a first record. After a round that took all
    there was, the next one begins `rest_ms` after it at the earliest: a transaction costs the broker about the same however many records
    are in it. When `tick_s` seconds passed without a record on a partition that is caught up, its owner appends a tick, so that time goes
    on in the log.
    """

    round_ms: int = 100
    rest_ms: int = 0
    max_records: int = 2_000
    tick_s: float = 1.0


class Partition:
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
        self._position = 0
        self._last_record = clock.monotonic()
        self._earliest = self._last_record
        # Until the first fetch nothing is known of what waits in the log: the partition lags since its assignment at least.
        self._oldest_ms: int | None = clock.now_ms()

    def stop(self) -> None:
        """End after the round in flight."""
        self._stopping = True

    def lag_seconds(self) -> float:
        """Return the age of the oldest record that is known and not committed, 0 when caught up."""
        return 0.0 if self._oldest_ms is None else max(0.0, (self._clock.now_ms() - self._oldest_ms) / 1_000)

    async def run(self) -> None:
        """Take over the partition and work on it. Raises BrokerError, or what the logic raised."""
        writer = await self._broker.open(self.number)
        try:
            self._position = await self._broker.committed(self.number)
            starts = await self._broker.starts(self.number)
            held = await self._restore()
            loss = completeness.missing(held, self._position, starts)
            self._complete_from = held.complete_from if held is not None and loss is None else starts.changelog
            if loss is not None and not self._stopping:
                await self._rebuild(writer, loss, starts)
            while not self._stopping:
                await self._rest()
                await self._turn(writer)
        finally:
            await writer.close()

    async def _restore(self) -> Standing | None:
        """Restore the state and return the newest standing that the changelog holds."""
        held: Standing | None = None
        started = self._clock.monotonic()
        records = 0
        async for chunk in self._broker.changelog(self.number):
            if self._stopping:
                return held
            for key, value in chunk:
                if key == STANDING_KEY:
                    held = completeness.decode(value) if value else None
                else:
                    self._logic.restore(key, value)
            records += len(chunk)
        seconds = self._clock.monotonic() - started
        RESTORE_SECONDS.labels(self._stage, str(self.number)).set(seconds)
        _log.info("restored", stage=self._stage, partition=self.number, position=self._position, records=records, seconds=round(seconds, 3))
        return held

    async def _rebuild(self, writer: Transactions, loss: Loss, starts: Starts) -> None:
        _log.error("state_lost", reason=loss, partition=self.number, position=self._position, rebuilding_from=starts.input)
        started = self._clock.monotonic()
        self._logic = self._logic_factory(self.number)
        rebuild = StateRebuild(self._broker, self.number, self._position, starts, lambda: self._stopping)
        rebuilt = await rebuild.run(self._logic, writer)
        if rebuilt is None:
            return
        extent = "whole" if rebuilt.is_whole else "retained_input"
        STATE_REBUILT.labels(self._stage, str(self.number), loss, extent).inc()
        seconds = round(self._clock.monotonic() - started, 3)
        _log.error("state_rebuilt", reason=loss, partition=self.number, extent=extent, inputs=rebuilt.inputs, seconds=seconds)

    async def _rest(self) -> None:
        if (seconds := self._earliest - self._clock.monotonic()) > 0:
            await self._clock.sleep(seconds)

    async def _turn(self, writer: Transactions) -> None:
        fetched = await self._broker.fetch(self.number, self._position, self._pace.max_records, self._pace.round_ms)
        if self._stopping:
            return  # The position did not move, so the next owner reads these again.
        if fetched.inputs:
            if fetched.caught_up:
                self._earliest = self._clock.monotonic() + self._pace.rest_ms / 1_000
            await self._round(writer, fetched)
        elif fetched.caught_up:
            self._oldest_ms = None
            await self._tick_when_idle()

    async def _round(self, writer: Transactions, fetched: Fetched) -> None:
        inputs = fetched.inputs
        if inputs[0].offset < self._position:
            raise BrokerError(f"partition {self.number}: offset {inputs[0].offset} came again, {self._position} is the next one")
        self._oldest_ms = fetched.oldest_ms
        made = self._logic.fold(inputs)
        position = inputs[-1].offset + 1
        started = self._clock.monotonic()
        standing = completeness.encode(Standing(position, self._complete_from))
        await writer.commit(made.out, made.changes | {STANDING_KEY: standing}, position)
        self._last_record = self._clock.monotonic()
        TRANSACTION_SECONDS.observe(self._last_record - started)
        self._position = position
        self._logic.apply(made)
        if fetched.caught_up:
            self._oldest_ms = None
        _log.debug("committed", partition=self.number, position=position, records=len(inputs), outputs=len(made.out))

    async def _tick_when_idle(self) -> None:
        if self._clock.monotonic() - self._last_record >= self._pace.tick_s:
            await self._broker.append(self.number, TICK_KEY, self._logic.tick(self._clock.now_ms()))
            self._last_record = self._clock.monotonic()
