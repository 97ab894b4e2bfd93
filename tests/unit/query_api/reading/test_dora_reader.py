"""What is read for a question of DORA, beside what lies in its window: what is named, what people said, what aliases mean."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dora.dora_answers import metrics
from causeline.query_api.dora.dora_metrics import DoraMetrics
from causeline.query_api.dora.dora_scope import DoraScope
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.dora.windows import ZonedWindow
from causeline.query_api.reading.dora import DoraReader
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dora.definition import Attribution, Definition
from causeline.schemas.feedback.assessment import Assessment, AssessmentPlace, AssessmentRecord
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.records.event import Event
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.errors import OverShare
from tests.contract.event_rows import DAY, HOUR, T0, TENANT, event, problem
from tests.contract.revision_rows import cause, revision

TOPOLOGY: Final = Topology([Service(name="shop", aliases=("shop-svc",))])
QUESTION: Final = DoraQuestion(tenant=TENANT, window=ZonedWindow(T0 - 7 * DAY, T0 + 7 * DAY), definition=Definition(), now=T0 + 9 * DAY)


class World:
    """A store in memory, what people said, and the reader on both."""

    def __init__(self) -> None:
        self.store: Final = MemoryEventStore()
        self.said: Final = TenantFeedback()
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: 0.0))
        self.reader: Final = DoraReader(reader, self._topology, self._feedback)

    async def _topology(self, _: str) -> Topology:
        return TOPOLOGY

    async def _feedback(self, _: str) -> TenantFeedback:
        return self.said

    def put(self, *events: Event) -> None:
        for each in events:
            self.store.put_event(each)

    def breaks(self, at: int, **fields: Any) -> str:
        """Let a problem open; return its id."""
        opening = event(at, kind="incident", **fields)
        self.put(opening)
        self.store.put_problem(problem(at, id=opening.id, event_id=opening.id))
        return opening.id

    def say(self, problem_id: str, event_id: str, verdict: Any, **fields: Any) -> None:
        record = AssessmentRecord(assessment=Assessment(verdict=verdict, at=1, **fields))
        self.said.take(AssessmentPlace(problem_id, event_id), record, 1)

    async def history(self, question: DoraQuestion = QUESTION) -> DoraHistory:
        return await self.reader.dora(question, lambda history: history)

    async def metrics(self, question: DoraQuestion = QUESTION) -> DoraMetrics:
        return await self.reader.dora(question, lambda history: metrics(question.window, history, question.definition))


def deployed(at: int = T0, **fields: Any) -> Event:
    return event(at, **{"service": "shop", "environment": "prod", "status": "success", "release": str(at), **fields})


def ask(**fields: Any) -> DoraQuestion:
    return msgspec.structs.replace(QUESTION, **fields)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_service_is_asked_for_by_any_of_its_names_and_has_the_events_of_all(world: World) -> None:
    world.put(deployed(service="shop-svc"), deployed(T0 + DAY), deployed(service="cart"))
    for name in ("shop", "shop-svc"):
        assert (await world.metrics(ask(scope=DoraScope(service=frozenset({name}))))).change_fail_rate.n == 2


async def test_the_likely_cause_counts_within_h_and_only_by_the_rule_of_causes(world: World) -> None:
    change = deployed()
    world.put(change)
    own_id = world.breaks(T0 + HOUR, service="cart")
    world.store.put_revision(revision(id=own_id, verdict="likely", causes=[cause(change.id)]))
    scope = DoraScope(service=frozenset({"shop"}))
    for definition, failures in (
        (Definition(), 1),
        (Definition(attribution=Attribution(window=HOUR - 1)), 0),
        (Definition(attribution=Attribution(rule="latest")), 0),
    ):
        assert (await world.metrics(ask(scope=scope, definition=definition))).change_fail_rate.numerator == failures


async def test_a_problem_that_people_confirmed_counts_at_any_distance(world: World) -> None:
    change = deployed()
    world.put(change)
    own_id = world.breaks(T0 + 200 * DAY)
    assert (await world.metrics(ask(now=T0 + 300 * DAY))).change_fail_rate.numerator == 0
    world.say(own_id, change.id, "confirmed")
    assert (await world.metrics(ask(now=T0 + 300 * DAY))).change_fail_rate.numerator == 1


async def test_what_was_said_of_a_change_that_the_caller_may_not_see_says_nothing_to_him(world: World) -> None:
    likely, hidden = deployed(), deployed(T0 + 1, allowed_groups=["a"])
    world.put(likely, hidden)
    own_id = world.breaks(T0 + HOUR)
    world.store.put_revision(revision(id=own_id, verdict="likely", causes=[cause(likely.id)]))
    world.say(own_id, hidden.id, "confirmed", is_restricted=True)
    for groups, failed in ((("a",), hidden.id), ((), likely.id)):
        history = await world.history(ask(groups=groups))
        assert [one.deployment.id for one in history.judgements if one.failures] == [failed]


async def test_what_an_event_names_is_read_wherever_it_lies(world: World) -> None:
    staging = deployed(T0 - HOUR, environment="staging")
    old = deployed(T0 - 200 * DAY, service="", environment="staging")
    steps = [event(T0, service="shop", status="success", related_id=of.id) for of in (staging, old)]
    world.put(staging, old, *steps)
    history = await world.history()
    assert (len(history.judgements), len(history.placeless)) == (0, 0)


@pytest.mark.parametrize("api", ["desk", "apitraffic"])
async def test_an_event_may_be_named_by_the_id_that_its_api_shows(world: World, api: str) -> None:
    bad = deployed(T0, dialect=api, release="2")
    back = deployed(T0 + HOUR, dialect=api, release="1", related_id=DIALECTS.shown_id(bad))
    also = deployed(T0 + 2 * HOUR, release="2.1", tags={"rollback": DIALECTS.shown_id(back)})
    world.put(bad, back, also)
    history = await world.history()
    assert {one.deployment.id: one.deployment.targets for one in history.judgements if one.deployment.targets} == {
        back.id: (bad.id,),
        also.id: (back.id,),
    }


async def test_when_a_commit_was_is_known_however_long_ago_that_is(world: World) -> None:
    world.put(deployed(commit="c1"), event(T0 - 900 * DAY, kind="commit", commit="c1", status="succeeded"))
    assert (await world.metrics()).change_lead_time.value == 900 * DAY / 1_000


async def test_names_of_production_that_are_not_ascii_are_read_with_everything_else(world: World) -> None:
    world.put(deployed(environment="Größe"), deployed(T0 + DAY, environment="staging"))
    assert (await world.metrics(ask(definition=Definition(production=("größe",))))).change_fail_rate.n == 1


async def test_a_tenant_that_asks_for_too_many_at_once_is_told_so_and_others_are_answered(world: World) -> None:
    def questions(tenant: str, count: int) -> Iterable[Any]:
        return (asyncio.ensure_future(world.metrics(ask(tenant=tenant))) for _ in range(count))

    loud, quiet = [*questions(TENANT, 30)], [*questions("quiet", 2)]
    answers = await asyncio.gather(*loud, return_exceptions=True)
    assert any(isinstance(answer, OverShare) for answer in answers)
    assert any(isinstance(answer, DoraMetrics) for answer in answers)
    await asyncio.gather(*quiet)
