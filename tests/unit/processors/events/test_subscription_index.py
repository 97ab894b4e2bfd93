"""The index finds what asking every rule finds, whatever came before."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.events import subscription_lane
from causeline.processors.events.subscription_index import SubscriptionIndex
from causeline.processors.events.subscription_lane import MAX_LISTED, Place, RuleLane
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.matching import takes_event, takes_problem
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.wire import codec
from causeline.schemas.wire.glance import MatchSubject, of_event, of_problem
from causeline.schemas.wire.partitioning import partition_of
from tests.partition_log import T0, event, uuid
from tests.unit.schemas.subscriptions.test_matching import a_problem

PARTITIONS = 3
TENANTS = st.sampled_from(["acme", "other"])
WORD = st.sampled_from(["", "a", "b", "c"])
WORDS = st.lists(WORD, max_size=2).map(tuple)
TRANSITIONS = st.sampled_from(get_args(Transition))
FILTERS = st.builds(
    Filter,
    followed=st.sampled_from([("events",), ("problems",), ("events", "problems")]),
    **dict.fromkeys(("dialects", "kinds", "statuses", "services", "environments", "priorities", "projects", "entities"), WORDS),
    tags=st.lists(st.tuples(WORD, WORD), max_size=2).map(tuple),
    words=st.sampled_from(["", "", "a", "a b", "!"]),
    transitions=st.lists(TRANSITIONS, max_size=2).map(tuple),
)
# Most filters of a fleet have one or two fields.
SPARSE = st.tuples(FILTERS, st.sets(st.sampled_from(Filter.__struct_fields__), max_size=2)).map(
    lambda drawn: Filter(**{name: getattr(drawn[0], name) for name in drawn[1]})
)
GROUPS = st.one_of(st.none(), WORDS)
RULES = st.builds(
    Rule,
    id=st.sampled_from([uuid(n) for n in range(6)]),
    tenant=TENANTS,
    revision=st.just(1),
    state=st.sampled_from(["active", "paused"]),
    where=st.one_of(FILTERS, SPARSE),
    groups=GROUPS,
    created_at=st.just(T0),
    gone=st.sampled_from([False, False, False, True]),
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(("dialect", "kind", "service", "environment", "priority", "title", "text"), WORD)
SHARED = COLUMNS | {"tags": st.dictionaries(WORD, WORD, max_size=2), "entities": st.lists(WORD, max_size=2), "tenant": TENANTS}
EVENTS = st.fixed_dictionaries(SHARED | {"status": WORD, "project": WORD, "allowed_groups": st.lists(WORD, max_size=2)}).map(
    lambda columns: msgspec.structs.replace(event(), **columns)
)
PROBLEMS = st.fixed_dictionaries(SHARED | {"transition": TRANSITIONS}).map(lambda columns: a_problem(**columns))
STEPS = st.lists(st.one_of(RULES, RULES, EVENTS, PROBLEMS), max_size=25)


def placed(lane: RuleLane | None, record: MatchSubject) -> dict[str, int]:
    """Return the subscriptions that a lane finds, with their partitions."""
    places = [] if lane is None else list(lane.places(record))
    ids = [(own, place.partition) for place in places for own in place.ids]
    assert len(ids) == len(dict(ids))
    assert lane is None or lane.ready.get(record.key, tuple(places)) == tuple(places)
    return dict(ids)


def check(index: SubscriptionIndex, rules: dict[str, Rule], record: Event | Problem) -> None:
    if isinstance(record, Event):
        ids = placed(index.events.get(record.tenant), of_event(codec.encode_record(record)))
        expected = [rule.id for rule in rules.values() if takes_event(rule, record)]
    else:
        ids = placed(index.problems.get(record.tenant), of_problem(record))
        expected = [rule.id for rule in rules.values() if takes_problem(rule, record)]
    assert ids == {own: partition_of(own.encode(), PARTITIONS) for own in expected}


@settings(max_examples=400, deadline=None)
@given(STEPS, st.lists(st.one_of(EVENTS, PROBLEMS), min_size=1, max_size=5), st.sampled_from([1, 64]))
def test_the_index_finds_what_asking_every_rule_finds(steps: list[Rule | Event | Problem], last: list[Event | Problem], crowd: int) -> None:
    index, rules = SubscriptionIndex(PARTITIONS), dict[str, Rule]()
    with pytest.MonkeyPatch.context() as bound:
        bound.setattr(subscription_lane, "CROWDED", crowd)
        for step in [*steps, *last, *last]:
            if not isinstance(step, Rule):
                check(index, rules, step)
                continue
            index.put(step)
            rules.pop(step.id, None)
            if not step.gone:
                rules[step.id] = step
    assert len(index) == len(rules)
    for own in list(rules):
        index.drop(own)
    assert (len(index), index.events, index.problems) == (0, {}, {})


@settings(max_examples=200, deadline=None)
@given(st.lists(RULES, max_size=8), st.lists(RULES, max_size=8), st.lists(st.one_of(EVENTS, PROBLEMS), min_size=1, max_size=4))
def test_a_fork_goes_its_own_way(held: list[Rule], changes: list[Rule], records: list[Event | Problem]) -> None:
    index = SubscriptionIndex(PARTITIONS)
    rules = {rule.id: rule for rule in held}
    for rule in rules.values():
        index.put(rule)
    for record in records:
        check(index, _there(rules), record)
    fork = index.fork()
    changed = rules | {rule.id: rule for rule in changes}
    for rule in changes:
        fork.put(rule)
    for record in records:
        check(index, _there(rules), record)
        check(fork, _there(changed), record)


def _there(rules: dict[str, Rule]) -> dict[str, Rule]:
    return {own: rule for own, rule in rules.items() if not rule.gone}


def _rules(number: int, **where: Any) -> list[Rule]:
    return [Rule(id=uuid(n), tenant="acme", revision=1, where=Filter(**where), created_at=T0) for n in range(number)]


def test_a_record_that_many_ask_for_names_at_most_five_hundred_in_one_notification() -> None:
    lane = RuleLane(1, "event")
    for rule in _rules(1_200):
        lane.put(rule)
    places = lane.places(of_event(codec.encode_record(event())))
    assert [len(place.ids) for place in places] == [MAX_LISTED, MAX_LISTED, 200]
    assert [own for place in places for own in place.ids] == sorted(uuid(n) for n in range(1_200))
    assert all(place.key == place.ids[0].encode() for place in places)


def test_what_leads_to_rules_is_the_field_that_few_have_in_common() -> None:
    lane = RuleLane(1, "event")
    for number in range(1_000):
        where = Filter(environments=("production",), services=(f"service-{number}",))
        lane.put(Rule(id=uuid(number), tenant="acme", revision=1, where=where, created_at=T0))
    assert list(lane._buckets["service", "service-7"]) == [uuid(7)]
    assert len(lane._buckets.get(("environment", "production"), {})) < 10


def test_entities_lead_to_rules_where_the_columns_are_crowded() -> None:
    lane = RuleLane(1, "event")
    for number in range(1_000):
        where = Filter(kinds=("deployment",), entities=(f"host:{number}",))
        lane.put(Rule(id=uuid(number), tenant="acme", revision=1, where=where, created_at=T0))
    assert len(lane._buckets["kind", "deployment"]) <= subscription_lane.CROWDED
    (place,) = lane.places(of_event(codec.encode_record(event(entities=["host:900"]))))
    assert place.ids == (uuid(900),)


def test_what_is_remembered_of_columns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription_lane, "MAX_REMEMBERED", 50)
    lane = RuleLane(1, "event")
    lane.put(_rules(1)[0])
    for number in range(1_000):
        assert lane.places(of_event(codec.encode_record(event(service=f"s{number}"))))
        assert len(lane.ready) <= 50


def test_a_place_says_how_its_notification_begins() -> None:
    lane = RuleLane(1, "event")
    lane.put(_rules(1)[0])
    (place,) = lane.places(of_event(codec.encode_record(event())))
    assert isinstance(place, Place)
    assert place.beginning.startswith(b"\x88")
    assert uuid(0).encode() in place.beginning
