"""What people said moves rankings: implied by a rollback, by what was said of such changes and of such problems before; and effects."""

import asyncio
from typing import Any

import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.questions.query import ChangeQuery, RelatedChange
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.effects import MOST_RANKED, EffectReader, Effects
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values import ids
from tests.cause_rows import DAY, HOUR, MINUTE, NOW, ONSET, PROBLEM_ID, event, problem
from tests.feedback_memory import MemoryFeedback
from tests.patience import turn


def closed(**fields: Any) -> Any:
    return problem(**{"state": "closed", "transition": "closed", "end": ONSET + 9 * MINUTE} | fields)


def earlier(number: int, **fields: Any) -> Any:
    start = ONSET - number * DAY
    return problem(**{"id": ids.uuid7(start, b"E" + number.to_bytes(9)), "start": start, "event_id": f"e{number}"} | fields)


async def test_a_rollback_that_ended_the_problem_confirms_what_it_rolled_back_until_somebody_says_otherwise() -> None:
    culprit, other = event(1, 3 * HOUR, service="far"), event(2, 10 * MINUTE)
    rollback = event(3, -6 * MINUTE, service="far", related_id=culprit.id, title="Rollback")
    api = MemoryFeedback(NOW, closed(), culprit, other, rollback)
    ranking = await api.causes(PROBLEM_ID)
    first = ranking["causes"][0]
    assert (first["event"]["id"], first["feedback"], first["assessment"], ranking["verdict"]) == (culprit.id, "implied", None, "likely")
    assert (await api.effects(culprit.id))["effects"][0]["feedback"] == "implied"
    assert (await api.say(PROBLEM_ID, culprit.id, "rejected")).body["causes"][-1]["feedback"] == "rejected"


@pytest.mark.parametrize("fields", [{"state": "open", "transition": "opened", "end": None}, {"transition": "timed_out"}])
async def test_a_problem_that_no_signal_closed_implies_nothing(fields: dict[str, Any]) -> None:
    culprit = event(1, 10 * MINUTE)
    rollback = event(3, -6 * MINUTE, related_id=culprit.id, title="Rollback")
    ranking = await MemoryFeedback(NOW, closed(**fields), culprit, rollback).causes(PROBLEM_ID)
    assert [cause["feedback"] for cause in ranking["causes"]] == [None]


async def test_what_was_said_of_such_changes_in_other_problems_counts_under_every_name_of_the_service() -> None:
    past = [event(n, n * DAY, service=name) for n, name in ((2, "shop"), (3, "shop-svc"), (4, "cart"))]
    rows = [problem(), *(earlier(n) for n in (1, 2, 3)), event(10, 10 * MINUTE), *past]
    api = MemoryFeedback(NOW, *rows, services=(Service(name="shop", aliases=("shop-svc",)),))
    for number, change in enumerate(past, 1):
        await api.say(earlier(number).id, change.id)
    (cause,) = (await api.causes(PROBLEM_ID))["causes"]
    reason = next(reason for reason in cause["reasons"] if reason["feature"] == "history")
    assert "2 times confirmed" in reason["text"]
    own = (await api.say(PROBLEM_ID, cause["event"]["id"], "rejected")).body["causes"][0]
    assert reason in own["reasons"]  # what is said of this very problem is no past


async def test_a_restricted_change_counts_in_no_history_not_even_for_those_who_see_it() -> None:
    secret = event(2, 2 * DAY, allowed_groups=["sre"])
    api = MemoryFeedback(NOW, problem(), earlier(1), event(10, 10 * MINUTE), secret)
    before = [await api.causes(PROBLEM_ID, groups=groups) for groups in ((), ("sre",), None)]
    await api.say(earlier(1).id, secret.id)
    assert [await api.causes(PROBLEM_ID, groups=groups) for groups in ((), ("sre",), None)] == before


async def test_none_gains_where_people_said_none_of_such_problems_and_loses_where_they_named_a_cause() -> None:
    rows = [problem(), earlier(1), earlier(2), event(10, 10 * MINUTE), event(11, 2 * DAY)]
    api = MemoryFeedback(NOW, *rows)
    recurring = (await api.causes(PROBLEM_ID))["none_score"]
    await api.say(earlier(1).id, "none")
    assert (await api.causes(PROBLEM_ID))["none_score"] > recurring
    await api.say(earlier(1).id, "none", None)
    await api.say(earlier(2).id, event(11, 2 * DAY).id)
    assert (await api.causes(PROBLEM_ID))["none_score"] < recurring
    await api.say(PROBLEM_ID, "none")
    assert (await api.causes(PROBLEM_ID))["none_score"] < recurring


async def test_effects_are_the_problems_in_whose_rankings_the_change_stands_likeliest_first() -> None:
    change = event(1, 10 * MINUTE)
    far = earlier(0, id=ids.uuid7(ONSET, b"far problem"), service="far")
    answer = await MemoryFeedback(NOW, change, problem(), far, earlier(1, correlation_id="d")).effects(change.id)
    assert answer["event"]["id"] == change.id
    assert [effect["problem"]["id"] for effect in answer["effects"]] == [PROBLEM_ID, far.id]
    first = answer["effects"][0]
    assert (first["offset_seconds"], first["relation"], first["feedback"]) == (600.0, "same_service", None)
    assert not answer["truncated"]


async def test_a_step_is_no_candidate_and_has_no_effects_of_its_own() -> None:
    change = event(1, 30 * MINUTE)
    step = event(2, 10 * MINUTE, related_id=change.id)
    api = MemoryFeedback(NOW, change, step, problem())
    assert len((await api.effects(change.id))["effects"]) == 1
    assert (await api.effects(step.id))["effects"] == []


async def test_a_change_reaches_from_the_clock_error_before_it_to_the_window_of_its_kind_behind_its_end() -> None:
    change = event(1, 0, start=ONSET - HOUR, end=ONSET)
    for number, (start, is_reached) in enumerate(
        [
            (ONSET - HOUR - 2 * MINUTE, True),
            (ONSET - HOUR - 2 * MINUTE - 1, False),
            (ONSET + 4 * HOUR, True),
            (ONSET + 4 * HOUR + 1, False),
        ]
    ):
        row = earlier(0, id=ids.uuid7(start, number.to_bytes(10)), start=start)
        api = MemoryFeedback(NOW + DAY, change, row)
        assert bool((await api.effects(change.id))["effects"]) == is_reached == bool((await api.causes(row.id))["causes"])


async def test_what_changes_nothing_has_no_effects_but_those_that_somebody_named() -> None:
    ticket = event(1, 10 * MINUTE, kind="ticket")
    api = MemoryFeedback(NOW, ticket, problem(), earlier(3))
    assert (await api.effects(ticket.id))["effects"] == []
    for one in (PROBLEM_ID, earlier(3).id):
        await api.say(one, ticket.id)
    assert {effect["problem"]["id"] for effect in (await api.effects(ticket.id))["effects"]} == {PROBLEM_ID, earlier(3).id}


async def test_a_change_has_effects_by_its_files_as_it_has_them_by_its_service() -> None:
    services = (Service(name="shop", depends_on=("pay",), paths=("apps/shop/",)), Service(name="pay", paths=("apps/pay/",)))
    change = event(1, HOUR, service="", raw='{"files": ["apps/pay/a.py", "apps/else/b.py"]}')
    many = [
        earlier(0, id=ids.uuid7(ONSET, n.to_bytes(10)), service="far", start=ONSET - n * MINUTE // 2) for n in range(1, MOST_RANKED + 5)
    ]
    api = MemoryFeedback(NOW, change, problem(), *many, services=services)
    (effect,) = [one for one in (await api.effects(change.id))["effects"] if one["problem"]["id"] == PROBLEM_ID]
    assert effect["relation"] == "dependency"
    assert "changed files of pay, which shop calls: apps/pay/a.py" in [reason["text"] for reason in effect["reasons"]]
    (cause,) = (await api.causes(PROBLEM_ID))["causes"]
    assert cause["probability"] == effect["probability"]


async def test_of_many_problems_the_closest_are_ranked_and_the_answer_says_so() -> None:
    change = event(1, HOUR)
    many = [
        earlier(0, id=ids.uuid7(ONSET, n.to_bytes(10)), service="far", start=ONSET - n * MINUTE // 2) for n in range(1, MOST_RANKED + 5)
    ]
    api = MemoryFeedback(NOW, change, problem(), *many)
    answer = await api.effects(change.id)
    assert answer["truncated"]
    assert len(answer["effects"]) == MOST_RANKED
    assert answer["effects"][0]["problem"]["id"] == PROBLEM_ID  # the latest, but the closest
    assert (await api.effects(change.id, "limit=2"))["effects"] == answer["effects"][:2]


async def test_an_event_that_is_not_there_or_hidden_is_404_and_a_limit_is_refused_by_name() -> None:
    hidden = event(1, MINUTE, allowed_groups=["sre"])
    api = MemoryFeedback(NOW, hidden, problem())
    headers = {"Causeline-Tenant": "acme"}
    for event_id, groups in ((event(2, 0).id, None), (hidden.id, ())):
        reply = await api.request("GET", f"/v1/events/{event_id}/effects", headers=headers, groups=groups)
        assert reply.status == 404
    reply = await api.request("GET", f"/v1/events/{hidden.id}/effects", query="limit=101", headers=headers)
    assert (reply.status, reply.body["errors"][0]["field"]) == (400, "limit")


class SlowStore(MemoryEventStore):
    """A store that lets others have their turn in the middle of a ranking; `most` is how many rankings were at that place at once."""

    most = 0
    _running = 0

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        self._running += 1
        self.most = max(self.most, self._running)
        await turn(20)
        self._running -= 1
        return await super().changes(query)


async def test_however_many_ask_two_rankings_of_a_tenant_are_made_at_once() -> None:
    store, change = SlowStore(), event(1, HOUR)
    store.put_event(change)
    for number in range(6):
        store.put_problem(earlier(0, id=ids.uuid7(ONSET, bytes([number]) * 10), start=ONSET + number))
    rows = Reader(store, MemoryFrontier(store), RecentWrites(float))
    reader = EffectReader(rows, CauseReader(rows, without_services))
    answers = await asyncio.gather(*(reader.effects(change, None, NOW) for _ in range(4)))
    assert [len(answer.effects) for answer in answers] == [6] * 4
    assert store.most == 2


async def test_what_takes_too_long_is_left_out_and_the_answer_says_so() -> None:
    store, change = SlowStore(), event(1, HOUR)
    for row in (change, problem()):
        store.put_event(row) if isinstance(row, Event) else store.put_problem(row)
    rows = Reader(store, MemoryFrontier(store), RecentWrites(float))
    reader = EffectReader(rows, CauseReader(rows, without_services), within_s=0)
    assert await reader.effects(change, None, NOW) == Effects((), is_truncated=True)


async def without_services(_: str) -> Topology:
    return Topology()
