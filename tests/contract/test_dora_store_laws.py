"""What every DoraStore promises: the shipped memory twin and ClickHouse (the embedded engine) give the metrics the same facts."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, ListedCommit, ProblemFact, ProblemScope
from causeline.query_api.questions.dora_query import IncidentQuery, RolloutQuery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from tests.contract.event_rows import DAY, HOUR, MINUTE, T0, TENANT, Bench, after, event, gone, problem
from tests.contract.revision_rows import cause, revision

FROM, TO = T0 - DAY, T0 + DAY


def rollouts(**fields: Any) -> RolloutQuery:
    return RolloutQuery(**{"tenant": TENANT, "from_ms": FROM, "to_ms": TO, **fields})


def incidents(**fields: Any) -> IncidentQuery:
    return IncidentQuery(**{"tenant": TENANT, "from_ms": FROM, "to_ms": TO, "now": T0, **fields})


def same(facts: Sequence[ChangeFact]) -> list[ChangeFact]:
    """Facts by id. A store may give them in a class of its own."""
    return sorted((ChangeFact(**msgspec.structs.asdict(fact)) for fact in facts), key=lambda fact: fact.id)


async def changed(bench: Bench, **fields: Any) -> set[str]:
    return {fact.id for fact in await bench.store.dora.changes(rollouts(**fields))}


FULL = event(
    T0,
    kind="release",
    dialect="cto_ai",
    status="Succeeded 😀",
    start=T0 - 5,
    end=T0 + 7,
    service="shop",
    environment="prod",
    release='1.0 "x"',
    commit="c0",
    commits=["c1", "größe"],
    commit_times=[0, T0 - HOUR],
    branch="hotfix/1",
    title="It's\n\\ \x00 größe",
    team="t",
    repo="r",
    project="p",
    tags={"rollback": "d9", "status": "ok", "region": "eu"},
    related_id="T-1",
)


async def test_a_change_comes_with_everything_that_metrics_look_at_and_the_tags_that_are_asked_for(bench: Bench) -> None:
    bench.put(FULL)
    (fact,) = same(await bench.store.dora.changes(rollouts(tags=("rollback", "hotfix", "status"))))
    assert fact == ChangeFact(
        id=FULL.id,
        kind="release",
        ts=T0,
        dialect="cto_ai",
        status="Succeeded 😀",
        start=T0 - 5,
        end=T0 + 7,
        service="shop",
        environment="prod",
        release='1.0 "x"',
        commit="c0",
        commits=(ListedCommit("c1"), ListedCommit("größe", T0 - HOUR)),
        branch="hotfix/1",
        title="It's\n\\ \x00 größe",
        team="t",
        repo="r",
        project="p",
        tags={"rollback": "d9", "status": "ok"},
        related_id="T-1",
    )


async def test_of_a_long_title_the_beginning_is_looked_at(bench: Bench) -> None:
    bench.put(event(T0, title="ß" * 5_000))
    (fact,) = await bench.store.dora.changes(rollouts())
    assert fact.title == "ß" * 4_000


async def test_only_kinds_that_may_be_deployments_are_changes_and_who_asked_for_one_is_none(bench: Bench) -> None:
    kinds = ("deployment", "release", "change", "commit", "incident", "recovery", "build", "custom")
    rows = {kind: event(T0, kind=kind) for kind in kinds}
    bench.put(*rows.values(), event(T0, dialect="escapekit"))
    assert await changed(bench) == {rows[kind].id for kind in kinds[:3]}


async def test_a_change_counts_that_lies_in_the_window_or_ends_in_it_whenever_it_was_told(bench: Bench) -> None:
    inside = [event(FROM), event(TO - 1), event(TO + 9 * DAY, end=TO - 1), event(FROM - 40 * DAY, end=FROM), event(T0, end=TO + DAY)]
    outside = [event(TO), event(FROM - 1), event(FROM - 1, end=TO), event(TO, end=TO), event(TO + DAY, end=FROM - 1)]
    bench.put(*inside, *outside)
    assert await changed(bench) == {row.id for row in inside}


async def test_the_newest_version_counts_whatever_its_kind_its_place_or_its_time_is(bench: Bench) -> None:
    first = [event(T0, service="shop", title=str(n)) for n in range(6)]
    later = [msgspec.structs.replace(row, version=2) for row in first]
    later[0] = gone(first[0])
    later[1] = msgspec.structs.replace(later[1], kind="build")
    later[2] = msgspec.structs.replace(later[2], service="cart", previous_service="shop")
    moved = msgspec.structs.replace(later[3], ts=T0 + 20 * DAY)
    later[3] = gone(first[3])
    later[4] = msgspec.structs.replace(later[4], status="failure")
    late = event(T0, kind="build", service="shop")
    bench.put(*later, moved)
    bench.put(*first, late)
    bench.put(msgspec.structs.replace(late, version=2, kind="deployment"))
    assert await changed(bench) == {first[2].id, first[4].id, first[5].id, late.id}
    assert await changed(bench, to_ms=T0 + 30 * DAY) == {first[2].id, first[3].id, first[4].id, first[5].id, late.id}
    assert await changed(bench, services=("cart",)) == {first[2].id}


async def test_a_kind_that_changes_back_counts_again(bench: Bench) -> None:
    first = event(T0)
    bench.put(first)
    bench.put(msgspec.structs.replace(first, version=2, kind="info"))
    assert await changed(bench) == set()
    bench.put(msgspec.structs.replace(first, version=3))
    assert await changed(bench) == {first.id}


async def test_of_services_events_come_that_name_one_of_them_or_none(bench: Bench) -> None:
    rows = {name: event(T0, service=name) for name in ("shop", "shop-svc", "cart", "", "it's")}
    bench.put(*rows.values())
    assert await changed(bench, services=("shop", "shop-svc")) == {rows[name].id for name in ("shop", "shop-svc", "")}
    assert await changed(bench, services=("it's",)) == {rows["it's"].id, rows[""].id}


async def test_of_environments_events_come_that_name_one_of_them_in_any_letter_case_or_none_or_are_not_told_apart(bench: Bench) -> None:
    names = ("production", "PROD", "prods", "", "staging", "größe", "straße")
    rows = {name: event(T0, environment=name) for name in names}
    bench.put(*rows.values())
    asked_ids = {rows[name].id for name in ("production", "PROD", "", "größe", "straße")}
    assert await changed(bench, environments=("prod", "production")) == asked_ids


async def test_who_may_not_see_an_event_has_neither_it_nor_when_its_commit_was(bench: Bench) -> None:
    own, other = event(T0, commit="c1", allowed_groups=["a"]), event(T0, commit="c1")
    commits = [event(T0 - HOUR, kind="commit", commit="c1", allowed_groups=["a"]), event(T0 - MINUTE, kind="commit", commit="c1")]
    bench.put(own, other, *commits)
    for groups, visible_ids, at in (
        (None, {own.id, other.id}, T0 - HOUR),
        (("a",), {own.id, other.id}, T0 - HOUR),
        (("b",), {other.id}, T0 - MINUTE),
    ):
        assert await changed(bench, groups=groups) == visible_ids
        assert await bench.store.dora.commit_events(rollouts(groups=groups), FROM) == [CommitEvent("c1", at)]


async def test_of_the_commits_that_are_brought_the_earliest_word_of_each_kind_and_status_comes(bench: Bench) -> None:
    bench.put(event(T0, service="shop", commit="c0", commits=["c1", "c2"], commit_times=[0, 0]), event(T0, service="cart", commit="c3"))
    bench.put(
        *(event(T0 - n * HOUR, kind="commit", commit="c1", status="succeeded") for n in (1, 3, 2)),
        event(T0 - 5 * HOUR, kind="commit", commit="c1", status="failed"),
        event(T0 - 9 * HOUR, kind="change", commit="c2", status="initiated"),
        event(T0 - HOUR, kind="commit", commit="c3"),
        event(T0 - HOUR, kind="commit", commit="unknown"),
        event(T0 - HOUR, kind="build", commit="c0"),
        event(T0 - 20 * DAY, kind="commit", commit="c0"),
        event(TO, kind="commit", commit="c0"),
    )
    expected = {
        CommitEvent("c1", T0 - 3 * HOUR, "commit", "succeeded"),
        CommitEvent("c1", T0 - 5 * HOUR, "commit", "failed"),
        CommitEvent("c2", T0 - 9 * HOUR, "change", "initiated"),
    }
    assert {*await bench.store.dora.commit_events(rollouts(services=("shop",)), FROM)} == expected
    earlier = CommitEvent("c0", T0 - 20 * DAY)
    assert {*await bench.store.dora.commit_events(rollouts(services=("shop",)), T0 - 30 * DAY)} == {*expected, earlier}


async def test_when_a_commit_was_is_not_looked_up_where_the_list_says_so(bench: Bench) -> None:
    bench.put(event(T0, commit="c1", commits=["c1", "c2"], commit_times=[T0 - DAY, 0]))
    bench.put(*(event(T0 - HOUR, kind="commit", commit=commit) for commit in ("c1", "c2")))
    assert await bench.store.dora.commit_events(rollouts(), 0) == [CommitEvent("c2", T0 - HOUR)]


async def test_events_come_by_their_ids_whenever_they_were(bench: Bench) -> None:
    old, named = event(T0 - 200 * DAY, service="cart"), event(T0 - 80 * DAY, id=ids.uuid5(TENANT, "k"), kind="release")
    hidden, built = event(T0, allowed_groups=["a"]), event(T0, kind="build")
    moved = event(T0)
    bench.put(old, named, hidden, built, event(T0), gone(moved), msgspec.structs.replace(moved, version=2, ts=T0 - 90 * DAY))
    asked_ids = tuple(row.id for row in (old, named, hidden, built, moved))
    assert await changed(bench, ids=(*asked_ids, "no id", ""), groups=("b",)) == {old.id, named.id, moved.id}
    assert await changed(bench, ids=(old.id,), tenant="other") == set()


def opened(start: int = T0, of: dict[str, Any] | None = None, **fields: Any) -> tuple[Event, Problem]:
    """An event that opens a problem, and the problem."""
    opening = event(start, **{"kind": "incident", "status": "open", **(of or {})})
    return opening, problem(start, id=opening.id, event_id=opening.id, **fields)


async def facts(bench: Bench, **fields: Any) -> dict[str, ProblemFact]:
    return {fact.id: fact for fact in await bench.store.dora.problems(incidents(**fields))}


async def test_a_problem_has_the_columns_of_the_event_that_opened_it_as_it_is_now(bench: Bench) -> None:
    columns: dict[str, Any] = {"service": "shop", "environment": "live", "team": "t", "repo": "r", "project": "p", "dialect": "apitraffic"}
    opening, row = opened(of=columns, service="other", team="other", dialect="desk")
    bench.put(opening, row)
    assert await facts(bench) == {row.id: ProblemFact(id=row.id, opened=T0, **columns)}
    bench.put(msgspec.structs.replace(opening, version=2, service="cart", previous_service="shop"))
    assert (await facts(bench))[row.id].service == "cart"


async def test_an_event_is_found_whose_id_does_not_tell_its_time_and_one_that_was_moved(bench: Bench) -> None:
    named, row = opened(of={"id": ids.uuid5(TENANT, "k"), "service": "shop"})
    moved, other = opened(of={"service": "cart"})
    bench.put(named, row, gone(moved), msgspec.structs.replace(moved, version=2, ts=T0 - 40 * DAY), other)
    assert {fact.service for fact in (await facts(bench)).values()} == {"shop", "cart"}


async def test_how_a_problem_ended_is_told(bench: Bench) -> None:
    rows = [opened(of={"dialect": "cto_ai"}) for _ in range(6)]
    open_, closed, lapsed, expired, abandoned, resolved = (row for _, row in rows)
    giving_up = event(T0 + HOUR, kind="incident", dialect="cto_ai", status="failed")
    solving = event(T0 + HOUR, kind="incident", dialect="cto_ai", status="succeeded")
    bench.put(*(opening for opening, _ in rows), giving_up, solving, open_)
    bench.put(closed, after(closed, "closed", T0 + HOUR), lapsed, after(lapsed, "timed_out", T0 + MINUTE))
    bench.put(msgspec.structs.replace(expired, deadline=T0 + 5 * MINUTE))
    bench.put(abandoned, after(abandoned, "closed", T0 + HOUR, cause=giving_up.id))
    bench.put(resolved, after(resolved, "closed", T0 + HOUR, cause=solving.id))
    ends = {id_: (fact.closed, fact.closed_by) for id_, fact in (await facts(bench, now=T0 + 5 * MINUTE)).items()}
    assert ends == {
        open_.id: (None, "closed"),
        closed.id: (T0 + HOUR, "closed"),
        lapsed.id: (T0 + MINUTE, "timeout"),
        expired.id: (T0 + 5 * MINUTE, "timeout"),
        abandoned.id: (T0 + HOUR, "abandoned"),
        resolved.id: (T0 + HOUR, "closed"),
    }
    assert (await facts(bench, now=T0 + 4 * MINUTE))[expired.id].closed is None


async def test_problems_count_that_were_open_at_any_moment_of_the_window_and_not_deleted(bench: Bench) -> None:
    long, ended, later, deleted = (opened(at) for at in (FROM - 9 * DAY, FROM - DAY, TO, T0))
    bench.put(*(row for pair in (long, ended, later, deleted) for row in pair))
    bench.put(after(ended[1], "closed", FROM - 1), msgspec.structs.replace(after(deleted[1], "deleted", T0 + 1), is_deleted=True))
    assert {*await facts(bench)} == {long[1].id}
    assert {*await facts(bench, from_ms=FROM - 1, to_ms=TO + 1)} == {long[1].id, ended[1].id, later[1].id}


async def test_problems_come_by_their_ids_whenever_they_were(bench: Bench) -> None:
    rows = [opened(at) for at in (FROM - 200 * DAY, FROM - 150 * DAY, T0, FROM - 100 * DAY)]
    bench.put(*(row for pair in rows for row in pair), after(rows[1][1], "closed", FROM - 150 * DAY + HOUR))
    bench.put(msgspec.structs.replace(after(rows[3][1], "deleted", T0), is_deleted=True))
    asked_ids = (rows[0][1].id, rows[1][1].id, rows[3][1].id, "no id")
    ends = {fact.id: fact.closed for fact in (await facts(bench, ids=asked_ids)).values()}
    assert ends == {rows[0][1].id: None, rows[1][1].id: FROM - 150 * DAY + HOUR}


async def test_who_may_not_see_the_event_that_opened_a_problem_has_no_problem_and_no_scope_of_it(bench: Bench) -> None:
    own, other = opened(of={"allowed_groups": ["a"], "service": "shop"}), opened(of={"service": "cart"})
    orphan, reported_gone = problem(T0), opened(of={"service": "gone"})
    bench.put(*own, *other, orphan, *reported_gone, gone(reported_gone[0]))
    for groups, services in ((None, {"shop", "cart"}), (("a",), {"shop", "cart"}), ((), {"cart"})):
        assert {fact.service for fact in (await facts(bench, groups=groups)).values()} == services
        assert {scope.service for scope in await bench.store.dora.scopes(TENANT, groups)} == services


async def test_scopes_are_those_of_all_times_each_once(bench: Bench) -> None:
    rows = [opened(T0 - n * 100 * DAY, of={"service": "shop", "team": "t", "dialect": "desk"}) for n in range(3)]
    rows.append(opened(T0, of={"repo": "r", "project": "p", "environment": "e"}))
    bench.put(*(row for pair in rows for row in pair), event(T0, kind="incident", service="no problem"))
    bench.put(after(rows[1][1], "closed", T0))
    expected = [ProblemScope("", "e", "", "r", "p", "native"), ProblemScope("shop", "", "t", "", "", "desk")]
    assert sorted(await bench.store.dora.scopes(TENANT, None)) == expected


async def test_the_first_cause_counts_where_the_newest_ranking_finds_it_likely(bench: Bench) -> None:
    rows = [opened()[1] for _ in range(5)]
    likely, doubted, withdrawn, empty, unranked = rows
    bench.put(*rows)
    bench.put(
        revision(1, id=likely.id, verdict="possible", causes=[cause("d9")]),
        revision(12, id=likely.id, verdict="likely", causes=[cause("d1"), cause("d2")]),
        revision(2, id=likely.id, verdict="none", causes=[]),
        revision(1, id=doubted.id, verdict="likely", causes=[cause("d1")]),
        revision(2, id=doubted.id, verdict="possible", causes=[cause("d1")]),
        revision(1, id=withdrawn.id, verdict="likely", causes=[cause("d1")]),
        revision(2, id=withdrawn.id, verdict="likely", causes=[cause("d1")], is_deleted=True),
        revision(1, id=empty.id, verdict="likely", causes=[]),
        revision(1, id=unranked.id, tenant="other", verdict="likely", causes=[cause("d1")]),
        revision(1, id="elsewhere", verdict="likely", causes=[cause("d1")]),
    )
    assert await bench.store.dora.likely_causes(incidents()) == {likely.id: "d1"}
    assert await bench.store.dora.likely_causes(incidents(to_ms=T0)) == {}


async def test_an_empty_store_has_no_facts(bench: Bench) -> None:
    dora = bench.store.dora
    assert (await dora.changes(rollouts()), await dora.commit_events(rollouts(), 0)) == ([], [])
    assert (await dora.problems(incidents()), await dora.likely_causes(incidents()), await dora.scopes(TENANT, None)) == ([], {}, [])


@pytest.mark.parametrize("window", [(0, 9_214_646_399_999), (T0, T0), (T0, FROM)])
async def test_any_window_is_answered(bench: Bench, window: tuple[int, int]) -> None:
    opening, row = opened()
    bench.put(event(T0), opening, row)
    is_wide = window[0] < window[1]
    assert len(await changed(bench, from_ms=window[0], to_ms=window[1])) == is_wide
    await facts(bench, from_ms=window[0], to_ms=window[1])
