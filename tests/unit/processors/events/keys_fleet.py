"""Two servers before a fleet of real Runners: what clients are answered, and what lies on the topics whatever happens to the workers."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from causeline.deploy.server.routing import RouteTable
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents
from causeline.ingest.placement import PlacedRecord, everywhere, place
from causeline.ingest.ports import Position
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.ports import Input, Logic, Output
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import DEAD_LETTERS, EVENTS, INGEST, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec
from tests.partition_log import Outputs, decoded
from tests.unit.ingest.dialects.keys_world import Post, Reply, ask, dialects, published_twice
from tests.unit.processors.runtime.simulation import Fleet

PARTITIONS = 3
_PUBLIC = (EVENTS, PROBLEMS, PROBLEMS_CURRENT, DEAD_LETTERS)

Laid = tuple[bytes, bytes | None]


class FleetEventLog:
    """An EventLog on the fleet's log."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        return self._appended(place(records, PARTITIONS))

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        return self._appended(everywhere(record, PARTITIONS))

    def _appended(self, placed: list[PlacedRecord]) -> list[Position]:
        log = self._fleet.log
        positions = []
        for record in placed:
            positions.append(Position(record.partition, log.end(INGEST, record.partition)))
            log.append(INGEST, record.partition, record.key, record.value)
        return positions


class Answered(NamedTuple):
    """A request and what its client was told."""

    post: Post
    reply: Reply


class KeysFleet:
    """Servers, workers, and what both left on the topics. Everything is asked of the topics as a `read_committed` reader sees them."""

    def __init__(self) -> None:
        self.fleet = Fleet(_logic, partitions=PARTITIONS, pace=Pace(max_records=3, tick_s=60), input_topic=INGEST)
        self.answered: list[Answered] = []
        self._numbers = count(1)
        self._events = MemoryCurrentEvents()
        self._servers = [self._server(), self._server()]

    def _server(self) -> RouteTable:
        return dialects(FleetEventLog(self.fleet), self._events, self._numbers)

    def restart(self, server: int) -> None:
        """Let a server forget what it acknowledged."""
        self._servers[server] = self._server()

    async def send(self, post: Post, server: int = 0) -> Reply:
        """Send a request to a server, a second after the one before."""
        self.fleet.clock.advance(1_000)
        reply = await ask(self._servers[server], post, self.fleet.clock.now_ms())
        self.answered.append(Answered(post, reply))
        return reply

    async def settle(self) -> None:
        """Let the workers work, and the servers see what was published."""
        await self.fleet.settle()
        for event in self.outputs().events:
            self._events.put(event)

    async def end(self) -> Outputs:
        """Bring all workers back and let them finish; return all that was published."""
        await self.fleet.recover()
        await self.settle()
        for partition in range(PARTITIONS):
            assert self.fleet.log.committed_offset(partition) == self.fleet.log.end(INGEST, partition)
        return self.outputs()

    def outputs(self) -> Outputs:
        """Return what lies on the public topics, partition by partition."""
        partitions = [(topic, partition) for topic in _PUBLIC for partition in range(PARTITIONS)]
        return decoded([Output(topic, *record) for topic, partition in partitions for record in self.fleet.read(topic, partition)])

    def records(self, *, passed_on: bool) -> list[IngestRecord]:
        """Return what the processors wrote to the ingest log, or else what the servers (and ticks) did."""
        entries = (entry for partition in range(PARTITIONS) for entry in self.fleet.log.committed_entries(INGEST, partition))
        return [codec.decode_ingest(entry.value or b"") for entry in entries if (entry.transaction is not None) == passed_on]


def _logic(partition: int) -> Logic:
    return ProcessorLogic(partition, DIALECTS.merge, partitions=PARTITIONS)


def check(world: KeysFleet, outputs: Outputs) -> None:
    """Assert the laws of keys and partitions on what is published when all has been worked on."""
    check_events(outputs)
    check_problems(outputs)
    check_open(world, outputs)
    check_answers(world, outputs)
    check_passed_on(world)
    check_undisturbed(world)


def check_events(outputs: Outputs) -> None:
    """Each (id, version) once, from 1 without a gap."""
    assert published_twice(outputs) == []
    versions: dict[str, list[int]] = defaultdict(list)
    for event in outputs.events:
        versions[event.id].append(event.version)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values()), versions


def check_problems(outputs: Outputs) -> None:
    """Each problem's versions from 1 without a gap, and at no time two open ones of one correlation id."""
    newest: dict[str, Problem] = {}
    for problem in outputs.problems:
        previous = newest.get(problem.id)
        assert problem.version == (previous.version if previous else 0) + 1
        newest[problem.id] = problem
        of_same = (one for one in newest.values() if (one.tenant, one.correlation_id) == (problem.tenant, problem.correlation_id))
        assert [one.end is None for one in of_same].count(True) <= 1


def check_open(world: KeysFleet, outputs: Outputs) -> None:
    """A problem is open exactly if the newest of its signals says so, by event time, then arrival; Tracker's if its event now says so."""
    first = {event.id: event for event in outputs.events if event.version == 1}
    newest = {event.id: event for event in outputs.events}
    signals_by_place: dict[tuple[str, str], set[tuple[tuple[int, int], bool]]] = defaultdict(set)
    for record in world.records(passed_on=False):
        published = first.get(record.id)
        if record.op == "create" and record.signal and published is not None and record.event == codec.encode_record(published):
            of_tracker = published.dialect == "tracker"
            is_open = newest[record.id].status == "open" if of_tracker else record.signal == "open"
            for name in record.concerns:
                signals_by_place[record.tenant, name].add(((published.ts, record.ingest_ts), is_open))
    last = {problem.id: problem for problem in outputs.problems}.values()
    is_known_open = {(problem.tenant, problem.correlation_id) for problem in last if problem.end is None and not _is_pushed(problem, first)}
    should: set[tuple[str, str]] = set()
    for place_, signals in signals_by_place.items():
        last_mark = max(mark for mark, _ in signals)
        verdicts = {is_open for mark, is_open in signals if mark == last_mark}
        if len(verdicts) == 2:
            is_known_open.discard(place_)  # items of one request with equal times: as they lie on the log, which is compared below
        elif True in verdicts:
            should.add(place_)
    assert is_known_open == should


def _is_pushed(problem: Problem, first: dict[str, Event]) -> bool:
    return first[problem.event_id].dialect == "desk"


def check_answers(world: KeysFleet, outputs: Outputs) -> None:
    """What was acknowledged is published or set aside by name; one key of one tenant and API is one event, no key a new one each time."""
    titles = Counter((event.id, event.title) for event in outputs.events if event.version > 1)
    puts = Counter((reply.body["id"], post.body["title"]) for post, reply in world.answered if post.method == "PUT" and reply.status == 200)
    without = {(reply.body["id"], post.body["title"]) for post, reply in world.answered if post.method == "PUT" and not post.key}
    assert all(often == (puts[place_] if place_ in without else 1) for place_, often in titles.items())
    first = Counter(event.id for event in outputs.events if event.version == 1)
    letters = {letter.id for letter in outputs.letters}
    assert {letter.reason for letter in outputs.letters} <= {"idempotency_conflict"}
    set_aside = [codec.decode_ingest(letter.value) for letter in outputs.letters]
    of_key: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    without_key: list[str] = []
    for post, reply in world.answered:
        assert reply.status in {200, 201, 409}, (post, reply)
        if reply.status == 409:
            continue
        ids = _ids_in(reply)
        assert all(first[one] == 1 or one in letters for one in ids), (post, reply)
        if post.method == "PUT":
            (changed,) = ids
            is_set_aside = any(record.id == changed and record.op == "patch" and post.body["title"] in record.patch for record in set_aside)
            assert titles[changed, post.body["title"]] or is_set_aside, post
        elif not isinstance(post.body, list) and "idempotency_key" not in post.body:
            if post.key:
                of_key[post.tenant, post.path, post.key].update(ids)
            else:
                without_key += ids
    assert all(len(ids) <= 1 for ids in of_key.values()), of_key
    assert len(without_key) == len(set(without_key))
    assert all(first[one] == 1 for one in without_key)


def _ids_in(reply: Reply) -> list[str]:
    """Return the ids of the events that an answer names; those of DESK are of problems and of its own form."""
    if "results" in reply.body:
        return [result["id"] for result in reply.body["results"] if result["status"] == "accepted"]
    return [reply.body["id"]] if "id" in reply.body else []


def check_passed_on(world: KeysFleet) -> None:
    """What goes on to another partition does so once, without the key that was judged; a repeated request may send its items again."""
    onward_records, client_records = world.records(passed_on=True), world.records(passed_on=False)
    assert not any(record.request_key for record in onward_records)
    onward = Counter((record.op, record.id) for record in onward_records if not record.dedup_key)
    assert {op for op, _ in onward} <= {"signal", "push"}
    assert set(onward.values()) <= {1}, onward
    items = Counter((record.op, record.id) for record in onward_records if record.dedup_key)
    of_requests = Counter((record.op, record.id) for record in client_records if record.request_key)
    assert items <= of_requests


def check_undisturbed(world: KeysFleet) -> None:
    """All topics say what processes that never died make of the same log, record by record."""
    fleet = world.fleet
    records: dict[tuple[str, int], list[Laid]] = defaultdict(list)
    for partition in range(PARTITIONS):
        logic = _logic(partition)
        for entry in fleet.log.committed_entries(INGEST, partition):
            round_ = logic.fold([Input(partition, entry.offset, entry.key or b"", entry.value or b"")])
            logic.apply(round_)
            for topic, key, value, to in round_.out:
                records[topic, partition if to is None else to].append((key, value))
    for partition in range(PARTITIONS):
        for topic in _PUBLIC:
            assert fleet.read(topic, partition) == records[topic, partition], topic
        entries = fleet.log.committed_entries(INGEST, partition)
        counts = Counter((entry.key, entry.value) for entry in entries if entry.transaction is not None)
        assert counts == Counter(records[INGEST, partition])
