"""Metrics over the store are those over the newest versions in memory, whatever happened: retries, rollbacks, deletes, moves.

The rows go through the sink's own writer into the real engine, in any order, some of them twice. What the memory store is given is the
newest version of each event and nothing else.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any, Final, get_args

import msgspec

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.sink.ports import Inserted
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dora.dora_answers import drill_down, group_by, metrics, series, show_bucket, show_drill_down, show_metrics
from causeline.query_api.dora.dora_counts import DoraPart
from causeline.query_api.dora.dora_scope import DoraScope, GroupColumn
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.dora.windows import ZonedWindow
from causeline.query_api.ports import EventStore
from causeline.query_api.reading.dora import DoraReader
from causeline.query_api.reading.dora_question import DoraFacts, DoraQuestion
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dora.definition import Attribution, Definition
from causeline.schemas.feedback.assessment import Assessment, AssessmentPlace, AssessmentRecord
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.migrations import EVENTS_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.wire import codec
from tests.contract.event_rows import DAY, HOUR, T0, Row
from tests.dora_histories import History
from tests.engine import Engine

HISTORIES: Final = int(os.environ.get("DORA_HISTORIES", "8"))
TOPOLOGY: Final = Topology([Service(name="shop", aliases=("shop-svc",))])
_TABLES: Final[tuple[tuple[type[Row], str], ...]] = (
    (Event, EVENTS_TABLE),
    (Problem, TRANSITIONS_TABLE),
    (CauseRevision, REVISIONS_TABLE),
)


async def write(writer: ClickHouseTableWriter, rows: Iterable[Row]) -> None:
    kept = list(rows)
    for kind, table in _TABLES:
        frames = [codec.encode_record(row) for row in kept if isinstance(row, kind)]
        if frames:
            assert await writer.insert(table, codec.schema_id_of(frames[0]), frames) == Inserted()


def memory_of(history: History) -> MemoryEventStore:
    store = MemoryEventStore()
    for row in history.newest:
        store.put_event(row)
    for other in history.rows:
        if isinstance(other, Problem):
            store.put_problem(other)
        elif isinstance(other, CauseRevision):
            store.put_revision(other)
    return store


def feedback_of(history: History) -> TenantFeedback:
    """Somebody said something of every third event in every second problem."""
    feedback = TenantFeedback()
    problems = [row for row in history.rows if isinstance(row, Problem)][::2]
    for number, problem in enumerate(problems):
        event = history.newest[number * 3 % len(history.newest)]
        verdict: Any = ("confirmed", "rejected")[number % 2]
        record = AssessmentRecord(assessment=Assessment(verdict=verdict, at=T0 + number, is_restricted=bool(event.allowed_groups)))
        feedback.take(AssessmentPlace(problem.id, event.id), record, 1)
    return feedback


def reader_on(store: EventStore, history: History) -> DoraReader:
    async def topology(_: str) -> Topology:
        return TOPOLOGY

    async def feedback(_: str) -> TenantFeedback:
        return feedback_of(history)

    return DoraReader(Reader(store, MemoryFrontier(MemoryEventStore()), RecentWrites(lambda: 0.0)), topology, feedback)


def questions(tenant: str) -> list[DoraQuestion]:
    window = ZonedWindow(T0 - 6 * DAY, T0 + 5 * DAY, "Europe/Berlin")
    base = DoraQuestion(tenant=tenant, window=window, definition=Definition(), now=T0 + 8 * DAY)
    replace = msgspec.structs.replace
    latest = Definition(attribution=Attribution(rule="latest", window=None))
    return [
        base,
        replace(base, groups=("a",)),
        replace(base, groups=(), scope=DoraScope(service=frozenset({"shop-svc"}))),
        replace(base, scope=DoraScope(service=frozenset({"cart"}), team=frozenset({"t1", "t2"}))),
        replace(base, scope=DoraScope(team=frozenset({"t1"})), definition=Definition(attribution=Attribution(window=HOUR))),
        replace(base, scope=DoraScope(repo=frozenset({"r1"}), project=frozenset({"p1"})), definition=latest),
        replace(base, window=ZonedWindow(T0 + 3 * DAY, T0 + 4 * DAY), definition=Definition(production=("staging",))),
    ]


def sums(question: DoraQuestion, part: DoraPart) -> list[Any]:
    window, definition = question.window, question.definition
    return [
        show_metrics(metrics(window, part, definition)),
        [show_bucket(bucket) for bucket in series(window, "week", part, definition)],
        *(
            [(group.value, show_metrics(group.metrics)) for group in group_by(window, column, part, definition)]
            for column in get_args(GroupColumn)
        ),
    ]


def shown(question: DoraQuestion) -> Callable[[DoraHistory], Any]:
    def show(history: DoraHistory) -> Any:
        return [*sums(question, history), [show_drill_down(row) for row in drill_down(question.window, history)]]

    return show


def comparable(facts: DoraFacts) -> tuple[list[Any], ...]:
    """Facts without their order; a store may give changes in a class of its own."""
    changes = sorted((msgspec.structs.asdict(fact) for fact in facts.changes), key=lambda fact: str(fact["id"]))
    problems = sorted((msgspec.structs.asdict(fact) for fact in facts.problems), key=lambda fact: str(fact["id"]))
    return changes, sorted(facts.commit_events), problems, sorted(facts.likely_causes.items()), sorted(facts.scopes)


async def test_facts_and_metrics_of_the_store_are_those_of_the_newest_versions(emptied: Engine) -> None:
    histories = [History(seed, f"tenant-{seed}") for seed in range(HISTORIES)]
    writer = ClickHouseTableWriter(emptied.open)
    for batches in zip(*(history.batches() for history in histories), strict=True):
        await write(writer, (row for batch in batches for row in batch))
    await writer.close()
    store = ClickHouseEventStore(emptied.open, QueryLimits(seconds=60))
    deployments = failures = 0
    for history in histories:
        ours, theirs = reader_on(store, history), reader_on(memory_of(history), history)
        for question in questions(history.tenant):
            here, there = await ours.facts(question), await theirs.facts(question)
            assert comparable(here) == comparable(there), (history.tenant, question)
            answer, expected = (shown(question)(facts.history(question)) for facts in (here, there))
            assert answer == expected, (history.tenant, question)
            assert sums(question, here.columns(question)) == expected[:-1], (history.tenant, question)
            deployments += expected[0]["change_fail_rate"]["n"]
            failures += expected[0]["change_fail_rate"]["numerator"]
    await store.close()
    assert deployments > 10 * HISTORIES
    assert failures > HISTORIES
