"""What a fit learns, and what it never does."""

from random import Random

import pytest

from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Term
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.causes.fitting import NO_CHANGE, Example, TermExample, fit_model, fit_terms
from causeline.query_api.causes.model import STARTING_WEIGHTS, Model
from causeline.query_api.causes.ranking import rank
from causeline.query_api.causes.scope import SCOPE_ORDER
from tests.unit.query_api.causes.samples import CONTEXT, PROBLEM, change

START = Model("0", STARTING_WEIGHTS)
OWN = change(id="own", service="checkout")
ROLLED_BACK = change(id="back", service="checkout", outcome="rolled_back")


def test_what_people_confirm_gains_and_what_they_reject_loses() -> None:
    before = {cause.event_id: cause.probability for cause in rank(PROBLEM, [OWN, ROLLED_BACK], CONTEXT, START).causes}
    confirmed = fit_model([Example(PROBLEM, [OWN, ROLLED_BACK], CONTEXT, "own")], "1", START)
    refused = fit_model([Example(PROBLEM, [OWN, ROLLED_BACK], CONTEXT, None, frozenset({"back"}))], "1", START)
    for model in (confirmed, refused):
        after = {cause.event_id: cause.probability for cause in rank(PROBLEM, [OWN, ROLLED_BACK], CONTEXT, model).causes}
        assert after["back"] < before["back"]
        assert model.weights["outcome.rolled_back"] < STARTING_WEIGHTS["outcome.rolled_back"]


def test_where_no_change_did_it_none_gains() -> None:
    assert fit_model([Example(PROBLEM, [OWN], CONTEXT, NO_CHANGE)], "1", START).weights["none"] > STARTING_WEIGHTS["none"]


@pytest.mark.parametrize(
    "examples",
    [[], [Example(PROBLEM, [], CONTEXT, NO_CHANGE)], [Example(PROBLEM, [OWN], CONTEXT, None)], [Example(PROBLEM, [OWN], CONTEXT, "gone")]],
)
def test_what_tells_nothing_moves_nothing(examples: list[Example]) -> None:
    assert fit_model(examples, "1", START) == Model("1", dict(STARTING_WEIGHTS))


def test_the_same_examples_give_the_same_weights() -> None:
    examples = [Example(PROBLEM, [OWN, ROLLED_BACK], CONTEXT, "back")] * 3
    assert fit_model(examples, "1", START) == fit_model(examples, "1", START)


def test_scope_keeps_its_order_and_a_weight_its_sign_whatever_people_say() -> None:
    random = Random(7)
    far = Candidate(id="far", kind="deployment", ts=OWN.ts, service="search", environment="staging")
    odd = [Example(PROBLEM, [OWN, far, ROLLED_BACK], CONTEXT, random.choice(["far", "far", NO_CHANGE])) for _ in range(20)]
    weights = fit_model(odd, "1", START, pull=0.0001).weights
    scope = [weights[name] for name in SCOPE_ORDER]
    assert scope == sorted(scope, reverse=True)
    assert len(set(scope)) == len(scope)
    assert all((weights[name] > 0) == (start > 0) for name, start in STARTING_WEIGHTS.items() if name not in SCOPE_ORDER)


def test_a_context_without_anything_is_enough() -> None:
    assert fit_model([Example(PROBLEM, [OWN, ROLLED_BACK], Context(), "own")], "1", START).version == "1"


def test_a_term_without_a_weight_is_refused_by_the_name_of_its_feature() -> None:
    example = TermExample((Term("none", 1.0),), {"a": (Term("weather.storm", 1.0),)}, "a")
    with pytest.raises(ValueError, match=r"the feature 'weather' has the term 'weather\.storm', which has no weight"):
        fit_terms([example], "1", START)


def test_a_ranking_takes_a_weight_that_its_model_does_not_have_for_zero() -> None:
    without = Model("1", {name: weight for name, weight in STARTING_WEIGHTS.items() if name != "time"})
    (cause,) = rank(PROBLEM, [OWN], CONTEXT, without).causes
    assert [reason.contribution for reason in cause.reasons if reason.feature == "time"] == [0.0]
