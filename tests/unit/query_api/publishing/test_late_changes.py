"""A change that comes in late, ends, is moved or taken away makes the rankings that it concerns again, and only what is new is told."""

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.publishing.last_ranking import last_ranking_of
from causeline.query_api.publishing.schedule import RankingCourse
from causeline.query_api.publishing.watching import MOST_WATCHED, Watch
from causeline.query_api.questions.query import ChangeUpdate, UpdateQuery
from causeline.query_api.reading.causes import CauseReader
from causeline.schemas.records.event import Event
from causeline.schemas.topology.topology import Topology
from tests.publishing import HOUR, MINUTE, T0, Fleet, Server


async def test_a_change_that_comes_in_late_is_told_once() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    fleet.change(before=3 * HOUR, service="search")
    problem = fleet.open()
    await server.settle()
    fleet.clock.now += MINUTE
    late = fleet.change(before=6 * MINUTE)
    for _ in range(5):
        await server.watch()
        fleet.clock.now += 15_000
    assert fleet.occasions(problem.id) == ["opened", "changes"]
    _, revision = fleet.revisions(problem.id)
    assert revision is not None
    assert (revision.causes[0].event_id, revision.is_news) == (late.id, True)


async def test_what_ends_goes_or_is_taken_away_is_told_where_the_order_is_another_one() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    first, second = fleet.change(before=4 * MINUTE, title="one"), fleet.change(before=9 * MINUTE, service="search")
    problem = fleet.open()
    await server.settle()
    fleet.clock.now += MINUTE
    fleet.put(second, text="nothing that matters")
    await server.watch()
    assert fleet.occasions(problem.id) == ["opened"]
    fleet.clock.now += MINUTE
    fleet.put(first, is_deleted=True)
    await server.watch()
    assert fleet.occasions(problem.id) == ["opened", "changes"]
    assert [cause.event_id for revision in fleet.revisions(problem.id)[1:] if revision for cause in revision.causes] == [second.id]


async def test_changes_of_groups_other_tenants_and_other_times_make_nothing_again() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    problem = fleet.open()
    await server.settle()
    fleet.clock.now += 5 * MINUTE
    fleet.change("shop", before=6 * MINUTE)
    fleet.change(before=MINUTE)
    fleet.change(before=10 * HOUR, service="far")
    assert not await server.publisher.watch()
    fleet.change(before=6 * MINUTE, allowed_groups=["sre"])
    await server.watch()
    assert fleet.occasions(problem.id) == ["opened"]


async def test_a_change_that_is_restricted_from_now_on_leaves_what_everybody_reads() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    change = fleet.change()
    problem = fleet.open()
    await server.settle()
    fleet.clock.now += MINUTE
    fleet.put(change, allowed_groups=["sre"])
    await server.watch()
    opened, revised = fleet.revisions(problem.id)
    assert opened is not None
    assert revised is not None
    assert (len(opened.causes), len(revised.causes)) == (1, 0)


async def test_kinds_that_a_tenant_means_as_changes_are_asked_about_too() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    problem = fleet.open()
    await server.settle()
    (revision,) = fleet.revisions(problem.id)
    assert revision is not None
    course = RankingCourse(problem.tenant, problem, last_ranking_of(revision))
    for kinds, is_asked in ((frozenset({"rollout"}), True), (frozenset(), False)):
        own = {problem.tenant: kinds}
        (tenant,) = Watch(lambda name, own=own: own.get(name, frozenset())).look([course], fleet.clock.now)  # type: ignore[misc]
        assert ("rollout" in tenant.query.kinds) is is_asked
        assert "deployment" in tenant.query.kinds


async def test_a_problem_is_watched_for_a_day_and_an_hour_after_its_close() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    lasting, closing = fleet.open(), fleet.open("shop")
    await server.settle()
    fleet.clock.now += 2 * HOUR
    fleet.close(closing)
    await server.settle()
    fleet.clock.now += 59 * MINUTE
    fleet.change("shop", before=fleet.clock.now - T0 + MINUTE)
    await server.watch()
    assert fleet.occasions(closing.id)[-2:] == ["closed", "changes"]
    fleet.clock.now += 2 * MINUTE
    fleet.change("shop", before=fleet.clock.now - T0 + 2 * MINUTE)
    await server.watch()
    fleet.clock.now = T0 + 23 * HOUR
    fleet.change(before=fleet.clock.now - T0 + MINUTE)
    await server.watch()
    fleet.clock.now = T0 + 24 * HOUR
    fleet.change(before=fleet.clock.now - T0 + 2 * MINUTE)
    await server.watch()
    assert fleet.occasions(closing.id).count("changes") == 1
    assert fleet.occasions(lasting.id).count("changes") == 1


async def test_the_newest_problems_of_a_tenant_are_watched_each_tenant_for_itself() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    other = fleet.open("shop")
    problems = []
    for _ in range(MOST_WATCHED + 3):
        problems.append(fleet.open(title="x"))
        fleet.clock.now += 10
    await server.settle()
    fleet.clock.now += MINUTE
    for tenant in ("acme", "shop"):
        fleet.change(tenant, before=3 * MINUTE)
    await server.watch()
    told = [problem for problem in problems if "changes" in fleet.occasions(problem.id)]
    assert told == problems[3:]
    assert fleet.occasions(other.id) == ["opened", "changes"]


async def test_what_a_service_depends_on_is_looked_at_with_the_next_look_however_often_it_changes() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    problem = fleet.open()
    await server.settle()
    fleet.change(before=3 * MINUTE)
    fleet.clock.now += MINUTE
    for _ in range(1_000):
        server.publisher.note("acme", None, "changes")
    assert not await server.publisher.publish()
    await server.watch()
    assert fleet.occasions(problem.id) == ["opened", "changes"]


async def test_a_calm_tenant_whose_services_changed_is_looked_at_at_once() -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    problem = fleet.open()
    await server.settle()
    fleet.clock.now += 2 * HOUR
    await server.watch()
    fleet.store.put_event(msgspec.structs.replace(fleet.change(before=2 * HOUR + MINUTE), updated_ts=T0))
    fleet.clock.now += 1_000
    server.publisher.note("acme", None, "changes")
    await server.watch()
    assert fleet.occasions(problem.id) == ["opened", "scheduled", "changes"]


async def test_a_tenant_whose_problems_are_old_is_asked_about_once_a_minute() -> None:
    fleet = Fleet()
    queries: list[UpdateQuery] = []
    ask = fleet.store.updates

    async def updates(query: UpdateQuery) -> list[ChangeUpdate]:
        queries.append(query)
        return await ask(query)

    fleet.store.updates = updates  # type: ignore[method-assign]
    server = await Server(fleet).start()
    fleet.open()
    await server.settle()
    for _ in range(8):
        await server.watch()
        fleet.clock.now += 15_000
    assert len(queries) == 8
    fleet.clock.now += HOUR
    await server.settle()
    queries.clear()
    for _ in range(8):
        await server.watch()
        fleet.clock.now += 15_000
    assert len(queries) == 2
    assert queries[1].since > queries[0].since, "what was seen is not asked for again"


FIELDS: dict[str, dict[str, Any]] = {"fail": {"status": "failed"}, "delete": {"is_deleted": True}, "hide": {"allowed_groups": ["sre"]}}
UPDATES = st.one_of(
    st.tuples(st.just("new"), st.integers(-3, 300), st.sampled_from(["shop", "search"]), st.sampled_from(["deployment", "drift"])),
    st.tuples(st.just("end"), st.integers(0, 5), st.integers(0, 10)),
    st.tuples(st.sampled_from(["fail", "delete", "hide"]), st.integers(0, 5)),
    st.tuples(st.just("look")),
    st.tuples(st.just("restart")),
)


@settings(max_examples=150)
@given(st.lists(UPDATES, max_size=20))
def test_after_a_look_the_newest_revision_is_what_a_ranking_says_now(updates: list[tuple[Any, ...]]) -> None:
    asyncio.run(follow(updates))


async def follow(updates: list[tuple[Any, ...]]) -> None:
    fleet = Fleet()
    server = await Server(fleet).start()
    fleet.change(before=4 * MINUTE)
    problem = fleet.open()
    await server.settle()
    changes: list[Event] = []
    for what, *words in updates:
        fleet.clock.now += 6_000
        if what == "new":
            before = fleet.clock.now - problem.start + words[0] * MINUTE
            changes.append(fleet.change(before=before, service=words[1], kind=words[2]))
        elif what == "look":
            await server.watch()
        elif what == "restart":
            server = await Server(fleet).start()
        elif words[0] < len(changes):
            fields = {"end": changes[words[0]].ts + words[-1] * MINUTE} if what == "end" else FIELDS[what]
            changes[words[0]] = fleet.put(changes[words[0]], **fields)
    fleet.clock.now += 6_000
    await server.watch()

    async def topology(_: str) -> Topology:
        return Topology()

    now = await CauseReader(fleet.reader, topology).causes(problem, (), fleet.clock.now)
    newest = fleet.revisions(problem.id)[-1]
    assert newest is not None
    assert [cause.event_id for cause in newest.causes] == [cause.event_id for cause in now.ranking.causes]
    assert newest.verdict == now.ranking.verdict
