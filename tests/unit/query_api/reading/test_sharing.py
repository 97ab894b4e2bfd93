"""Problems that are ranked together get the rankings that each gets alone: random tenants, changes, services and moments."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.questions.query import ChangeQuery, ChangeRate, ProblemFilter, RateQuery, RelatedChange
from causeline.query_api.reading import sharing
from causeline.query_api.reading.causes import CauseReader, RankedCauses
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.query_api.reading.sharing import RecentAnswers
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values import ids
from causeline.schemas.web.principal import Groups

T0 = 1_790_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SERVICES = ("shop", "payments", "pay", "search", "", "*")
TOPOLOGY = Topology([Service(name="shop", depends_on=("payments",)), Service(name="payments", aliases=("pay",), depends_on=("search",))])


class Counting(MemoryEventStore):
    """A store that counts its questions."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        self.questions += 1
        return await super().changes(query)

    async def rates(self, query: RateQuery) -> list[ChangeRate]:
        self.questions += 1
        return await super().rates(query)

    async def problems(self, where: ProblemFilter, page: Any) -> list[Problem]:
        self.questions += 1
        return await super().problems(where, page)


CHANGES = st.fixed_dictionaries(
    {
        "before": st.one_of(st.integers(-5 * MINUTE, 5 * HOUR), st.integers(0, 40 * DAY)),
        "kind": st.sampled_from(["deployment", "config_change", "migration", "build"]),
        "service": st.sampled_from(SERVICES),
        "title": st.sampled_from(["Deploy shop", "Deploy payments 2.1", "flag on", "rollback"]),
        "environment": st.sampled_from(["", "production"]),
        "entities": st.lists(st.sampled_from(["H1", "H2"]), max_size=2),
        "allowed_groups": st.sampled_from([[], [], ["sre"]]),
        "lasts": st.sampled_from([None, 0, 20 * MINUTE, 3 * DAY]),
    }
)
PROBLEMS = st.fixed_dictionaries(
    {
        "after": st.one_of(st.integers(0, 3 * MINUTE), st.integers(-40 * DAY, 2 * HOUR)),
        "service": st.sampled_from(SERVICES[:-1]),
        "entities": st.lists(st.sampled_from(["H1", "H2"]), max_size=2),
        "correlation_id": st.sampled_from(["a", "b"]),
        "lasts": st.sampled_from([None, 5 * MINUTE, DAY]),
        "title": st.sampled_from(["shop is slow", "payments 2.1 fails"]),
    }
)


def change_of(number: int, before: int, lasts: int | None, **fields: Any) -> Event:
    ts = T0 - before
    end = None if lasts is None else ts + lasts
    own = ids.uuid7(ts, number.to_bytes(10))
    return Event(tenant="acme", id=own, dialect="native", ts=ts, start=ts, end=end, ingest_ts=ts, updated_ts=ts, **fields)


def problem_of(number: int, after: int, lasts: int | None, **fields: Any) -> Problem:
    start = T0 + after
    own = ids.uuid7(start, number.to_bytes(10))
    state: dict[str, Any] = {"state": "open"} if lasts is None else {"state": "closed", "end": start + lasts}
    times: dict[str, Any] = {"start": start, "at": start, "last_receipt": start, "ingest_ts": start}
    base: dict[str, Any] = {
        "tenant": "acme",
        "id": own,
        "version": 1,
        "dialect": "desk",
        "kind": "incident",
        "event_id": own,
        "transition": "opened",
    }
    return Problem(**base, **times, **state, **fields)


def reader_of(store: MemoryEventStore, recent: RecentAnswers | None = None) -> CauseReader:
    async def topology(_: str) -> Topology:
        return TOPOLOGY

    return CauseReader(Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0)), topology, recent=recent)


def filled(changes: list[dict[str, Any]], problems: list[dict[str, Any]]) -> tuple[Counting, list[Problem]]:
    store = Counting()
    for number, fields in enumerate(changes):
        store.put_event(change_of(number, **fields))
    rows = [problem_of(1_000 + number, **fields) for number, fields in enumerate(problems)]
    for row in rows:
        store.put_problem(row)
    return store, rows


async def both(
    changes: list[dict[str, Any]], problems: list[dict[str, Any]], groups: Groups
) -> tuple[list[RankedCauses], list[RankedCauses], Counting]:
    store, rows = filled(changes, problems)
    causes, now = reader_of(store), T0 + 3 * HOUR
    alone = [await causes.causes(row, groups, now) for row in rows]
    store.questions = 0
    return alone, await causes.causes_of_all(rows, groups, now, recent=RecentAnswers(lambda: 0.0)), store


@settings(max_examples=100)
@given(st.lists(CHANGES, max_size=25), st.lists(PROBLEMS, min_size=1, max_size=8), st.sampled_from([(), ("sre",), None]))
def test_together_is_as_alone(changes: list[dict[str, Any]], problems: list[dict[str, Any]], groups: Groups) -> None:
    alone, together, _ = asyncio.run(both(changes, problems, groups))
    assert together == alone


@settings(max_examples=50)
@given(st.lists(CHANGES, max_size=25), st.lists(PROBLEMS, min_size=2, max_size=8), st.integers(0, 6))
def test_also_where_there_is_too_much_to_share(changes: list[dict[str, Any]], problems: list[dict[str, Any]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "MOST_SHARED", most)
        patch.setattr(sharing, "MOST_SHARED_NAMES", most)
        patch.setattr(sharing, "_RATE_NAMES", max(most, 1))
        alone, together, _ = asyncio.run(both(changes, problems, ()))
    assert together == alone


def test_problems_of_one_minute_ask_no_more_than_one() -> None:
    changes = [{"before": n * MINUTE, "lasts": None, "kind": "deployment", "service": "shop"} for n in range(1, 30)]
    problem = {"lasts": None, "service": "shop", "correlation_id": "c", "title": "slow"}
    _, _, one = asyncio.run(both(changes, [{"after": 0, **problem}], ()))
    alone, together, many = asyncio.run(both(changes, [{"after": n, **problem} for n in range(16)], ()))
    assert together == alone
    assert many.questions == one.questions == 4


@settings(max_examples=50)
@given(
    st.lists(CHANGES, max_size=25), st.lists(PROBLEMS, min_size=1, max_size=4), st.lists(st.sampled_from([(), ("sre",), None]), max_size=4)
)
def test_who_remembers_ranks_as_who_does_not_and_tells_nobody_what_another_may_see(
    changes: list[dict[str, Any]], problems: list[dict[str, Any]], callers: list[Groups]
) -> None:
    async def ranked_by(causes: CauseReader, rows: list[Problem]) -> list[RankedCauses]:
        return [await causes.causes(row, groups, T0 + 3 * HOUR) for groups in callers for row in rows]

    store, rows = filled(changes, problems)
    assert asyncio.run(ranked_by(reader_of(store, RecentAnswers(lambda: 0.0)), rows)) == asyncio.run(ranked_by(reader_of(store), rows))


def test_a_problem_that_is_looked_at_again_asks_less_of_the_past() -> None:
    changes = [{"before": n * MINUTE, "lasts": None, "kind": "deployment", "service": "shop"} for n in range(1, 5)]
    store, (row,) = filled(changes, [{"after": 0, "lasts": None, "service": "shop", "correlation_id": "c", "title": "slow"}])
    causes, asked = reader_of(store, RecentAnswers(lambda: 0.0)), []
    for _ in range(2):
        store.questions = 0
        asyncio.run(causes.causes(row, (), T0 + HOUR))
        asked.append(store.questions)
    assert asked == [4, 3], "the rates are known"


def test_what_was_asked_is_remembered_for_some_seconds_and_no_longer() -> None:
    now = 0.0
    recent = RecentAnswers(lambda: now)
    recent.put("a", 1)
    now = 4.9
    assert recent.get("a") == 1
    now = 5.1
    assert recent.get("a") is None
    assert recent.get("b") is None
