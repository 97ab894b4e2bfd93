"""The one reader of the log's end in a server: it decodes what somebody follows, once, and gives it to every stream that wants it.

It reads from the first stream on and until the last one has left. Streams take from bounded queues of their own. Where one is half
full the reader waits for it, but a moment only: a stream that takes too little is ended, it does not hold up the others.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from causeline.query_api.live.messages import StreamMessage, is_wanted, message_of, row_of, tenant_of_record, transition_of
from causeline.query_api.live.moves import Moves
from causeline.query_api.live.positions import WITH_CAUSES, Batch, LogRecord, Partition, Topics
from causeline.query_api.live.problem_past import ProblemPast, TransitionKey
from causeline.query_api.live.question import StreamFilter
from causeline.query_api.ports import LogReading, LogTail
from causeline.schemas import telemetry
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES
from causeline.schemas.web.errors import Unavailable

_log = structlog.get_logger(__name__)

_AGAIN_S: Final = 0.5
_SLICE: Final = 64
"""Records after which the streams are let run, whether or not one is crowded: 2 ms of work."""
_WAIT_S: Final = 0.05


class Follower(Protocol):
    """A stream as the reader sees it."""

    @property
    def where(self) -> StreamFilter:
        """What it shows."""
        ...

    @property
    def is_crowded(self) -> bool:
        """Whether its queue is half full."""
        ...

    def push(self, message: StreamMessage) -> None:
        """Take a message, or end where there is no room."""
        ...


class LiveTail:
    """`positions` are behind every record that was given to the attached followers. `now_ms` tells ms UTC.

    `on_failure` is called where positions were left out: every stream has to end then, also one that is not attached yet.
    """

    def __init__(self, log: LogTail, past: ProblemPast, now_ms: Callable[[], int], on_failure: Callable[[], None]) -> None:
        self._log = log
        self._past = past
        self._now_ms = now_ms
        self._on_failure = on_failure
        self.positions: dict[Partition, int] = {}
        self._followers: dict[str, list[Follower]] = {}
        self._behind: set[Follower] = set()
        self._running: asyncio.Task[None] | None = None
        self._starting: Final = asyncio.Lock()
        self._room: Final = asyncio.Event()

    async def start(self) -> None:
        """Read from the end of the log on, unless it is being read already. Raises Unavailable."""
        async with self._starting:
            if self._running is not None and not self._running.done():
                return
            reading = await self._log.open(WITH_CAUSES)
            try:
                self.positions = await reading.ends()
                reading.seek(self.positions)
            except BaseException:
                await reading.close()
                raise
            self._running = asyncio.create_task(self._run(reading), name="live tail")

    async def stop(self, is_needed: Callable[[], bool] = lambda: False) -> None:
        """Stop reading, unless it is needed when it comes to that; `start` begins again at the end that the log has then."""
        async with self._starting:
            if is_needed():
                return
            running, self._running = self._running, None
            if running is not None:
                running.cancel()
                await asyncio.wait({running})

    def attach(self, follower: Follower) -> dict[Partition, int]:
        """Give a follower every record from the returned positions on."""
        self._followers.setdefault(follower.where.tenant, []).append(follower)
        return dict(self.positions)

    def detach(self, follower: Follower) -> None:
        """Give it nothing more; nothing happens where it is not attached."""
        tenant = follower.where.tenant
        others = [other for other in self._followers.pop(tenant, []) if other is not follower]
        if others:
            self._followers[tenant] = others
        self.signal_room()

    def signal_room(self) -> None:
        """Say that a follower took something from its queue."""
        self._room.set()

    async def _run(self, reading: LogReading) -> None:
        moves = Moves()
        try:
            while True:
                try:
                    batch = await reading.poll()
                except Unavailable as error:
                    _log.warning("the log cannot be followed, streams wait", reason=error.message)
                    await reading.close()
                    reading, moves = await self._reopen(), Moves()
                else:
                    await self._offer(moves.fold(batch))
        except Exception:  # noqa: BLE001 - a bug here ends the streams, which may come back, and not the server
            _log.exception("live tail failed")
            self._on_failure()
        finally:
            await reading.close()

    async def _reopen(self) -> LogReading:
        """Return a reading that goes on where the one before stopped."""
        while True:
            await asyncio.sleep(_AGAIN_S)
            try:
                reading = await self._log.open(WITH_CAUSES)
                try:
                    begins = await reading.begins()
                    if any(position < begins[partition] for partition, position in self.positions.items()):
                        # The log was cut before it was read: streams that come back are told so.
                        self._on_failure()
                        self.positions = {partition: max(position, begins[partition]) for partition, position in self.positions.items()}
                    reading.seek(self.positions)
                except BaseException:
                    await reading.close()
                    raise
            except Unavailable:
                continue
            return reading

    async def _offer(self, batch: Batch) -> None:
        await self._past.load(self._later(batch.records))
        for number, record in enumerate(batch.records):
            if number % _SLICE == 0:
                await self._pace()
            self.positions[record.partition] = record.offset + 1
            if self._give(record):
                await self._pace()
        self.positions.update(batch.positions)
        if batch.records:
            newest = max(record.timestamp for record in batch.records)
            telemetry.STREAM_LAG_SECONDS.set(max(0, self._now_ms() - newest) / 1_000)

    def _later(self, records: Sequence[LogRecord]) -> list[TransitionKey]:
        """Return the transitions behind the first ones, of tenants whose streams show some problems and not others."""
        transitions = [one for record in records if (one := transition_of(record)) is not None and one[2] > 1 and one[0] in self._followers]
        by_tenant = {tenant: self._followers[tenant] for tenant, _, _ in transitions}
        choosy = {tenant for tenant, followers in by_tenant.items() if any(follower.where.is_choosy for follower in followers)}
        return [one for one in transitions if one[0] in choosy]

    def _give(self, record: LogRecord) -> bool:
        """Give a record to those who want it; return whether one of them should be waited for."""
        followers = self._followers.get(tenant_of_record(record), [])
        if record.partition.topic == CAUSES:  # large records, and few who follow them
            followers = [follower for follower in followers if follower.where.causes is not None]
        row = row_of(record) if followers else None
        if row is None:
            return False
        before = self._past.before(row) if isinstance(row, Problem) else ()
        messages: dict[Topics, StreamMessage] = {}
        is_crowded = False
        for follower in followers:
            if is_wanted(row, follower.where, before):
                topics = follower.where.topics
                if topics not in messages:
                    messages[topics] = message_of(row, self.positions, topics)
                follower.push(messages[topics])
                is_crowded = is_crowded or (follower.is_crowded and follower not in self._behind)
        return is_crowded

    async def _pace(self) -> None:
        """Let the streams send, and wait a moment for those whose queues have filled; for one that stays behind only once."""
        await asyncio.sleep(0)
        crowded_followers = self._crowded_followers() - self._behind
        if crowded_followers:
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAIT_S):
                    while any(follower.is_crowded for follower in crowded_followers):
                        self._room.clear()
                        await self._room.wait()
        self._behind = self._crowded_followers()

    def _crowded_followers(self) -> set[Follower]:
        return {follower for followers in self._followers.values() for follower in followers if follower.is_crowded}
