"""What the past says: base rates, rates of deploying, feedback; and words, breadth, outcome."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.causes.breadth import weigh_breadth
from causeline.query_api.causes.context import Context, Neighbour, Pair, PastFeedback, RiskCount
from causeline.query_api.causes.evidence import Evidence, say_kind
from causeline.query_api.causes.kinds import HOUR, MINUTE
from causeline.query_api.causes.outcomes import is_rollback, outcome_of
from causeline.query_api.causes.rates import weigh_history, weigh_kind, weigh_outcome, weigh_surprise
from causeline.query_api.causes.wording import weigh_text
from tests.unit.query_api.causes.samples import CONTEXT, ONSET, PROBLEM, change, context, problem


def value_of(evidence: Evidence | None) -> float:
    return 0.0 if evidence is None else sum(term.value for term in evidence.terms)


def test_a_base_rate_is_shrunk_to_its_kind_and_the_kind_to_all() -> None:
    own = value_of(weigh_kind(change(service="checkout"), CONTEXT))
    few = context(risks={Pair("checkout", "deployment"): RiskCount(1, 1)})
    assert own == pytest.approx(math.log((10 + 20 * 0.05) / 120 / 0.05))
    assert value_of(weigh_kind(change(service="checkout"), few)) == pytest.approx(math.log((1 + 1) / 21 / 0.05))
    assert weigh_kind(change(service="search"), CONTEXT) is None
    assert weigh_kind(change(service="checkout"), Context()) is None


def test_a_base_rate_is_told_in_numbers_where_there_are_enough() -> None:
    evidence = weigh_kind(change(service="checkout"), CONTEXT)
    assert evidence is not None
    assert evidence.text == "a problem followed 10 of 100 deployments of checkout within a day"


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (50.0, "checkout has a deployment about 50 times a day, so one says little"),
        (1 / 30, "checkout has a deployment about once in 30 days, so one says much"),
        (3.1, "checkout has a deployment about 3 times a day, so one says little"),
        (2.9, None),
        (1.0, None),
        (1 / 2.9, None),
        (0.0, None),
    ],
)
def test_what_happens_all_day_says_little(rate: float, text: str | None) -> None:
    evidence = weigh_surprise(change(service="checkout"), context(deploys_per_day={Pair("checkout", "deployment"): rate}))
    assert (evidence and evidence.text) == text
    assert evidence is None or (evidence.terms[0].value > 0) == (rate < 1)


@pytest.mark.parametrize(("past", "sign"), [((3, 0), 1), ((0, 3), -1), ((2, 2), 0), ((0, 0), 0)])
def test_history_is_what_people_said(past: tuple[int, int], sign: int) -> None:
    evidence = weigh_history(change(service="checkout"), context(history={Pair("checkout", "deployment"): PastFeedback(*past)}))
    assert (value_of(evidence) > 0) - (value_of(evidence) < 0) == sign


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({"outcome": "failed"}, "outcome.failed"),
        ({"outcome": "rolled_back", "status": "failed"}, "outcome.rolled_back"),
        ({"status": "In-Progress", "minutes": 61}, "outcome.unfinished"),
        ({"status": "started", "minutes": 60}, None),
        ({"status": "started", "minutes": 90, "end": ONSET - HOUR}, None),
        ({"status": "success", "minutes": 90}, None),
    ],
)
def test_what_failed_or_never_finished_weighs_more(fields: dict[str, Any], weight: str | None) -> None:
    evidence = weigh_outcome(PROBLEM, change(**fields))
    assert (evidence and evidence.terms[0].weight) == weight


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("Timed Out", "failed"),
        ("time-out", ""),
        ("ERROR", "failed"),
        ("rolled_back", "rolled_back"),
        ("success", ""),
        ("", ""),
        ("cancelled", "failed"),
    ],
)
def test_an_outcome_is_read_from_the_status(status: str, outcome: str) -> None:
    assert outcome_of(status) == outcome


@pytest.mark.parametrize(
    ("title", "tags", "is_marked"),
    [
        ("Rollback of 1.4", {}, True),
        ("Roll back", {}, True),
        ("Reverted checkout", {}, True),
        ("Deploy", {"rollback": "true"}, True),
        ("Deploy", {"rollback": "false"}, False),
        ("Scroll backwards", {}, False),
    ],
)
def test_a_rollback_is_marked_by_tag_or_title(title: str, tags: dict[str, str], is_marked: bool) -> None:  # noqa: FBT001 a column
    assert is_rollback(title, tags) is is_marked


def test_rare_words_count_and_common_ones_do_not() -> None:
    both = weigh_text(PROBLEM, change(title="The payment button is broken"), CONTEXT)
    assert both is not None
    assert both.text == "both speak of “button”, “payment”"
    assert value_of(both) == pytest.approx((1 - math.log(2) / math.log(10_000)) + (1 - math.log(10) / math.log(10_000)))
    assert weigh_text(PROBLEM, change(title="broken"), CONTEXT) is None
    assert weigh_text(PROBLEM, change(title="payment"), Context()) is None
    assert weigh_text(problem(title="at 12345"), change(title="at 12345"), CONTEXT) is None


def test_many_words_count_no_more_than_two() -> None:
    text = "alpha bravo charlie delta"
    assert value_of(weigh_text(problem(title=text), change(title=text), CONTEXT)) == 2


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"service": "payments"}, 2),
        ({"entities": frozenset({"HOST-7"}), "service": "search"}, 1),
        ({"service": "search"}, 0),
        ({}, 0),
        ({"entities": frozenset({"*"})}, 0),
    ],
)
def test_breadth_is_how_many_other_problems_a_change_reaches(fields: dict[str, Any], count: int) -> None:
    others = (Neighbour("payments"), Neighbour("frontend", callees=frozenset({"payments"})), Neighbour(entities=frozenset({"HOST-7", "*"})))
    evidence = weigh_breadth(change(**fields), context(neighbours=others))
    assert value_of(evidence) == pytest.approx(math.log1p(count))
    assert evidence is None or evidence.text == f"reaches {count} of 3 other problems that opened within 10 min"


NAMES = st.frozensets(st.sampled_from(["a", "b", "*", ""]), max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), NAMES, NAMES), max_size=5), st.sampled_from(["a", "b", "c", ""]), NAMES)
def test_breadth_is_as_looking_at_each_neighbour_says(
    others: list[tuple[str, frozenset[str], frozenset[str]]], service: str, entities: frozenset[str]
) -> None:
    reaches = sum(
        bool((entities & own) - {"*", ""}) or (service != "" and (service == name or service in callees)) for name, own, callees in others
    )
    changed = change(service=service, entities=entities)
    value = value_of(weigh_breadth(changed, context(neighbours=tuple(Neighbour(*other) for other in others))))
    assert value == pytest.approx(0.0 if changed.is_unscoped else math.log1p(reaches))


@pytest.mark.parametrize(("kind", "text"), [("scale", "scaling"), ("config_change", "config change"), ("deployment", "deployment")])
def test_a_kind_is_called_as_people_call_it(kind: str, text: str) -> None:
    assert say_kind(kind) == text


def test_minutes_are_ms() -> None:
    assert HOUR == 60 * MINUTE
