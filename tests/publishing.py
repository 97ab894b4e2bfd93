"""Publishing in memory: the shipped twins, a clock that a test moves, and servers that die between two steps or go on as zombies."""

from typing import Any

import msgspec

from causeline.query_api.adapters.memory.cause_log import MemoryCauseLog, MemoryCausePartition, MemoryCauseTopics, WriteStep
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.causes.model import DEFAULT_MODEL, Model
from causeline.query_api.publishing.book import Book
from causeline.query_api.publishing.ports import LogFailure, Tell, tell_nobody
from causeline.query_api.publishing.publisher import Publisher
from causeline.query_api.publishing.ranker import SharedRanker
from causeline.query_api.publishing.watching import Watch
from causeline.query_api.reading.cause_rules import CauseRules
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, PROBLEMS_CURRENT
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values import ids
from causeline.schemas.wire import codec

T0 = 1_790_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
PARTITIONS = 2


CONTRARY: Model = Model("contrary", {name: -weight for name, weight in DEFAULT_MODEL.weights.items()} | {"none": 0.5})
"""Other weights, which put last what those that ship put first."""


class Hand:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = T0

    def now_ms(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1_000)


class Fleet:
    """Tenants with events and problems, and the log that tells of them."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.store = MemoryEventStore()
        self.topics = MemoryCauseTopics(PARTITIONS, wait_s=0)
        self.reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: self.clock.now / 1_000))
        self.problems: dict[str, Problem] = {}
        self.gone: set[str] = set()
        self._numbers = 0

    def id(self, ts: int) -> str:
        self._numbers += 1
        return ids.uuid7(ts, self._numbers.to_bytes(10))

    def partition(self, problem_id: str) -> int:
        return int(problem_id[-2:], 16) % PARTITIONS

    def change(self, tenant: str = "acme", before: int = 5 * MINUTE, **fields: Any) -> Event:
        ts = self.clock.now - before
        base = {"tenant": tenant, "id": self.id(ts), "dialect": "native", "kind": "deployment", "service": "shop", "title": "Deploy"}
        change = Event(**{**base, "ts": ts, "ingest_ts": self.clock.now, "updated_ts": self.clock.now, **fields})
        self.store.put_event(change)
        return change

    def put(self, change: Event, **fields: Any) -> Event:
        """Store the next version of a change."""
        following = msgspec.structs.replace(change, version=change.version + 1, updated_ts=self.clock.now, **fields)
        self.store.put_event(following)
        return following

    def open(self, tenant: str = "acme", **fields: Any) -> Problem:
        now = self.clock.now
        own = self.id(now)
        base = {"tenant": tenant, "id": own, "version": 1, "dialect": "desk", "kind": "incident", "correlation_id": own, "event_id": own}
        base |= {"state": "open", "transition": "opened", "at": now, "start": now, "last_receipt": now, "ingest_ts": now}
        problem = Problem(**{**base, "service": "shop", "title": "slow", **fields})
        return self._tell(problem)

    def close(self, problem: Problem) -> Problem:
        now = self.clock.now
        fields = {"version": problem.version + 1, "state": "closed", "transition": "closed", "at": now, "end": now}
        return self._tell(msgspec.structs.replace(problem, **fields))

    def refresh(self, problem: Problem) -> Problem:
        fields = {"version": problem.version + 1, "transition": "refreshed", "at": self.clock.now}
        return self._tell(msgspec.structs.replace(problem, **fields))

    def forget(self, problem: Problem, *, is_deleted: bool = False) -> None:
        if is_deleted:
            version = problem.version + 1
            self.store.put_problem(msgspec.structs.replace(problem, version=version, is_deleted=True, transition="deleted"))
        self.gone.add(problem.id)
        self.topics.append(PROBLEMS_CURRENT, self.partition(problem.id), problem.id.encode(), None)

    def _tell(self, problem: Problem) -> Problem:
        self.problems[problem.id] = problem
        self.store.put_problem(problem)
        self.topics.append(PROBLEMS_CURRENT, self.partition(problem.id), problem.id.encode(), codec.encode_record(problem))
        return problem

    def revisions(self, problem_id: str) -> list[CauseRevision | None]:
        """Return what was published of a problem; None is a tombstone."""
        records = self.topics.logs[CAUSES, self.partition(problem_id)]
        own = (record.value for record in records if record.key == problem_id.encode())
        return [None if value is None else codec.decode_record(value, CauseRevision) for value in own]

    def occasions(self, problem_id: str) -> list[str]:
        return ["tombstone" if revision is None else revision.occasion for revision in self.revisions(problem_id)]


class Server:
    """One process: what the tasks of publishing do, a step at a time. `crash_at`: it dies at that step of its next transaction."""

    def __init__(self, fleet: Fleet, tell: Tell = tell_nobody, reader: Reader | None = None, model: Model = DEFAULT_MODEL) -> None:
        self.fleet = fleet
        self.crash_at: WriteStep | None = None
        self.dead = False
        own_reader = reader or fleet.reader

        async def topology(_: str) -> Topology:
            return Topology()

        clock = fleet.clock
        causes = CauseReader(own_reader, topology, rules=CauseRules(model=model))
        self.ranker = SharedRanker(own_reader, causes, PARTITIONS, lambda: clock.now / 1_000)
        self.publisher = Publisher(self.ranker, clock, tell, watch=Watch(model=model.version))
        self._log = MemoryCauseLog(fleet.topics, self._at_step)
        self._partitions: dict[int, MemoryCausePartition] = {}

    async def _at_step(self, step: WriteStep) -> None:
        if self.dead or step == self.crash_at:
            self.dead = True
            raise LogFailure("this process is dead")

    async def start(self) -> "Server":
        for number in range(PARTITIONS):
            await self.open(number)
        return self

    async def open(self, number: int) -> None:
        partition = self._partitions[number] = await self._log.open(number)
        book = Book()
        while not partition.is_restored:
            for record in await partition.read():
                book.take(record)
        await self.publisher.own(partition, book)

    async def turn(self, batches: int = 1) -> None:
        """Follow the log, look at the time, and publish so many batches."""
        for number, partition in list(self._partitions.items()):
            try:
                self.publisher.take(number, await partition.read())
            except LogFailure:
                self.publisher.disown(number)
                del self._partitions[number]
        await self.publisher.wake()
        for _ in range(batches):
            await self.publisher.publish()

    async def settle(self) -> None:
        """Publish until nothing is due."""
        await self.turn(0)
        while await self.publisher.publish():
            pass

    async def watch(self) -> None:
        """Look for late changes, and publish what they make due."""
        await self.turn(0)
        await self.publisher.watch()
        await self.settle()
