"""Rows of another tenant, and events of groups that the caller shares none of, never come back: over every read of an EventStore."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from causeline.query_api.dora.dora_facts import DEPLOYMENT_KINDS
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import WHOLE
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.dora_query import IncidentQuery, RolloutQuery
from causeline.query_api.questions.query import (
    ChangeQuery,
    DeliveryFilter,
    Edges,
    EventFilter,
    LaneQuery,
    ProblemFilter,
    RateQuery,
    UpdateQuery,
)
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.web.principal import Groups
from tests.contract.delivery_rows import delivery
from tests.contract.event_rows import ALL, HOUR, MINUTE, T0, Bench, event, problem
from tests.contract.revision_rows import COMPUTED, cause, revision

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
        for number, row in enumerate(self.events[20:40]):  # commits of the same name, of every tenant
            kind = ("commit", "deployment")[number % 2]
            self.events[20 + number] = msgspec.structs.replace(row, kind=kind, commit=f"c{number // 2 % 3}", status="")
        self.problems: list[Problem] = [
            problem(T0 + n * MINUTE, tenant=self.random.choice(TENANTS), correlation_id="same", title=str(n)) for n in range(20)
        ]
        self.events += map(self.opening, self.problems)
        self.revisions = [
            revision(n % 3 + 1, tenant=tenant, id=f"p{n % 2}", title=f"{tenant} {n}") for n, tenant in enumerate((*TENANTS, *TENANTS[:3]))
        ]
        self.ranked = [
            revision(1, tenant=TENANTS[n % 5], id=row.id, causes=[cause(f"of {TENANTS[n % 5]}")]) for n, row in enumerate(self.problems)
        ]
        self.deliveries = [
            delivery(f"m{n % 3}", tenant=tenant, outcome="dead", record=f"{tenant} {n}".encode()) for n, tenant in enumerate(TENANTS)
        ]

    def opening(self, of: Problem) -> Event:
        groups = self.random.sample(GROUPS, self.random.choice([0, 0, 1]))
        shared = {"service": "checkout", "entities": ["HOST-1"], "tags": {"k": "v"}, "allowed_groups": groups}
        return event(of.start, id=of.id, tenant=of.tenant, kind="incident", team=of.id, **shared)

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


async def lanes(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    answer = await store.lanes(LaneQuery(where=where(tenant, groups), by="service", step_ms=MINUTE, limit=1))
    visible = len(rows.seen(tenant, groups))
    assert (answer.lane_count, answer.event_count) == (min(visible, 1), visible)
    assert sum(one.total for lane in answer.lanes for one in lane.bins) == visible


async def insights(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    query = InsightQuery(tenant=tenant, groups=groups, edges=(WINDOW[0], WINDOW[1] + 1), now=T0)
    tallies = await store.insights(query)
    assert sum(row.n for row in tallies.actions) == len(rows.seen(tenant, groups))
    assert sum(row.ended for row in tallies.runs if row.bucket == WHOLE) == sum(row.n for row in tallies.hours)


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


async def updates(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups  # it says when to look again, of every group, and what is looked at then is asked with groups
    kinds = tuple({row.kind for row in rows.events})
    query = UpdateQuery(tenant=tenant, from_ms=WINDOW[0], to_ms=WINDOW[1], since=T0 - 1, kinds=kinds, limit=1_000)
    assert {row.id for row in await store.updates(query)} == set(rows.seen(tenant, None))


async def one_event(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups)
    for row in rows.random.sample(rows.events, 15):
        assert await store.event(tenant, row.id, groups) == visible.get(row.id)


async def events_by_id(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    sample = sorted({row.id for row in rows.random.sample(rows.events, 15)})
    visible = rows.seen(tenant, groups)
    assert await store.events_by_id(tenant, sample, groups) == {key: visible[key] for key in sample if key in visible}


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


async def cause_revision(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups  # it holds what everybody of the tenant may see
    for problem_id in ("p0", "p1"):
        mine = [row for row in rows.revisions if (row.tenant, row.id) == (tenant, problem_id)]
        newest = max(mine, key=lambda row: row.revision, default=None)
        assert await store.cause_revision(tenant, problem_id) == newest
        assert await store.cause_revision(tenant, problem_id, COMPUTED - 1) is None


async def cause_revisions(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups  # as above
    mine = sorted((row for row in rows.revisions if row.tenant == tenant and row.id in ("p0", "p1")), key=lambda row: row.revision)
    assert await store.cause_revisions(tenant, ["p0", "p1", "no such"]) == {row.id: row for row in mine}


async def open_problem(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    del groups
    own_problem = await store.open_problem(tenant, "same", T0)
    mine = [row for row in rows.problems if row.tenant == tenant]
    assert (own_problem is not None) == bool(mine)
    assert own_problem is None or own_problem.tenant == tenant


async def dora(store: EventStore, rows: Rows, tenant: str, groups: Groups) -> None:
    visible = rows.seen(tenant, groups)
    rollouts = RolloutQuery(tenant=tenant, groups=groups, from_ms=WINDOW[0], to_ms=WINDOW[1])
    incidents = IncidentQuery(tenant=tenant, groups=groups, from_ms=WINDOW[0], to_ms=WINDOW[1], now=T0)
    assert {row.id for row in await store.dora.changes(rollouts)} == {row.id for row in visible.values() if row.kind in DEPLOYMENT_KINDS}
    deployed_commits = {row.commit for row in visible.values() if row.kind in DEPLOYMENT_KINDS}
    words = {row.commit for row in visible.values() if row.kind == "commit"} & deployed_commits
    assert {row.commit for row in await store.dora.commit_events(rollouts, 0)} == words
    problem_ids = {row.id for row in rows.problems} & visible.keys()
    assert {row.id for row in await store.dora.problems(incidents)} == problem_ids
    assert {scope.team for scope in await store.dora.scopes(tenant, groups)} == problem_ids
    own_ids = {row.id for row in rows.problems if row.tenant == tenant}
    likely = {row.id: f"of {tenant}" for row in rows.ranked if row.tenant == tenant and row.id in own_ids}
    assert await store.dora.likely_causes(incidents) == likely


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
    "events_by_id": events_by_id,
    "events": events,
    "count": count,
    "histogram": histogram,
    "lanes": lanes,
    "insights": insights,
    "changes": changes,
    "rates": rates,
    "updates": updates,
    "problems": problems,
    "problem": one_problem,
    "looks": looks,
    "cause_revision": cause_revision,
    "cause_revisions": cause_revisions,
    "open_problem": open_problem,
    "deliveries": deliveries,
    "dora": dora,
    "fresh": fresh,
}


def test_every_read_of_the_port_is_tried() -> None:
    assert set(READS) == {name for name in vars(EventStore) if not name.startswith("_")}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_read_returns_what_its_caller_may_see_and_nothing_else(bench: Bench, seed: int) -> None:
    rows = Rows(seed)
    bench.put(*rows.events, *rows.problems, *rows.deliveries, *rows.revisions, *rows.ranked)
    callers = rows.callers() if bench.engine is None else rows.random.sample(rows.callers(), 8)
    for tenant, groups in callers:
        for read in READS.values():
            await read(bench.store, rows, tenant, groups)
