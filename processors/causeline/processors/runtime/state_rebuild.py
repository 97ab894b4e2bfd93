"""The state of a partition made anew from its input, where the changelog lost it.

Time and decisions are in the log, so folding the input again up to the committed offset gives the state that was lost, and everything
it says was published when it was folded the first time: only the changelog is written. A record on which the logic failed then is left
out again where it still fails. However long that takes, nothing else of the
partition is worked on meanwhile, and its lag says so.

The new state is written in several transactions, the standing in the last one: a process that dies in between leaves a changelog that is
still found wanting. Input that retention has taken away cannot be folded again; `is_whole` says whether there was any.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

from causeline.processors.runtime import completeness
from causeline.processors.runtime.completeness import STANDING_KEY, Standing
from causeline.processors.runtime.poison import portions
from causeline.processors.runtime.ports import Broker, BrokerError, FirstOffsets, Logic, Transactions

_ROUND_RECORDS: Final = 2_000
_WAIT_MS: Final = 100
_TRANSACTION_BYTES: Final = 8 << 20
"""A transaction has ten seconds to end; this much takes a fraction of one."""

StateChanges = dict[bytes, bytes | None]


class RebuildResult(NamedTuple):
    """What a rebuild did: input records folded, state keys written; `is_whole` where the input began at its first record."""

    inputs: int
    keys: int
    is_whole: bool


class StateRebuild:
    """One rebuild of the state at the offset `committed`, into a logic that is new.

    `now_ms` is the wall clock, ms UTC. Whoever must stop cancels it: what is half written is found wanting again.
    """

    def __init__(
        self,
        broker: Broker,
        partition: int,
        committed: int,
        starts: FirstOffsets,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._broker = broker
        self._partition = partition
        self._committed = committed
        self._starts = starts
        self._now_ms = now_ms

    async def run(self, logic: Logic, writer: Transactions) -> RebuildResult:
        """Fold the input into `logic` and write its state. Raises BrokerError."""
        inputs, state = await self._fold(logic)
        tombstones: StateChanges = {}
        async for chunk in self._broker.changelog(self._partition):
            tombstones.update((record.key, None) for record in chunk if record.key != STANDING_KEY)
        # What is left in the changelog goes first and as a whole: readers of the segments of dedup rely on that.
        for some in chain(_portions(tombstones), _portions(state)):
            await writer.commit([], some, self._committed)
        standing = Standing(self._committed, self._starts.changelog)
        await writer.commit([], {STANDING_KEY: completeness.encode_standing(standing)}, self._committed)
        return RebuildResult(inputs, len(state), is_whole=self._starts.input == 0)

    async def _fold(self, logic: Logic) -> tuple[int, StateChanges]:
        """Fold the input up to the committed offset; return how many records, and what a compacted changelog would hold."""
        state: StateChanges = {}
        position, count = self._starts.input, 0
        while position < self._committed:
            batch = await self._broker.fetch(self._partition, position, _ROUND_RECORDS, _WAIT_MS)
            inputs = [record for record in batch.inputs if record.offset < self._committed]
            if inputs:
                for portion in portions(logic, inputs, self._now_ms()):
                    logic.replay(portion.round)
                    _take(state, portion.round.changes)
                position, count = inputs[-1].offset + 1, count + len(inputs)
            elif batch.inputs:
                break  # The offsets up to the committed one hold no records any more.
            elif batch.caught_up:
                raise BrokerError(f"partition {self._partition}: the input ends at {position}, {self._committed} is committed")
        return count, state


def _take(state: StateChanges, changes: Mapping[bytes, bytes | None]) -> None:
    """Let newer changes replace older ones."""
    for key, value in changes.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def _portions(changes: StateChanges) -> Iterator[StateChanges]:
    """Cut changes into transactions."""
    portion: StateChanges = {}
    size = 0
    for key, value in changes.items():
        portion[key] = value
        size += len(key) + len(value or b"")
        if size >= _TRANSACTION_BYTES:
            yield portion
            portion, size = {}, 0
    if portion:
        yield portion
