"""Whoever asks after a write sees it: every list of every dialect waits a moment for what its tenant just wrote through this server."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from causeline.query_api import routes as http
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.tracker.grpc import TrackerReadCalls
from causeline.query_api.dialects.tracker.reads import TrackerReader
from causeline.query_api.questions.query import Page, ProblemFilter
from causeline.query_api.reading.list_waits import LIST_WAIT_S
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.web.http import HttpRequest, HttpRoute

NOW: Final = 1_760_000_000_000
EVENT: Final = Event(
    tenant="acme", id=ids.uuid7(NOW, b"0123456789"), dialect="native", kind="deployment", ts=NOW, ingest_ts=NOW, updated_ts=NOW, title="t"
)
PROBLEM: Final = Problem(
    tenant="acme",
    id=ids.uuid7(NOW, b"9876543210"),
    version=1,
    dialect="native",
    kind="incident",
    correlation_id="c",
    event_id=EVENT.id,
    state="open",
    transition="opened",
    at=NOW,
    start=NOW,
    last_receipt=NOW,
    ingest_ts=NOW,
)
QUERIES: Final = {"/v1/changes": "at=now&service=s", "/v1/causes": "service=s"}


class Stage:
    """A reader on the memory twins, whose clock a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = MemoryEventStore()
        self.log = MemoryFrontier(self.store)
        self.reader = Reader(self.store, self.log, RecentWrites(lambda: self.now))

    def write(self, row: Event | Problem, partition: int = 0) -> None:
        self.reader.appended(row.tenant, [self.log.append(row, partition)])


@pytest.fixture
def stage() -> Stage:
    return Stage()


def is_list(route: HttpRoute) -> bool:
    """One event is awaited by its id for longer, and deliveries are told of as they come."""
    last = route.path.rstrip("/").rpartition("/")[2]
    return last not in {"{id}", "{eventId}", "{eventSid}", "changelog"} and not route.path.startswith("/v1/deliveries")


LISTS: Final = [
    route for route in http.routes(Reader(MemoryEventStore(), MemoryFrontier(MemoryEventStore()), RecentWrites(float))) if is_list(route)
]


@pytest.mark.parametrize("number", range(len(LISTS)), ids=[f"{route.path} {route.api.label}" for route in LISTS])
async def test_every_list_shows_what_its_tenant_just_wrote(stage: Stage, number: int) -> None:
    route = [route for route in http.routes(stage.reader) if is_list(route)][number]
    stage.store.put_problem(PROBLEM)
    stage.write(EVENT)
    query = "team_id=t" if route.api.label == "cto_ai" else QUERIES.get(route.path, "")
    own_id = EVENT.id if route.path.startswith("/v1/events/") else PROBLEM.id
    params = {name: own_id if name == "id" else "x" for name in ("id", "env", "accountSid", *_named(route.path))}
    await route.handler(HttpRequest("GET", route.path, params, query, {}, b"", "acme", NOW))
    assert await stage.store.event("acme", EVENT.id) == EVENT


def _named(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{") and part != "{id}"]


async def test_the_lists_over_grpc_wait_too(stage: Stage) -> None:
    calls = TrackerReadCalls(TrackerReader(stage.reader, "released"))
    request = HttpRequest("POST", "", {}, "", {}, b"", "acme", NOW)
    list_calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: calls.search(pb.SearchEventsRequest(), request),
        lambda: calls.list(pb.ListEventsRequest(), request),
        lambda: calls.today(pb.TodayEventsRequest(), request),
    )
    for number, ask in enumerate(list_calls, 1):
        stage.write(EVENT)
        await ask()
        assert len(stage.log.waits) == number


async def test_a_list_waits_at_most_a_moment_and_answers_with_what_is_there(stage: Stage) -> None:
    stage.log.away = True
    stage.write(EVENT)
    await stage.reader.lists("acme")
    assert stage.log.waits == [LIST_WAIT_S]
    await stage.reader.lists("acme")
    assert stage.log.waits == [LIST_WAIT_S], "a wait in vain is not repeated at once"


async def test_nobody_waits_for_another_tenant_or_for_what_is_older_than_a_second(stage: Stage) -> None:
    stage.write(EVENT)
    await stage.reader.lists("other")
    stage.now += 1
    await stage.reader.lists("acme")
    assert stage.log.waits == []


async def test_nobody_waits_for_rows_that_are_known_to_lag(stage: Stage) -> None:
    stage.log.away, stage.log.away_s = True, 10.0
    stage.write(EVENT)
    await stage.reader.lists("acme")
    assert stage.log.waits == []


async def test_a_list_of_problems_also_waits_for_what_was_passed_on_to_another_partition(stage: Stage) -> None:
    stage.write(EVENT, partition=0)
    stage.log.append(PROBLEM, partition=1)
    store = await stage.reader.lists("acme")
    assert await store.problems(ProblemFilter(tenant="acme", now=NOW), Page(limit=1)) == []
    store = await stage.reader.lists("acme", problems=True)
    assert await store.problems(ProblemFilter(tenant="acme", now=NOW), Page(limit=1)) == [PROBLEM]


async def test_a_problem_is_shown_as_its_tenant_just_left_it(stage: Stage) -> None:
    stage.store.put_problem(PROBLEM)
    stage.write(EVENT)
    await stage.reader.problem("acme", PROBLEM.id, NOW)
    assert len(stage.log.waits) == 1
