"""All clients of one server that follow the log: how many there may be, of all tenants and of one, and where each begins."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from causeline.query_api.live.catching_up import CatchUp
from causeline.query_api.live.messages import StreamMessage
from causeline.query_api.live.positions import Partition, Positions, format_positions
from causeline.query_api.live.problem_past import AskLooks, ProblemPast
from causeline.query_api.live.question import StreamQuestion
from causeline.query_api.live.sse import gap_message
from causeline.query_api.live.stream import Room, Stream
from causeline.query_api.live.tail import LiveTail
from causeline.query_api.ports import LogReading, LogTail
from causeline.schemas import telemetry
from causeline.schemas.web.errors import FieldError, Invalid, Overloaded, OverShare, RequestError, Unavailable

_RETRY_S: Final = 5
_AGAIN_S: Final = 0.05


class Clocks(NamedTuple):
    """`now_ms` tells ms UTC, `steady` seconds that never go back."""

    now_ms: Callable[[], int]
    steady: Callable[[], float]


class Bounds(NamedTuple):
    """What streams may take.

    A queue of 8 MiB takes a batch of 10,000 small events at once. All queues together may hold 128 MiB; from there on 1 MiB each, so 200
    slow clients hold 328 MiB at most. A reader of the past holds up to 8 MiB, 8 of them 64 MiB; who finds no free one waits `patience_s`
    for it, since a restart brings everybody back at once. Who names a place behind the end of the log waits `behind_s` for the log to get
    there, and holds a reader meanwhile.

    One tenant has at most three quarters of either: the rest is for the others, however many clients one of them has. More would leave a
    single other tenant too little, less would waste more of a server that has one tenant alone.
    """

    streams: int = 200
    catching_up: int = 8
    queue_bytes: int = 8 << 20
    queued_bytes: int = 128 << 20
    heartbeat_s: float = 15.0
    patience_s: float = 5.0
    behind_s: float = 2.0

    @property
    def streams_of_one(self) -> int:
        """How many streams one tenant may have."""
        return _share(self.streams)

    @property
    def catching_up_of_one(self) -> int:
        """How many readers of the past one tenant may have."""
        return _share(self.catching_up)


def _share(whole: int) -> int:
    return max(1, whole * 3 // 4)


class Streams:
    """Opens streams. The live tail runs while there is at least one. `looks` reads how problems looked (`EventStore.looks`)."""

    def __init__(self, log: LogTail, looks: AskLooks, clocks: Clocks, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - a frozen value
        self._log = log
        self._clocks = clocks
        self._bounds = bounds
        self._room = Room(bounds.queue_bytes, bounds.queued_bytes)
        self._open: set[Stream] = set()
        self._past = ProblemPast(looks)
        self._live = LiveTail(log, self._past, clocks.now_ms, self._end_all)
        self._open_of: Final[dict[str, int]] = defaultdict(int)
        self._readers: Final = asyncio.Semaphore(bounds.catching_up)
        self._readers_of: Final[WeakValueDictionary[str, asyncio.Semaphore]] = WeakValueDictionary()
        self._stopping: Final = asyncio.Event()
        self._idle: Final[set[asyncio.Task[None]]] = set()
        telemetry.STREAMS.set_function(lambda: len(self._open))

    @property
    def partitions(self) -> int:
        """How many partitions each topic has."""
        return self._log.partitions

    async def open(self, question: StreamQuestion, is_admitted: Callable[[], bool]) -> Stream:
        """Return a stream, which the caller closes: what is written from now on will be in it.

        Raises Invalid for a place that the log does not have, OverShare or Overloaded where the tenant or all of them have too many streams
        or readers of the past, and Unavailable where the log does not answer or the server stops.
        """
        if self._stopping.is_set():
            raise Unavailable("the server stops: connect again", retry_after_s=1)
        tenant = question.where.tenant
        self._demand_room(tenant)
        stream = Stream(
            question.where,
            self._live,
            is_admitted,
            self._clocks.steady,
            room=self._room,
            heartbeat_s=self._bounds.heartbeat_s,
        )
        self._open.add(stream)
        self._open_of[tenant] += 1
        stream.on_close(lambda: self._leave(stream, tenant))
        try:
            await self._live.start()
            await self._place(stream, question)
        except BaseException:
            self._leave(stream, tenant)
            raise
        if self._stopping.is_set():
            stream.end("server_stopping")
        return stream

    def stop(self) -> None:
        """End all streams, and open no more."""
        self._stopping.set()
        for stream in self._open:
            stream.end("server_stopping")

    async def close(self) -> None:
        """Stop reading the log."""
        self.stop()
        if self._idle:
            await asyncio.wait(self._idle)
        await self._live.stop()

    def _demand_room(self, tenant: str) -> None:
        if self._open_of.get(tenant, 0) >= self._bounds.streams_of_one and self._bounds.streams:
            message = f"the tenant has {self._bounds.streams_of_one} streams open on this server, and more are not its share"
            raise _count_refusal(OverShare(message, _RETRY_S))
        if len(self._open) >= self._bounds.streams:
            raise _count_refusal(Overloaded(f"{self._bounds.streams} streams are open on this server, and more are not allowed", _RETRY_S))

    def _leave(self, stream: Stream, tenant: str) -> None:
        if stream in self._open:
            self._open.remove(stream)
            self._open_of[tenant] -= 1
            if not self._open_of[tenant]:
                del self._open_of[tenant]
        if not self._open and not self._stopping.is_set():
            task = asyncio.create_task(self._stop_if_idle(), name="live tail stops")
            self._idle.add(task)  # The loop holds tasks weakly, and one stop may begin before the last one has ended.
            task.add_done_callback(self._idle.discard)

    async def _stop_if_idle(self) -> None:
        await self._live.stop(lambda: bool(self._open))

    def _end_all(self) -> None:
        for stream in self._open:
            stream.end("failed")

    async def _place(self, stream: Stream, question: StreamQuestion) -> None:
        """Attach a stream to the live tail, or give it a reader of the past."""
        if question.resume is None and question.from_ms is None:
            stream.place = format_positions(self._live.attach(stream), question.where.topics)
            return
        release = await self._reader(question.where.tenant)
        try:
            reading = await self._log.open(question.where.topics)
        except BaseException:
            release()
            raise
        try:
            place = await self._locate(reading, stream, question)
        except BaseException:
            release()
            await reading.close()
            raise
        stream.place = format_positions(place, question.where.topics)
        stream.catch_up = CatchUp(reading, place, self._live, self._past, release)

    async def _reader(self, tenant: str) -> Callable[[], None]:
        """Return what gives back a place among the readers of the past. A tenant's own come first, so that it queues before no other."""
        own = self._readers_of.setdefault(tenant, asyncio.Semaphore(self._bounds.catching_up_of_one))
        refusal: RequestError = OverShare(f"{self._bounds.catching_up_of_one} streams of the tenant read the past already", _RETRY_S)
        try:
            async with asyncio.timeout(self._bounds.patience_s):
                await own.acquire()
                refusal = Overloaded(f"{self._bounds.catching_up} streams read the past already", _RETRY_S)
                try:
                    await self._readers.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise _count_refusal(refusal) from None

        def release() -> None:
            self._readers.release()
            own.release()

        return release

    async def _until_there(self, reading: LogReading, resume: Positions) -> None:
        """Return once the log ends at a client's place, or behind it. Raises Invalid where it does not within `behind_s`.

        A broker that has just started, or has just become the leader, says a lower end for a moment than it said before.
        """
        try:
            async with asyncio.timeout(self._bounds.behind_s) as patience:
                while not _reaches(await reading.ends(), resume):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(_AGAIN_S)
        except TimeoutError:
            if not patience.expired():
                raise
            message = "is of another log: this one is shorter; begin again without it"
            raise Invalid(f"last_event_id: {message}", (FieldError("last_event_id", message),), where="QUERY") from None

    async def _locate(self, reading: LogReading, stream: Stream, question: StreamQuestion) -> dict[Partition, int]:
        """Return where a stream begins; where the log was cut behind the client's place it is told so first.

        Compaction is no cut: it takes records from between others, and leaves the beginning of a partition where it is.
        """
        if question.resume is None:
            return await reading.since(question.from_ms or 0)
        begins = await reading.begins()
        await self._until_there(reading, question.resume)
        place = {partition: max(offset, begins[partition]) for partition, offset in question.resume.items()}
        missing = sum(place[partition] - offset for partition, offset in question.resume.items())
        if begins.keys() != place.keys():  # the place is of a client that did not follow causes
            others = await (reading.ends() if question.from_ms is None else reading.since(question.from_ms))
            place = others | place
        if missing:
            stream.opening.append(StreamMessage("gap", gap_message(missing, format_positions(place, question.where.topics))))
        return place


def _reaches(ends: Positions, places: Positions) -> bool:
    return all(offset <= ends[partition] for partition, offset in places.items())


def _count_refusal(refusal: RequestError) -> RequestError:
    telemetry.STREAMS_REFUSED.labels(refusal.reason).inc()
    return refusal
