"""Verdicts, feedback, and how a ranking adds up."""

import math

import msgspec
import pytest

from causeline.query_api.causes.context import Context, Opinion
from causeline.query_api.causes.features import FEATURES, FEEDBACK_FEATURE
from causeline.query_api.causes.model import DEFAULT_MODEL, STARTING_WEIGHTS, Model, read_model, write_model
from causeline.query_api.causes.ranking import Ranking, rank
from causeline.query_api.causes.verdicts import BlindSpot, decide_verdict
from tests.unit.query_api.causes.samples import CONTEXT, PROBLEM, change, context, problem

CLEAR = change(id="clear", service="checkout", environment="production", outcome="rolled_back", title="payment button")
WEAK = change(id="weak", service="search", environment="staging")
OTHER = change(id="other", service="payments", environment="production", minutes=7)


def ids(ranking: Ranking) -> list[str]:
    return [cause.event_id for cause in ranking.causes]


def test_a_clear_cause_is_likely_and_says_why() -> None:
    ranking = rank(PROBLEM, [WEAK, CLEAR], CONTEXT)
    assert (ranking.verdict, ids(ranking), ranking.candidates, ranking.model) == ("likely", ["clear", "weak"], 2, DEFAULT_MODEL.version)
    assert {"time", "scope", "environment", "outcome", "text"} <= {reason.feature for reason in ranking.causes[0].reasons}


def test_contributions_and_the_null_score_add_up_to_the_probabilities() -> None:
    ranking = rank(PROBLEM, [WEAK, CLEAR, OTHER], CONTEXT)
    scores = [sum(reason.contribution for reason in cause.reasons) for cause in ranking.causes]
    assert scores == pytest.approx([cause.score for cause in ranking.causes])
    whole = math.exp(ranking.none_score) + sum(map(math.exp, scores))
    assert [cause.probability for cause in ranking.causes] == pytest.approx([math.exp(score) / whole for score in scores])
    assert ranking.none_probability == pytest.approx(math.exp(ranking.none_score) / whole)


@pytest.mark.parametrize(
    ("probabilities", "none", "verdict"),
    [
        ([0.5, 0.25], 0.25, "likely"),
        ([0.5, 0.26], 0.24, "possible"),
        ([0.49], 0.48, "possible"),
        ([0.5], 0.5, "likely"),
        ([0.3, 0.2], 0.5, "none"),
        ([], 1.0, "none"),
    ],
)
def test_the_verdict_follows_from_the_probabilities(probabilities: list[float], none: float, verdict: str) -> None:
    assert decide_verdict(PROBLEM, [(each, None) for each in probabilities], none, CONTEXT) == verdict


def test_none_is_unknown_where_nobody_reports() -> None:
    assert rank(PROBLEM, [], context(reports={})).verdict == "unknown"
    assert rank(PROBLEM, [], context(reports={"ledger": frozenset({"flag"})})).verdict == "none"
    assert rank(problem(service=""), [], context(reports={})).verdict == "none"
    assert rank(problem(service=""), [], Context()).verdict == "unknown"


def test_blind_spots_are_kinds_that_others_report() -> None:
    assert rank(PROBLEM, [], CONTEXT).blind_spots == (
        BlindSpot("checkout", "flag"),
        BlindSpot("payments", "deployment"),
        BlindSpot("payments", "flag"),
    )


def test_what_is_confirmed_stands_first_the_newest_before_all() -> None:
    told = context(feedback={"weak": Opinion("confirmed", 1), "other": Opinion("implied", 2)})
    ranking, before = rank(PROBLEM, [CLEAR, WEAK, OTHER], told), rank(PROBLEM, [CLEAR, WEAK, OTHER], CONTEXT)
    assert (ranking.verdict, ids(ranking)) == ("likely", ["other", "weak", "clear"])
    assert {cause.event_id: cause.probability for cause in ranking.causes} == {cause.event_id: cause.probability for cause in before.causes}
    assert ranking.causes[0].reasons[0][:2] == (FEEDBACK_FEATURE, 0.0)


def test_what_is_rejected_stands_last_outside_the_sum() -> None:
    ranking = rank(PROBLEM, [CLEAR, WEAK], context(feedback={"clear": Opinion("rejected")}))
    assert ids(ranking) == ["weak", "clear"]
    assert ranking.causes[1].probability == 0
    assert ranking.none_probability + ranking.causes[0].probability == pytest.approx(1)
    assert ranking.none_probability == rank(PROBLEM, [WEAK], CONTEXT).none_probability


def test_feedback_on_what_is_no_candidate_puts_it_in_the_list() -> None:
    late = change(id="late", minutes=-30)
    assert rank(PROBLEM, [late], CONTEXT).candidates == 0
    ranking = rank(PROBLEM, [CLEAR, late], context(feedback={"late": Opinion("confirmed")}))
    assert (ids(ranking), ranking.candidates) == (["late", "clear"], 2)


def test_none_that_is_confirmed_is_the_verdict() -> None:
    assert rank(PROBLEM, [CLEAR], context(feedback_on_none=Opinion("confirmed"))).verdict == "none"


@pytest.mark.parametrize(("at", "verdict"), [(1, "none"), (3, "likely")])
def test_of_a_confirmed_change_and_a_confirmed_none_the_newer_counts(at: int, verdict: str) -> None:
    both = context(feedback_on_none=Opinion("confirmed", 2), feedback={"clear": Opinion("confirmed", at)})
    assert rank(PROBLEM, [CLEAR], both).verdict == verdict


def test_none_that_is_rejected_loses_its_part() -> None:
    told = context(feedback_on_none=Opinion("rejected"))
    ranking = rank(PROBLEM, [WEAK, OTHER], told)
    assert ranking.none_probability == 0
    assert sum(cause.probability for cause in ranking.causes) == pytest.approx(1)
    assert rank(PROBLEM, [], told).verdict == "unknown"


def test_a_model_is_read_as_it_was_written() -> None:
    model = Model("7", {**STARTING_WEIGHTS, "text": 0.25})
    assert read_model(write_model(model)) == model


@pytest.mark.parametrize("text", [b"", b"{}", b'{"version": "1", "weights": {"texts": 1}}', b'{"version": 1, "weights": {}}'])
def test_what_is_no_model_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="no model"):
        read_model(text)


def test_every_weight_belongs_to_a_feature_or_to_none() -> None:
    names = {feature.name for feature in FEATURES} | {"none"}
    assert {name.partition(".")[0] for name in STARTING_WEIGHTS} == names


def test_what_could_be_a_weight_changes_the_score_by_it() -> None:
    heavier = Model("2", {**DEFAULT_MODEL.weights, "outcome.rolled_back": 9.0})
    (light,), (heavy,) = (rank(PROBLEM, [CLEAR], CONTEXT, model).causes for model in (DEFAULT_MODEL, heavier))
    difference = 9.0 - DEFAULT_MODEL.weights["outcome.rolled_back"]
    assert heavy.score - light.score == pytest.approx(difference)
    assert msgspec.structs.replace(heavy, score=0.0, probability=0.0, reasons=()) == msgspec.structs.replace(
        light, score=0.0, probability=0.0, reasons=()
    )
