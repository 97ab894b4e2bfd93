"""Other weights are no fact: the rankings that they make are published, and told to nobody; what comes in afterwards is told as ever."""

import msgspec

from causeline.query_api.causes.model import DEFAULT_MODEL, Model
from causeline.query_api.publishing.watching import MOST_WATCHED
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import is_told
from tests.publishing import CONTRARY, MINUTE, Fleet, Server

RENAMED = Model("renamed", DEFAULT_MODEL.weights)


def published(fleet: Fleet, problem: Problem) -> list[CauseRevision]:
    return [revision for revision in fleet.revisions(problem.id) if revision is not None]


def told(fleet: Fleet, problem: Problem) -> list[int]:
    return [revision.revision for revision in published(fleet, problem) if is_told(revision)]


async def opened(fleet: Fleet) -> Problem:
    """Return a problem that was ranked by the weights that ship: the one that changed its service first."""
    fleet.change(before=4 * MINUTE)
    fleet.change(before=5 * MINUTE, service="search")
    problem = fleet.open()
    await (await Server(fleet).start()).settle()
    fleet.clock.now += MINUTE
    return problem


async def restart(fleet: Fleet, model: Model) -> Server:
    server = await Server(fleet, model=model).start()
    await server.watch()
    return server


async def test_a_restart_with_other_weights_publishes_and_tells_nobody() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    await restart(fleet, CONTRARY)
    before, after = published(fleet, problem)
    assert (before.model, after.model) == ("1", "contrary")
    assert (before.first, before.verdict) != (after.first, after.verdict)
    assert told(fleet, problem) == [1]


async def test_a_restart_with_the_same_weights_publishes_nothing() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    await restart(fleet, DEFAULT_MODEL)
    assert len(published(fleet, problem)) == 1


async def test_other_weights_that_say_the_same_are_published_once_so_that_what_follows_is_told() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    server = await restart(fleet, RENAMED)
    await server.watch()
    assert [revision.model for revision in published(fleet, problem)] == ["1", "renamed"]
    fleet.clock.now += MINUTE
    fleet.change(before=7 * MINUTE, status="failed", title="slow")
    await server.watch()
    assert told(fleet, problem) == [1, 3]


async def test_what_comes_in_after_the_first_ranking_by_other_weights_is_told_and_names_the_verdict_that_was_told() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    server = await restart(fleet, CONTRARY)
    first, second = published(fleet, problem)
    fleet.clock.now += MINUTE
    gone = await fleet.store.event("acme", second.first, None) if second.first else None
    assert gone is not None
    fleet.put(gone, is_deleted=True)
    await server.watch()
    third = published(fleet, problem)[2]
    assert third.first != second.first
    assert told(fleet, problem) == [1, 3]
    assert (second.previous_verdict, third.previous_verdict) == (first.verdict, first.verdict)


async def test_a_change_that_came_in_while_the_weights_changed_is_told_where_it_is_the_first() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    late = fleet.change(before=3 * MINUTE, service="far", environment="staging", tags={"a": "b"})
    await restart(fleet, CONTRARY)
    assert published(fleet, problem)[1].first == late.id
    assert told(fleet, problem) == [1, 2]


async def test_what_went_while_the_weights_changed_is_told() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    before = await fleet.store.event("acme", published(fleet, problem)[0].first, None)
    assert before is not None
    fleet.put(before, is_deleted=True)
    await restart(fleet, RENAMED)
    assert told(fleet, problem) == [1, 2]


async def test_what_somebody_says_under_other_weights_is_told() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    server = await Server(fleet, model=CONTRARY).start()
    server.publisher.note("acme", problem.id, "feedback")
    await server.settle()
    assert [revision.occasion for revision in published(fleet, problem)] == ["opened", "feedback"]
    assert told(fleet, problem) == [1, 2]


async def test_of_a_tenant_only_the_newest_are_ranked_again_at_once() -> None:
    fleet = Fleet()
    problems = [fleet.open(start=fleet.clock.now + number) for number in range(MOST_WATCHED + 5)]
    await (await Server(fleet).start()).settle()
    await restart(fleet, RENAMED)
    assert sum(len(published(fleet, problem)) == 2 for problem in problems) == MOST_WATCHED


async def test_the_verdict_that_was_told_is_remembered_over_any_number_of_weights() -> None:
    fleet = Fleet()
    problem = await opened(fleet)
    for model in (CONTRARY, DEFAULT_MODEL, msgspec.structs.replace(CONTRARY, version="once more")):
        await restart(fleet, model)
        fleet.clock.now += MINUTE
    revisions = published(fleet, problem)
    assert told(fleet, problem) == [1]
    assert [revision.previous_verdict for revision in revisions[1:]] == [revisions[0].verdict] * 3
