"""What the tests of streams are made of: records for the log in memory, and server-sent events read back."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.adapters.memory.tail import MemoryLogTail
from causeline.query_api.live.positions import Partition
from causeline.query_api.live.question import StreamQuestion, stream
from causeline.query_api.live.stream import Stream
from causeline.query_api.live.streams import Bounds, Clocks, Streams
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, EVENTS, PROBLEMS
from causeline.schemas.values import ids
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.principal import Groups
from causeline.schemas.wire import codec

NOW = ms_of("2026-11-26T12:00:00Z")
PARTITIONS = 4


class Sse(NamedTuple):
    """One message as a client's program sees it."""

    id: str
    kind: str
    data: Any


class Reader:
    """Takes the text of a stream in pieces and keeps its messages, and the last id, that of a block without data too."""

    def __init__(self) -> None:
        self.messages: list[Sse] = []
        self.last_id = ""
        self.heartbeats = 0
        self._rest = ""

    def feed(self, text: str) -> None:
        *blocks, self._rest = (self._rest + text).split("\n\n")
        for block in blocks:
            self.heartbeats += block.startswith(":")
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                self.messages.append(Sse(self.last_id, fields.get("event", "message"), json.loads(fields["data"])))


def messages(text: str) -> tuple[list[Sse], str]:
    """Return the messages of a stream, and the last id."""
    reader = Reader()
    reader.feed(text)
    return reader.messages, reader.last_id


def event(number: int, **fields: Any) -> Event:
    ts = NOW + number
    base = {"tenant": "acme", "id": ids.uuid7(ts, number.to_bytes(10)), "dialect": "native", "kind": "deployment", "title": f"{number}"}
    return Event(**{**base, "ts": ts, "ingest_ts": ts, "updated_ts": ts, **fields})


def problem(number: int, **fields: Any) -> Problem:
    ts = NOW + number
    base: dict[str, Any] = {"tenant": "acme", "id": ids.uuid7(ts, number.to_bytes(10)), "version": 1, "dialect": "native"}
    base |= {"kind": "incident", "correlation_id": "c", "event_id": base["id"], "state": "open", "transition": "opened"}
    return Problem(**{**base, "at": ts, "start": ts, "last_receipt": ts, "ingest_ts": ts, "title": f"{number}", **fields})


def ranking(number: int, **fields: Any) -> CauseRevision:
    """Return a revision of the ranking of a problem that has this number."""
    ts = NOW + number
    base: dict[str, Any] = {"tenant": "acme", "id": ids.uuid7(ts, number.to_bytes(10)), "revision": 1, "occasion": "opened"}
    base |= {"verdict": "likely", "none_probability": 0.1, "model": "1", "computed_at": ts, "as_of": ts, "problem_version": 1}
    base |= {"correlation_id": "c", "dialect": "native", "kind": "incident", "state": "open", "start": ts, "title": f"{number}"}
    return CauseRevision(**{**base, **fields})


StreamRow = Event | Problem | CauseRevision


def partition_of(row: StreamRow, number: int = 0) -> Partition:
    return Partition(EVENTS if isinstance(row, Event) else PROBLEMS if isinstance(row, Problem) else CAUSES, number)


class Server:
    """One server's streams over a log in memory; several may share one log. `is_admitted` is what the gate says of every token."""

    def __init__(self, log: MemoryLogTail | None = None, store: MemoryEventStore | None = None, **bounds: Any) -> None:
        self.log = log or MemoryLogTail(PARTITIONS)
        self.now = 0.0
        self.is_admitted = True
        self.store = store or MemoryEventStore()
        self.streams = Streams(self.log, self.store.looks, Clocks(lambda: NOW, lambda: self.now), Bounds(**bounds))

    async def write(self, *rows: StreamRow, partition: int = 0, at: int = NOW) -> None:
        for row in rows:
            if isinstance(row, Problem):
                self.store.put_problem(row)
            await self.log.append(partition_of(row, partition), at, codec.encode_record(row))

    async def follow(self, *pairs: tuple[str, str], header: str = "", tenant: str = "acme", groups: Groups = None) -> "Client":
        return Client(await self.streams.open(question(*pairs, header=header, tenant=tenant, groups=groups), lambda: self.is_admitted))


def question(*pairs: tuple[str, str], header: str = "", tenant: str = "acme", groups: Groups = None) -> StreamQuestion:
    return stream(list(pairs), header, tenant, groups, NOW, PARTITIONS)


class Client(Reader):
    """Reads a stream in the test's own time."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream
        self._chunks: AsyncIterator[bytes] = aiter(stream)

    async def next_chunk(self) -> bool:
        try:
            self.feed((await anext(self._chunks)).decode())
        except StopAsyncIteration:
            return False
        return True

    async def titles(self, count: int) -> list[str]:
        """Read until so many messages have come."""
        while len(self.messages) < count:
            assert await self.next_chunk(), f"ended as {self.stream.ended} after {len(self.messages)} of {count}"
        return [str(one.data.get("problem", one.data).get("title")) for one in self.messages]

    async def leave(self) -> None:
        self.stream.end("client_gone")
        while await self.next_chunk():
            pass
        await self.stream.close()


def texts(numbers: Iterable[int]) -> list[str]:
    return [str(number) for number in numbers]
