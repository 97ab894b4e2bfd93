"""Rows of another tenant, and events of groups that the caller shares none of, never come back: over every read of an EventStore."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import ChangeQuery, DeliveryFilter, Edges, EventFilter, ProblemFilter, RateQuery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.web.principal import Groups
from tests.contract.delivery_rows import delivery
from tests.contract.event_rows import ALL, HOUR, MINUTE, T0, Bench, event, problem

TENANTS = ("acme", "acme2", "ACME", "", "a'b")
GROUPS = ("sre", "dev", "SRE", "a'b", "")
WINDOW = (T0 - HOUR, T0 + HOUR)


class Rows:
    """Random rows of several tenants that share service, entities, tags, correlation ids and, some of them, ids."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        twins = [ids.uuid7(T0, bytes(9) + bytes([n])) for n in range(4)]
        self.events: list[Event] = []
        for number in range(60):
            tenant, ts = self.random.choice(TENANTS), T0 + self.random.randrange(0, 20) * MINUTE
            fields = {"id": twins[number % 4], "ts": T0} if number < 12 else {"ts": ts}
            self.events.append(
                event(
                    **fields,
                    tenant=tenant,
                    allowed_groups=self.random.sample(GROUPS, self.random.choice([0, 0, 1, 2])),
                    service="checkout",
                    entities=["HOST-1"],
                    tags={"k": "v"},
                    title=f"{tenant} {number}",
                )
            )
        newest: dict[tuple[str, int, str], Event] = {}
        for row in self.events:
            newest.setdefault((row.tenant, row.ts, row.id), row)
        self.events = list(newest.values())
        self.problems: list[Problem] = [
            problem(T0 + n * MINUTE, tenant=self.random.choice(TENANTS), correlation_id="same", title=str(n)) for n in range(20)
        ]
        self.deliveries = [
            delivery(f"m{n % 3}", tenant=tenant, outcome="dead", record=f"{tenant} {n}".encode()) for n, tenant in enumerate(TENANTS)
        ]

    def seen(self, tenant: str, groups: Groups) -> dict[str, Event]:
        return {
            row.id: row
            for row in self.events
            if row.tenant == tenant and (groups is None or not row.allowed_groups or set(groups) & set(row.allowed_groups))
        }

    def callers(self) -> list[tuple[str, Groups]]:
        sets: list[Groups] = [None, (), *((group,) for group in GROUPS), ("sre", "dev")]
        return [(tenant, groups) for tenant in (*TENANTS, "nobody") for groups in sets]


def where(tenant: str, groups: Groups) -> EventFilter:
    return EventFilter(tenant=tenant, groups=groups)


async def events(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups)
    edges = Edges(*WINDOW, now=T0 + HOUR)
    for answer in (await store.events(where(tenant, groups), ALL), await store.events(where(tenant, groups), ALL, edges)):
        assert {row.id: row for row in answer} == visible


async def count(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    assert await store.count(where(tenant, groups)) == len(rows.seen(tenant, groups))


async def histogram(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    answer = await store.histogram(where(tenant, groups), MINUTE, "service")
    assert sum(sum(bucket.counts.values()) for bucket in answer) == len(rows.seen(tenant, groups))


async def changes(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    query = ChangeQuery(
        tenant=tenant, groups=groups, at=T0, from_ms=WINDOW[0], to_ms=WINDOW[1], service="checkout", entities=("HOST-1",), limit=1_000
    )
    assert {change.event.id: change.event for change in await store.changes(query)} == rows.seen(tenant, groups)


async def rates(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups).values()
    services, kinds = tuple({row.service for row in rows.events}), tuple({row.kind for row in rows.events})
    query = RateQuery(tenant=tenant, groups=groups, from_ms=WINDOW[0], to_ms=WINDOW[1] + 1, services=services, kinds=kinds)
    counts = Counter((row.service, row.kind) for row in visible)
    assert {(rate.service, rate.kind): rate.changes for rate in await store.rates(query)} == counts


async def one_event(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups)
    for row in rows.random.sample(rows.events, 15):
        assert await store.event(tenant, row.id, groups) == visible.get(row.id)


async def event_by_low(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups)
    for row in rows.random.sample(rows.events, 10):
        for ts in (row.ts, None):
            assert await store.event_by_low(tenant, ids.signed_low(row.id), ts, groups) == visible.get(row.id)


async def problems(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups  # see docs/apis/README.md, "What holds in every API"
    for state in ("", "open"):
        answer = await store.problems(ProblemFilter(tenant=tenant, now=T0, state=state), ALL)
        assert {row.id for row in answer} == {row.id for row in rows.problems if row.tenant == tenant}


async def one_problem(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups
    for row in rows.random.sample(rows.problems, 8):
        assert (await store.problem(tenant, row.id, T0) is not None) == (row.tenant == tenant)


async def looks(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups
    sample = rows.random.sample(rows.problems, 8)
    answer = await store.looks(tenant, [row.id for row in sample])
    assert {row.id for row in answer} == {row.id for row in sample if row.tenant == tenant}


async def open_problem(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups
    own_problem = await store.open_problem(tenant, "same", T0)
    mine = [row for row in rows.problems if row.tenant == tenant]
    assert (own_problem is not None) == bool(mine)
    assert own_problem is None or own_problem.tenant == tenant


async def deliveries(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups  # a delivery tells ids, and nothing of what an event says
    mine = {row.id: row for row in rows.deliveries if row.tenant == tenant}
    answer = await store.deliveries.newest(DeliveryFilter(tenant=tenant), ALL)
    assert {row.id: row for row in answer} == {key: msgspec.structs.replace(row, record=b"") for key, row in mine.items()}
    every_id = sorted({row.id for row in rows.deliveries})
    assert await store.deliveries.records(tenant, every_id) == {key: row.record for key, row in mine.items()}
    for delivery_id in every_id:
        assert len(await store.deliveries.attempts(tenant, delivery_id)) == (delivery_id in mine)


async def fresh(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    for read in (one_event, event_by_low, events, one_problem):
        await read(store.fresh, rows, tenant, groups)


READS: dict[str, Callable[[EventStore, Rows, str, Groups], Awaitable[None]]] = {
    "event": one_event,
    "event_by_low": event_by_low,
    "events": events,
    "count": count,
    "histogram": histogram,
    "changes": changes,
    "rates": rates,
    "problems": problems,
    "problem": one_problem,
    "looks": looks,
    "open_problem": open_problem,
    "deliveries": deliveries,
    "fresh": fresh,
}


def test_every_read_of_the_port_is_tried() -> None:
    assert set(READS) == {name for name in vars(EventStore) if not name.startswith("_")}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_read_returns_what_its_caller_may_see_and_nothing_else(bench: Bench, seed: int) -> None:
    rows = Rows(seed)
    bench.put(*rows.events, *rows.problems, *rows.deliveries)
    callers = rows.callers() if bench.engine is None else rows.random.sample(rows.callers(), 8)
    for tenant, groups in callers:
        for read in READS.values():
            await read(bench.store, rows, tenant, groups)
