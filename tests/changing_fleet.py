"""Two servers, the processors and a sink over one log in memory, each as far as a test lets it come: changes of events.

The rows lie on a leader and, later, on a replica of it that both servers read. Time, clocks of the servers, looks at the log, and when a
change that was decided lands on the log, are all a test's.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from causeline.ingest.adapters.memory.log import MemoryEventLog
from causeline.ingest.dialects.apitraffic import writes as apitraffic
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input, Output
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.reading.applied import AppliedLog, Ends
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import DEAD_LETTERS, EVENTS
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of

T0: Final = 1_760_000_000_000
TENANT: Final = "acme"
ANSWERED_MS: Final = 15_000
"""A change that is on the log later than this after it was decided was answered 503 before (5 s), and its batch given up (10 s)."""


class Flight(NamedTuple):
    """A change that a server decided at `at` and that is not on the log yet. `mark` is what it leaves in the event."""

    record: IngestRecord
    mark: str
    at: int


class Fleet:
    """`flowing`: whether whoever waits for the rows gets them. `acknowledged` marks by event; `refused` counts what was answered 503."""

    def __init__(self, *, skews_ms: tuple[int, int] = (0, 0), partitions: int = 2) -> None:
        self.now = T0
        self.flowing = True
        self.log = MemoryEventLog(partitions)
        self.leader = MemoryEventStore()
        self.replica = MemoryEventStore(self.leader)
        self.acknowledged: dict[str, list[str]] = {}
        self.letters = 0
        self.refused = 0
        self.flights: list[Flight] = []
        self._logic = [ProcessorLogic(p, DIALECTS.merge) for p in range(partitions)]
        self._processed = [0] * partitions
        self._public: list[list[Event]] = [[] for _ in range(partitions)]
        self._sunk = [0] * partitions
        self._numbers = itertools.count(1)
        self.servers = [_Server(self, skew) for skew in skews_ms]

    @property
    def publications(self) -> list[Event]:
        """Every event record on the public topic."""
        return [event for events in self._public for event in events]

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms

    async def create(self) -> str:
        """Store a new event and return its id."""
        body = b'{"type": "deployment", "name": "t"}'
        write = apitraffic.create(body, tenant=TENANT, key="", now=self.now, new_id=self._new_id)
        await self.log.append([write.record])
        self.acknowledged[write.event.id] = []
        return write.event.id

    def _new_id(self, ms: int) -> str:
        return ids.uuid7(ms, next(self._numbers).to_bytes(10))

    async def decide(self, server: int, event_id: str) -> None:
        """Let a server read the base of a change and decide it, so that it is in flight; or refuse it."""
        try:
            current = await self.servers[server].reader.current(TENANT, "apitraffic", event_id, None)
        except Unavailable:
            self.refused += 1
            return
        assert current is not None, "a false not found"
        mark = f"m{next(self._numbers)}"
        now = self.now + self.servers[server].skew_ms
        change = apitraffic.update({mark: "x"}, current, key="", now=now, record_id=self._new_id(self.now))
        self.flights.append(Flight(change.record, mark, self.now))

    async def land(self, number: int = 0) -> None:
        """Let a change in flight reach the log; acknowledged where its client still waits for that."""
        flight = self.flights.pop(number)
        await self.log.append([flight.record])
        if self.now - flight.at <= ANSWERED_MS:
            self.acknowledged[flight.record.id].append(flight.mark)

    def process(self, partition: int) -> None:
        """Let the processors decide on all that is on a partition, and tick."""
        logic, records = self._logic[partition], self.log.partitions[partition]
        records.append((b"tick", logic.tick(self.now)))
        next_round = logic.fold([Input(partition, at, *records[at]) for at in range(self._processed[partition], len(records))])
        logic.apply(next_round)
        self._processed[partition] = len(records)
        for output in next_round.out:
            self._publish(partition, output)

    def _publish(self, partition: int, output: Output) -> None:
        self.letters += output.topic == DEAD_LETTERS
        if output.topic == EVENTS and output.value is not None:
            self._public[partition].append(codec.decode_record(output.value, Event))

    def sink(self, partition: int) -> None:
        """Let the sink copy a partition, to a majority of the replicas: the leader."""
        for event in self._public[partition][self._sunk[partition] :]:
            self.leader.put_event(event)
        self._sunk[partition] = len(self._public[partition])

    def drain(self) -> None:
        """Let everything come to its end, but for the replica."""
        for partition in range(len(self._logic)):
            self.process(partition)
            self.sink(partition)

    def ends(self, partition: int) -> Ends:
        """Return what a look at the log sees of a partition."""
        public, sunk = len(self._public[partition]), self._sunk[partition]
        return Ends(len(self.log.partitions[partition]), self._processed[partition], {EVENTS: public}, {EVENTS: sunk})

    def find_doubles(self) -> list[tuple[str, int]]:
        """Return what was published more than once."""
        return [key for key, times in Counter((event.id, event.version) for event in self.publications).items() if times > 1]

    def find_losses(self) -> list[str]:
        """Return the acknowledged marks that the newest versions do not have."""
        newest = {event.id: event for event in self.publications}
        return [mark for event_id, marks in self.acknowledged.items() for mark in marks if f'"{mark}"' not in newest[event_id].raw]


class _Server:
    """One server's reading half, and its own looks at the log (see Frontier)."""

    def __init__(self, fleet: Fleet, skew_ms: int) -> None:
        self.skew_ms = skew_ms
        self._fleet = fleet
        self._applied = AppliedLog()
        self.reader = Reader(fleet.replica, self, RecentWrites(self._clock))

    def _clock(self) -> float:
        return self._fleet.now / 1_000

    def look(self) -> None:
        for partition in range(len(self._fleet.log.partitions)):
            self._applied.observe(partition, self._fleet.ends(partition), self._clock())

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        del partition, offset
        self.look()
        if self._fleet.flowing:
            self._fleet.drain()
            self.look()
            return True
        ends = [self._fleet.ends(p) for p in range(len(self._fleet.log.partitions))]
        return all(e.processed >= e.ingest and e.sunk == e.public for e in ends)

    async def missing(self, positions: Mapping[int, int], within_s: float, *, with_forwarded: bool = False) -> frozenset[int]:
        del within_s, with_forwarded
        return frozenset() if await self.reach() else frozenset(positions)

    def partition(self, event_id: str) -> int:
        return partition_of(event_id.encode(), len(self._fleet.log.partitions))

    def behind(self, partition: int) -> float:
        return self._clock() - self._applied.newest(partition).at
