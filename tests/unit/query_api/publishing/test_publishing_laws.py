"""What the log promises of rankings, whatever happens and whoever dies between two steps: random fleets, clocks, crashes and owners."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.memory.cause_log import WriteStep
from causeline.query_api.adapters.memory.store import MemoryFrontier
from causeline.query_api.causes.model import DEFAULT_MODEL
from causeline.query_api.ports import EventStore
from causeline.query_api.publishing.ports import RankedBatch
from causeline.query_api.publishing.schedule import MARKS
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, PROBLEMS_CURRENT
from causeline.schemas.web.errors import TooSlow
from tests.publishing import CONTRARY, HOUR, MINUTE, PARTITIONS, Fleet, Server

TENANTS = ("acme", "shop")
STEPS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(TENANTS)),
    st.tuples(st.just("close"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["refresh", "delete", "forget"]), st.integers(0, 3)),
    st.tuples(st.just("change"), st.sampled_from(TENANTS), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([1, 9, 11, 25, 70, 130])),
    st.tuples(st.just("turn"), st.integers(0, 3)),
    st.tuples(st.just("crash"), st.sampled_from(["begun", "written", "committed"])),
    st.tuples(st.just("displace")),
    st.tuples(st.just("zombie")),
    st.tuples(st.sampled_from(["restart", "compact", "note", "watch", "weights"])),
)


class Run:
    """Applies steps to a fleet, with one server that owns the partitions and perhaps others that believe they do."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.zombies: list[Server] = []
        self.model = DEFAULT_MODEL

    async def play(self, steps: list[tuple[Any, ...]]) -> None:
        await self.do_restart()
        for step in steps:
            await self.step(*step)
            if self.server.dead:
                await self.do_restart()
        await self.do_restart()
        await self.server.settle()

    async def step(self, what: str, *words: Any) -> None:
        await getattr(self, f"do_{what}")(*words)

    async def do_open(self, tenant: str) -> None:
        self.fleet.open(tenant)

    async def do_change(self, tenant: str, is_restricted: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        self.fleet.change(tenant, allowed_groups=["secret"] if is_restricted else [])

    async def do_pass(self, minutes: int) -> None:
        self.fleet.clock.now += minutes * MINUTE

    async def do_turn(self, batches: int) -> None:
        await self.server.turn(batches)

    async def do_crash(self, step: WriteStep) -> None:
        self.server.crash_at = step
        await self.server.turn(3)
        self.server.dead = True

    async def do_restart(self) -> None:
        self.server = await Server(self.fleet, model=self.model).start()

    async def do_weights(self) -> None:
        self.model = DEFAULT_MODEL if self.model is CONTRARY else CONTRARY
        await self.do_restart()
        await self.server.watch()

    async def do_displace(self) -> None:
        self.zombies.append(self.server)
        await self.do_restart()

    async def do_zombie(self) -> None:
        for zombie in self.zombies:
            await zombie.turn(2)

    async def do_compact(self) -> None:
        for number in range(PARTITIONS):
            self.fleet.topics.compact(PROBLEMS_CURRENT, number)
        await self.do_restart()

    async def do_note(self) -> None:
        for problem_id in self.fleet.problems:
            self.server.publisher.note("acme", problem_id, "feedback")

    async def do_watch(self) -> None:
        await self.server.watch()

    def alive(self, number: int, *states: str) -> list[Problem]:
        """Return the problem of a number, if it is there and in one of the states."""
        alive = [problem for problem_id, problem in self.fleet.problems.items() if problem_id not in self.fleet.gone]
        return [problem for problem in alive[number : number + 1] if problem.state in states]

    async def do_close(self, number: int) -> None:
        for problem in self.alive(number, "open"):
            self.fleet.close(problem)

    async def do_refresh(self, number: int) -> None:
        for problem in self.alive(number, "open"):
            self.fleet.refresh(problem)

    async def do_delete(self, number: int) -> None:
        for problem in self.alive(number, "open", "closed"):
            self.fleet.forget(problem, is_deleted=True)

    async def do_forget(self, number: int) -> None:
        for problem in self.alive(number, "closed"):
            self.fleet.forget(problem)


@settings(max_examples=200)
@given(st.lists(STEPS, min_size=12, max_size=40))
@example([("open", "acme"), ("displace",), ("turn", 3), ("zombie",)])
@example([("open", "acme"), ("open", "shop"), ("turn", 1), ("displace",), ("close", 0), ("zombie",), ("turn", 3), ("zombie",)])
@example([("open", "acme"), ("turn", 1), ("crash", "committed"), ("close", 0), ("crash", "committed"), ("turn", 2)])
def test_revisions_are_told_once_each_in_order_to_their_tenant_and_as_often_as_is_due(steps: list[tuple[Any, ...]]) -> None:
    run = Run()
    asyncio.run(run.play(steps))
    fleet = run.fleet
    assert {record.key.decode() for (topic, _), log in fleet.topics.logs.items() if topic == CAUSES for record in log} <= set(
        fleet.problems
    )
    for problem_id in fleet.problems:
        check(fleet, problem_id)


def check(fleet: Fleet, problem_id: str) -> None:
    problem, records = fleet.problems[problem_id], fleet.revisions(problem_id)
    revisions = [record for record in records if record is not None]
    assert [revision.revision for revision in revisions] == list(range(1, len(revisions) + 1))
    assert records[: len(revisions)] == revisions, "nothing follows a tombstone"
    assert len(records) - len(revisions) == (problem_id in fleet.gone and bool(revisions))
    deletions = [revision.is_deleted for revision in revisions]
    assert not any(deletions[:-1])
    told_verdict = ""
    for before, revision in zip([None, *revisions], revisions, strict=False):
        assert (revision.tenant, revision.id) == (problem.tenant, problem_id)
        assert revision.previous_verdict == told_verdict
        told_verdict = revision.verdict if revision.is_news else told_verdict
        is_other = not revision.is_deleted and (before is None or heads(before) != heads(revision))
        if before is None or before.model == revision.model:
            assert revision.is_news == is_other
        elif revision.is_news:
            assert is_other
            assert revision.occasion == "feedback" or has_come_or_gone(fleet, before, revision)
        assert before is None or revision.computed_at >= before.computed_at
        for cause in revision.causes:
            assert asyncio.run(fleet.store.event(problem.tenant, cause.event_id, ())) is not None, "of the tenant, and of no group"
    closings = [revision for revision in revisions if revision.occasion == "closed"]
    assert len(closings) <= 1
    assert [revision.state for revision in revisions] == sorted((revision.state for revision in revisions), reverse=True)
    if problem_id in fleet.gone:
        return
    now = fleet.clock.now
    if problem.state == "closed":
        was_told_open = any(revision.state == "open" for revision in revisions)
        assert len(closings) == 1 or (not was_told_open and not revisions and now - problem.at > HOUR)
        return
    passed = [problem.ingest_ts + mark for mark in (0, *MARKS) if problem.ingest_ts + mark <= now]
    assert revisions, "every open problem has a ranking"
    assert revisions[-1].computed_at >= passed[-1], "and that of the newest instant that has passed"
    assert [revision.occasion for revision in revisions].count("opened") == 1
    assert [revision.occasion for revision in revisions].count("scheduled") <= len(MARKS)


def has_come_or_gone(fleet: Fleet, before: CauseRevision, revision: CauseRevision) -> bool:
    """Tell whether the first cause came in since the revision before, or that one's went."""
    now, then = (asyncio.run(fleet.store.event(before.tenant, heads(each)[1], ())) for each in (revision, before))
    return (now is not None and now.updated_ts > before.as_of) or (heads(before)[1] != "" and then is None)


def heads(revision: CauseRevision) -> tuple[str, str]:
    return revision.verdict, revision.causes[0].event_id if revision.causes else ""


async def test_a_problem_is_ranked_as_it_opens_after_ten_twenty_and_sixty_minutes_and_at_its_close() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    change = fleet.change()
    problem = fleet.open()
    for _ in range(90):
        await server.settle()
        fleet.clock.now += MINUTE
    fleet.close(problem)
    await server.settle()
    assert fleet.occasions(problem.id) == ["opened", "scheduled", "scheduled", "scheduled", "closed"]
    revisions = [revision for revision in fleet.revisions(problem.id) if revision is not None]
    assert [(revision.computed_at - problem.ingest_ts) // MINUTE for revision in revisions] == [0, 10, 20, 60, 90]
    assert [revision.is_news for revision in revisions] == [True, False, False, False, False]
    assert [revision.provisional for revision in revisions] == [True, True, True, False, False]
    assert {revision.causes[0].event_id for revision in revisions} == {change.id}


async def test_a_problem_that_is_deleted_while_it_is_ranked_gets_no_ranking() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    problem = fleet.open()
    await server.turn(0)
    rank = server.ranker.rank

    async def delete_meanwhile(problems: Sequence[Problem], now: int) -> RankedBatch:
        answers = await rank(problems, now)
        fleet.forget(problem, is_deleted=True)
        await server.turn(0)
        return answers

    server.ranker.rank = delete_meanwhile  # type: ignore[method-assign]
    await server.publisher.publish()
    await server.settle()
    assert fleet.occasions(problem.id) == []


async def test_after_an_outage_what_was_missed_is_one_revision() -> None:
    fleet = Fleet()
    problem = fleet.open()
    await (await Server(fleet).start()).settle()
    fleet.clock.now += 50 * MINUTE
    await (await Server(fleet).start()).settle()
    assert fleet.occasions(problem.id) == ["opened", "scheduled"]


async def test_a_store_full_of_old_problems_is_not_ranked_but_those_that_are_open_are() -> None:
    fleet = Fleet()
    old = [fleet.close(fleet.open()) for _ in range(5)]
    still_open = fleet.open()
    fleet.clock.now += 61 * MINUTE
    just_closed = fleet.close(fleet.open())
    server = await Server(fleet).start()
    await server.settle()
    assert [fleet.occasions(problem.id) for problem in old] == [[]] * 5
    assert fleet.occasions(still_open.id) == ["opened"]
    assert fleet.occasions(just_closed.id) == ["closed"]


async def test_a_deleted_problem_is_told_so_and_a_forgotten_one_only_goes() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    deleted, forgotten = fleet.open(), fleet.close(fleet.open())
    await server.settle()
    fleet.forget(deleted, is_deleted=True)
    fleet.forget(forgotten)
    await server.settle()
    assert fleet.occasions(deleted.id) == ["opened", "deleted", "tombstone"]
    assert fleet.occasions(forgotten.id) == ["closed", "tombstone"]
    last = fleet.revisions(deleted.id)[-2]
    assert last is not None
    assert (last.is_deleted, last.is_news, last.causes, last.title) == (True, False, [], "")


async def test_feedback_that_changes_nothing_is_not_told_and_other_tenants_problems_are_not_touched() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    fleet.change(before=2 * MINUTE, service="search")
    problem, other = fleet.open(), fleet.open("shop")
    await server.settle()
    for problem_id in (problem.id, other.id):
        server.publisher.note("acme", problem_id, "feedback")
    await server.settle()
    assert fleet.occasions(problem.id) == ["opened"]
    fleet.change(before=6 * MINUTE, service="shop", title="late")
    fleet.change("shop", before=6 * MINUTE)
    for problem_id in (problem.id, other.id):
        server.publisher.note("acme", problem_id, "feedback")
    await server.settle()
    assert fleet.occasions(problem.id) == ["opened", "feedback"]
    assert fleet.occasions(other.id) == ["opened"]


def tell_length(revision: CauseRevision, framed: bytes) -> list[tuple[str, int, bytes, bytes]]:
    return [("out", 0, revision.id.encode(), b"%d %d" % (revision.revision, len(framed)))]


async def test_what_the_hook_gives_lies_in_the_transaction_of_its_revision() -> None:
    fleet = Fleet()
    server = await Server(fleet, tell_length).start()
    problem = fleet.open()
    server.crash_at = "written"
    await server.turn()
    assert fleet.topics.logs["out", 0] == []
    assert fleet.occasions(problem.id) == []
    server = await Server(fleet, tell_length).start()
    await server.settle()
    (record,) = fleet.topics.logs["out", 0]
    (revision,) = fleet.topics.logs[CAUSES, fleet.partition(problem.id)]
    assert (record.key, record.value) == (problem.id.encode(), b"1 %d" % len(revision.value or b""))


async def test_a_hook_or_a_problem_that_fails_holds_up_nobody_else_and_is_tried_again_ever_later() -> None:
    fleet = Fleet()
    calls: list[int] = []

    def tell(revision: CauseRevision, framed: bytes) -> list[tuple[str, int, bytes, bytes]]:
        if revision.id == bad.id:
            calls.append(fleet.clock.now)
            raise KeyError(revision.id)
        return tell_length(revision, framed)

    server = await Server(fleet, tell).start()
    bad, good = fleet.open(), fleet.open()
    for _ in range(120):
        await server.settle()
        fleet.clock.now += 1_000
    assert (fleet.occasions(bad.id), fleet.occasions(good.id)) == ([], ["opened"])
    pauses = [later - sooner for sooner, later in pairwise(calls)]
    assert pauses == [4_000, 8_000, 16_000, 32_000]


class AwayReader(Reader):
    away = True

    async def lists(self, tenant: str, *, problems: bool = False) -> EventStore:
        if self.away:
            raise TooSlow("the store is busy")
        return await super().lists(tenant, problems=problems)


async def test_while_the_store_is_away_nothing_is_lost() -> None:
    fleet = Fleet()
    reader = AwayReader(fleet.store, MemoryFrontier(fleet.store), RecentWrites(lambda: 0.0))
    server = await Server(fleet, reader=reader).start()
    problems = [fleet.open(tenant) for tenant in ("acme", "shop") for _ in range(20)]
    for _ in range(100):
        await server.settle()
        fleet.clock.now += 1_000
    assert {record for log in fleet.topics.logs.values() for record in log if record.topic == CAUSES} == set()
    reader.away = False
    for _ in range(31):
        fleet.clock.now += 1_000
        await server.settle()
    assert [fleet.occasions(problem.id) for problem in problems] == [["opened"]] * 40
