"""Whoever was told that a problem began is told of every later transition, whatever the problem loses meanwhile."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.events import followers
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec
from tests.partition_log import MINUTE, T0, Outputs, Partition, create, delete, event, patch, rule, snapshot, subscribe


def said(number: int, status: str, **columns: Any) -> IngestRecord:
    at = T0 + number * MINUTE
    signal_event = event(number, **{"dialect": "native", "kind": "incident", "title": "slow"} | columns, status=status, ts=at)
    return create(signal_event, at, signal="open" if status == "open" else "close", correlation_id="c")


def told(outputs: Outputs) -> dict[str, list[str]]:
    """Return which transitions each subscription was told of, in order."""
    transitions: dict[str, list[str]] = {}
    for _, one in outputs.notifications:
        if one.what == "problem":
            for own in one.subscriptions:
                transitions.setdefault(own, []).append(codec.decode_record(one.record, Problem).transition)
    return transitions


def follow(partition: Partition, *filters: dict[str, Any]) -> list[str]:
    rules = [rule(500 + number, followed=("problems",), **where) for number, where in enumerate(filters)]
    partition.feed(*(subscribe(each, T0) for each in rules))
    return [each.id for each in rules]


def test_a_problem_that_lost_what_was_asked_for_is_told_to_the_end_over_any_number_of_moves_and_owners() -> None:
    partition = Partition()
    incident = event(1, kind="incident", status="open", priority="P1")
    losing, came, other = follow(partition, {"priorities": ("P1",)}, {"priorities": ("P4",)}, {"priorities": ("P9",)})
    rounds = [partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))]
    for number, fields in enumerate(({"priority": "P2"}, {"priority": "P3"}, {"priority": "P4"}, {"status": "close"}), start=1):
        partition.logic = partition.restore()
        outputs = partition.feed(patch(incident, T0 + number * MINUTE, fields, record=900 + number, signal="open"))
        incident = outputs.events[0]
        rounds.append(outputs)
    assert snapshot(partition.restore()) == snapshot(partition.logic)
    assert [told(outputs).get(losing) for outputs in rounds] == [["opened"], None, None, None, ["closed"]]
    assert [told(outputs).get(came) for outputs in rounds] == [None, None, None, None, ["closed"]]
    assert told(partition.feed(delete(incident, T0 + 9 * MINUTE))) == {losing: ["deleted"], came: ["deleted"]}
    assert not any(other in told(outputs) for outputs in rounds)


def test_who_follows_refreshes_is_told_of_the_one_that_takes_away_what_was_asked_for() -> None:
    partition = Partition()
    (own,) = follow(partition, {"services": ("pay",), "transitions": ("refreshed", "closed")})
    outputs = partition.feed(said(1, "open", service="pay"), said(2, "open", service="cart"), said(3, "closed"))
    assert told(outputs) == {own: ["refreshed", "closed"]}


def test_each_is_told_once_and_a_rule_that_is_gone_no_more() -> None:
    partition = Partition()
    own, _ = follow(partition, {"services": ("pay",)}, {"services": ("pay",)})
    partition.feed(said(1, "open", service="pay"), said(2, "open", service="cart"), said(3, "open", service="pay"))
    partition.feed(said(4, "open", service="cart"), subscribe(rule(501, 2, gone=True), T0))
    assert told(partition.feed(said(5, "closed"))) == {own: ["closed"]}


def test_a_problem_that_opens_again_is_another_one() -> None:
    partition = Partition()
    (own,) = follow(partition, {"services": ("pay",)})
    partition.feed(said(1, "open", service="pay"), said(2, "open", service="cart"))
    assert told(partition.feed(said(3, "closed"), said(4, "open", service="cart"), said(5, "closed"))) == {own: ["closed"]}


def test_a_problem_remembers_a_bounded_number_of_those_who_asked_for_it_as_it_was() -> None:
    partition = Partition()
    number = followers.MAX_FOLLOWING + 5
    partition.feed(*(subscribe(rule(n, followed=("problems",), services=("pay",)), T0) for n in range(1_000, 1_000 + number)))
    partition.feed(said(1, "open", service="pay"), said(2, "open", service="cart"))
    assert len(told(partition.feed(said(3, "closed")))) == followers.MAX_FOLLOWING


WORDS = st.sampled_from(["", "a", "b"])
COLUMNS = st.fixed_dictionaries(
    {
        "service": WORDS,
        "environment": WORDS,
        "priority": WORDS,
        "title": st.sampled_from(["", "a fire", "a flood"]),
        "text": WORDS,
        "tags": st.sampled_from([{}, {"k": "a"}, {"k": "b"}, {"l": "a"}]),
        "entities": st.sampled_from([[], ["a"], ["b"], ["a", "b"]]),
        "allowed_groups": st.sampled_from([[], [], ["sre"]]),
    }
)
WANTED = st.sampled_from([(), ("a",), ("b",), ("a", "b")])
FILTERS = st.fixed_dictionaries(
    {
        "services": WANTED,
        "environments": WANTED,
        "priorities": WANTED,
        "entities": WANTED,
        "tags": st.sampled_from([(), (("k", "a"),), (("l", "a"), ("k", "b"))]),
        "words": st.sampled_from(["", "fire", "flood a"]),
    }
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(FILTERS, min_size=1, max_size=5), st.lists(st.tuples(st.booleans(), COLUMNS), min_size=2, max_size=8))
def test_who_was_told_of_the_beginning_is_told_of_the_end(filters: list[dict[str, Any]], moves: list[tuple[bool, dict[str, Any]]]) -> None:
    partition = Partition()
    follow(partition, *filters)
    recipients: dict[str, set[str]] = {}
    for number, (is_open, columns) in enumerate(moves, start=1):
        outputs = partition.feed(said(number, "open" if is_open else "closed", **columns))
        for problem in outputs.problems:
            notified = [one for _, one in outputs.notifications if (one.entity, one.version) == (problem.id, problem.version)]
            told_now = [own for one in notified for own in one.subscriptions]
            before = recipients.setdefault(problem.id, set())
            assert len(set(told_now)) == len(told_now)
            if problem.transition == "closed":
                assert before <= set(told_now)
            before.update(told_now)
