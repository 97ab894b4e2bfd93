"""A rollback after which a problem ends says what the problem's cause was; nothing else does."""

from typing import Any

import pytest

from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.context import Opinion
from causeline.query_api.causes.facts import ProblemFacts
from causeline.query_api.causes.kinds import LOOKBACKS, lookback_of
from causeline.query_api.causes.rollbacks import ENDS_WITHIN, ROLLBACK_LOOKBACK, implied_opinions
from causeline.schemas.records.event import Event
from tests.cause_rows import HOUR, MINUTE, ONSET, event

END = ONSET + 30 * MINUTE
CULPRIT = event(1, 10 * MINUTE, release="2", environment="production")
OTHER = event(2, 5 * MINUTE, service="cart", environment="production")


def later(before_end: int, **fields: Any) -> Event:
    return event(9, ONSET - END + before_end, **{"related_id": CULPRIT.id, "title": "Roll back shop", "environment": "production"} | fields)


def implied(*events: Event, onset: int = ONSET, services: dict[str, str] | None = None) -> dict[str, Opinion]:
    return implied_opinions(onset, END, {CULPRIT.id: CULPRIT, OTHER.id: OTHER}, events, services or {})


RULES = {
    "it names the change and is marked by its title": (later(MINUTE), True),
    "it is marked by its tag": (later(MINUTE, title="Deploy", tags={"rollback": "true"}), True),
    "it brings another release": (later(MINUTE, title="Deploy", release="1"), True),
    "it is a step of the change": (later(MINUTE, title="Deploy", release="2"), False),
    "it is just within the time": (later(ENDS_WITHIN), True),
    "it was too long ago": (later(ENDS_WITHIN + 1), False),
    "it took effect as the problem ended": (later(0), True),
    "it took effect after the end": (later(-1), False),
    "it took long, its end counts": (later(25 * MINUTE, start=END - 25 * MINUTE, end=END - MINUTE), True),
    "it failed": (later(MINUTE, status="failed"), False),
    "it is a ticket": (later(MINUTE, kind="ticket"), False),
    "it is of a kind that somebody made up": (later(MINUTE, kind="canary"), False),
    "it names nothing and is the next of service, kind and environment": (later(MINUTE, related_id=""), True),
    "it names nothing and is of another environment": (later(MINUTE, related_id="", environment="staging"), False),
    "it names nothing and is of another kind": (later(MINUTE, related_id="", kind="flag"), False),
    "it names nothing and is not marked": (later(MINUTE, related_id="", title="Deploy", release="1"), False),
    "it names what is no candidate": (later(MINUTE, related_id="elsewhere"), False),
}


@pytest.mark.parametrize(("rollback", "expected"), RULES.values(), ids=RULES.keys())
def test_a_rollback_confirms_what_it_rolled_back_if(rollback: Event, expected: bool) -> None:  # noqa: FBT001
    assert implied(rollback) == ({CULPRIT.id: Opinion("implied", END)} if expected else {})


def test_it_must_have_taken_effect_after_the_onset() -> None:
    assert implied(later(30 * MINUTE), onset=END - 30 * MINUTE) == {}
    assert implied(later(ENDS_WITHIN), onset=END - ENDS_WITHIN - 1) != {}


def test_what_names_nothing_rolls_back_the_change_just_before_it_also_where_that_is_no_candidate() -> None:
    between = event(5, -5 * MINUTE, environment="production")
    assert implied(later(MINUTE, related_id=""), between) == {}
    assert implied(later(MINUTE), between) != {}


def test_where_not_everything_since_the_onset_was_looked_at_it_must_be_named() -> None:
    onset = END - ROLLBACK_LOOKBACK - HOUR
    assert implied(later(MINUTE, related_id=""), onset=onset) == {}
    assert implied(later(MINUTE), onset=onset) != {}


def test_a_service_is_the_same_under_all_its_names() -> None:
    rollback = later(MINUTE, related_id="", service="shop-svc")
    assert implied(rollback) == {}
    assert implied(rollback, services={"shop-svc": "shop"}) != {}


@pytest.mark.parametrize("kind", [*sorted(LOOKBACKS), "canary", "dns", "ticket", "build", "info"])
@pytest.mark.parametrize("custom", [(), ("canary",), ("canary", "info")])
def test_a_kind_rolls_back_as_it_is_rolled_back_if_it_is_a_change(kind: str, custom: tuple[str, ...]) -> None:
    kinds = frozenset(custom)
    culprit, rollback = event(1, 10 * MINUTE, kind=kind, release="2"), later(MINUTE, kind=kind, environment="")
    facts = ProblemFacts(id="p", start=ONSET)
    candidates = {each.id for each in select_candidates(facts, [culprit], custom_kinds=kinds)}
    implied_ids = implied_opinions(ONSET, END, {culprit.id: culprit}, [rollback], custom_kinds=kinds).keys()
    assert implied_ids == candidates == ({culprit.id} if lookback_of(kind, kinds) is not None else set())
