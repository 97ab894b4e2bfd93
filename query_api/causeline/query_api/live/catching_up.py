"""A stream that begins in the past: it reads for itself until it has seen what the live tail has, and then goes over to it.

Nothing is lost or repeated on the way, by offsets alone. Its own reader gives nothing that the live tail has not passed yet. Close to it,
the stream is attached, which fixes where the live part begins on each partition; its own reader gives what lies before that, and ends.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from causeline.query_api.live.messages import StreamMessage, is_wanted, message_of, row_of, tenant_of_record, transition_of
from causeline.query_api.live.moves import Moves
from causeline.query_api.live.positions import Batch, LogRecord, Partition, Positions
from causeline.query_api.live.problem_past import ProblemPast
from causeline.query_api.live.tail import Follower, LiveTail
from causeline.query_api.ports import LogReading
from causeline.schemas.records.problem import Problem

_NEAR: Final = 500
"""Records behind the live tail at which a stream is attached: its queue holds what comes while it reads them, a poll or two."""
_MOST_HELD: Final = 5_000
_MOMENT_S: Final = 0.05


class CatchUp:
    """`place` is what the stream has behind it; the reading begins there. `on_close` is called once, with the end of the reading."""

    def __init__(self, reading: LogReading, place: Positions, live: LiveTail, past: ProblemPast, on_close: Callable[[], None]) -> None:
        self.place: dict[Partition, int] = dict(place)
        self._reading = reading
        self._live = live
        self._past = past
        self._on_close: Callable[[], None] | None = on_close
        self._moves = Moves()
        self._pending: list[LogRecord] = []
        reading.seek(place)

    async def rounds(self, follower: Follower) -> AsyncGenerator[list[StreamMessage], None]:
        """Yield what comes before the live part, perhaps nothing, a few times a second at least; at the end the follower is attached.

        Raises Unavailable where the log does not answer.
        """
        live_place: dict[Partition, int] | None = None
        at: Positions = self.place
        while live_place != self.place:
            if len(self._pending) < _MOST_HELD:
                batch = self._moves.fold(await self._reading.poll())
                at = batch.positions
            else:  # the live tail stands still: it is waited for
                await asyncio.sleep(_MOMENT_S)
                batch = Batch([], at)
            if live_place is None and self._is_near(at):
                live = self._live.attach(follower)
                live_place = {partition: live[partition] for partition in self.place}
            yield await self._messages_before(batch, live_place or self._live.positions, follower)

    def _is_near(self, at: Positions) -> bool:
        """Say whether the live tail has passed all that was given, and is hardly further than the own reader."""
        live = self._live.positions
        behind = sum(max(0, live[partition] - position) for partition, position in at.items())
        return behind <= _NEAR and all(live[partition] >= position for partition, position in self.place.items())

    async def _messages_before(self, batch: Batch, limit: Positions, follower: Follower) -> list[StreamMessage]:
        """Return the messages of the records before the limit, and hold the others back."""
        messages: list[StreamMessage] = []
        records = [*self._pending, *batch.records]
        self._pending = [record for record in records if record.offset >= limit[record.partition]]
        ready = [record for record in records if record.offset < limit[record.partition]]
        if follower.where.is_choosy:
            transitions = (transition_of(record) for record in ready)
            await self._past.load(key for key in transitions if key is not None and key[0] == follower.where.tenant)
        for record in ready:
            self.place[record.partition] = record.offset + 1
            row = row_of(record) if tenant_of_record(record) == follower.where.tenant else None
            before = self._past.before(row) if isinstance(row, Problem) else ()
            if row is not None and is_wanted(row, follower.where, before):
                messages.append(message_of(row, self.place, follower.where.topics))
        for partition, position in batch.positions.items():
            self.place[partition] = max(self.place[partition], min(position, limit[partition]))
        return messages

    async def close(self) -> None:
        """Close the reading; nothing happens the second time."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()
            await self._reading.close()
