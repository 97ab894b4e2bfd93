"""What every EventStore promises of published rankings, and of events that are asked for by their ids."""

import random

from causeline.schemas.values import ids
from tests.contract.event_rows import DAY, HOUR, T0, TENANT, Bench, event, gone
from tests.contract.revision_rows import COMPUTED, PROBLEM_ID, cause, revision

MINUTE = 60_000


async def test_the_newest_revision_is_found_by_number_and_as_it_was_published(bench: Bench) -> None:
    rows = [revision(1, causes=[], blind_spots=[]), revision(2, causes=[cause("e1"), cause("e2", reasons=[])]), revision(10)]
    bench.put(rows[2], rows[0])
    bench.put(rows[1], rows[2])
    assert await bench.store.cause_revision(TENANT, PROBLEM_ID) == rows[2]
    assert await bench.store.cause_revision(TENANT, PROBLEM_ID, COMPUTED + MINUTE) == rows[1]
    assert await bench.store.cause_revision(TENANT, "another") is None


async def test_of_several_problems_each_has_its_newest_revision(bench: Bench) -> None:
    rng = random.Random(5)
    rows = [revision(number, id=f"p{problem}") for problem in range(30) for number in range(1, 2 + problem % 4)]
    bench.put(*rng.sample(rows, len(rows)))
    newest = {row.id: row for row in rows}
    assert await bench.store.cause_revisions(TENANT, [*newest, "another"]) == newest
    assert await bench.store.cause_revisions(TENANT, ["p7", "p2"]) == {"p7": newest["p7"], "p2": newest["p2"]}
    assert await bench.store.cause_revisions("other", list(newest)) == {}
    assert await bench.store.cause_revisions(TENANT, []) == {}


async def test_of_a_time_the_newest_revision_is_the_one_that_was_there_then_over_months(bench: Bench) -> None:
    rng = random.Random(3)
    times = sorted(COMPUTED + rng.randrange(0, 100 * DAY) for _ in range(30))
    rows = [revision(n, computed_at=at, title=f"{n}") for n, at in enumerate(times, 1)]
    bench.put(*rng.sample(rows, len(rows)))
    for at in (*(rng.randrange(COMPUTED - HOUR, COMPUTED + 101 * DAY) for _ in range(20)), times[0], times[-1], times[7] - 1):
        before = [row for row in rows if row.computed_at <= at]
        assert await bench.store.cause_revision(TENANT, PROBLEM_ID, at) == (before[-1] if before else None)


async def test_of_a_clock_that_went_back_the_number_decides(bench: Bench) -> None:
    rows = [revision(1), revision(2, computed_at=COMPUTED - MINUTE)]
    bench.put(*rows)
    assert await bench.store.cause_revision(TENANT, PROBLEM_ID, COMPUTED) == rows[1]
    assert await bench.store.cause_revision(TENANT, PROBLEM_ID, COMPUTED - 1) == rows[1]


async def test_events_are_found_by_their_ids_wherever_these_say_that_they_lie(bench: Bench) -> None:
    plain, keyed = event(T0), event(T0 + HOUR, id=ids.uuid5("acme", "key"))
    moved = event(T0 - DAY, id=ids.uuid7(T0, b"was moved x"), version=2)
    deleted, foreign = event(T0 + 1), event(T0, tenant="other")
    bench.put(plain, keyed, moved, deleted, foreign, event(T0 + 2))
    bench.put(gone(deleted), gone(event(T0, id=moved.id)))
    asked = [row.id for row in (plain, keyed, moved, deleted, foreign)]
    assert await bench.store.events_by_id(TENANT, [*asked, "nothing", ids.uuid5("no", "such")]) == {
        row.id: row for row in (plain, keyed, moved)
    }
    assert await bench.store.events_by_id(TENANT, []) == {}


async def test_events_of_groups_that_the_caller_shares_none_of_are_not_found_by_their_ids(bench: Bench) -> None:
    rows = [event(T0, allowed_groups=["sre"]), event(T0 + 1), event(T0 + 2, allowed_groups=["dev", "x"])]
    bench.put(*rows)
    asked = [row.id for row in rows]
    assert list(await bench.store.events_by_id(TENANT, asked, ())) == [rows[1].id]
    assert set(await bench.store.events_by_id(TENANT, asked, ("x",))) == {rows[1].id, rows[2].id}
