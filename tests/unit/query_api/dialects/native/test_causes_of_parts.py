"""What stands beside a change's columns, over the handler: steps of a change outside of the window, kinds of one's own, delays."""

import asyncio
from typing import Any

import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import ChangeQuery, RelatedChange
from causeline.query_api.questions.relation import MOST_COMPARED, changes_around
from causeline.query_api.reading.cause_rules import EVERY_TENANT, CauseRules
from causeline.query_api.reading.causes import MOST_AT_ONCE
from causeline.schemas.dialects.apitraffic.sids import sid_of
from causeline.schemas.web.errors import OverShare
from tests import patience
from tests.cause_rows import DAY, HOUR, MINUTE, NOW, ONSET, event, problem
from tests.unit.query_api.dialects.native.test_causes_http import Api


def relations(answer: Any) -> dict[str, str]:
    return {cause["event"]["id"]: cause["relation"] for cause in answer["causes"]}


async def test_a_rollout_of_days_is_a_candidate_by_a_step_that_names_it() -> None:
    rollout = event(1, 3 * DAY, end=ONSET - 2 * DAY)
    step = event(2, 20 * MINUTE, related_id=rollout.id)
    answer = await Api(problem(), rollout, step).get()
    assert list(relations(answer)) == [rollout.id]
    assert "a step began 20 min" in next(reason["text"] for reason in answer["causes"][0]["reasons"] if reason["feature"] == "time")


async def test_a_step_may_name_its_change_as_the_api_of_that_shows_it() -> None:
    rollout = event(1, 3 * DAY, dialect="apitraffic")
    near = event(2, HOUR, dialect="apitraffic")
    steps = [event(10 + number, 20 * MINUTE, related_id=sid_of(change.id)) for number, change in enumerate((rollout, near))]
    answer = await Api(problem(), rollout, near, *steps).get()
    assert set(relations(answer)) == {rollout.id, near.id}


async def test_what_a_step_names_is_not_shown_to_who_may_not_see_it() -> None:
    rollout = event(1, 3 * DAY, allowed_groups=["sre"])
    step = event(2, 20 * MINUTE, related_id=rollout.id)
    assert list(relations(await Api(problem(), rollout, step).get(groups=("sre",)))) == [rollout.id]
    assert list(relations(await Api(problem(), rollout, step).get(groups=()))) == [step.id], (
        "what names nothing seen is a change of its own"
    )


async def test_a_kind_is_a_change_where_the_operator_says_so() -> None:
    custom = event(1, 10 * HOUR, kind="schema_change")
    for rules, count in (
        (CauseRules(), 0),
        (CauseRules(kinds={EVERY_TENANT: frozenset({"schema_change"})}), 1),
        (CauseRules(kinds={"acme": frozenset({"schema_change"})}), 1),
        (CauseRules(kinds={"other": frozenset({"schema_change"})}), 0),
    ):
        assert (await Api(problem(), custom, rules=rules).get())["candidates"] == count


async def test_what_began_after_the_onset_is_told_from_what_began_before_by_the_delay_of_the_source() -> None:
    late = event(1, 2 * MINUTE)
    at_once, delayed = CauseRules(), CauseRules(delays={"desk": 5 * MINUTE})
    known, noticed = problem(ingest_ts=NOW), problem()
    assert [(await Api(row, late, rules=rules).get())["candidates"] for row in (known, noticed) for rules in (at_once, delayed)] == [
        1,
        0,
        1,
        1,
    ]


async def test_of_many_tags_and_entities_a_question_asks_about_some() -> None:
    many = problem(tags={f"k{n}": "v" for n in range(2_000)}, entities=[f"e{n}" for n in range(2_000)])
    change = event(1, 10 * MINUTE, tags=many.tags, service="search")
    query = changes_around(many, ONSET - HOUR, ONSET, 10)
    assert (len(query.tags), len(query.entities)) == (MOST_COMPARED, MOST_COMPARED)
    assert relations(await Api(many, change).get()) == {change.id: "same_tag"}


class Slow(MemoryEventStore):
    """A store that answers once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        await self.let.wait()
        return await super().changes(query)


async def test_a_tenant_asks_for_so_many_rankings_at_once_and_others_for_theirs() -> None:
    store = Slow()
    api = Api(problem(), problem(tenant="other"), store=store)
    asking = [asyncio.create_task(api.get()) for _ in range(MOST_AT_ONCE)]
    await patience.turn()
    with pytest.raises(OverShare, match="16 rankings at once"):
        await api.get()
    other = asyncio.create_task(api.get(tenant="other"))
    store.let.set()
    assert {answer["candidates"] for answer in await asyncio.gather(*asking, other)} == {0}
    assert (await api.get())["candidates"] == 0
