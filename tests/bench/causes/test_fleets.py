"""The simulated fleets, and the figures that are taken on them."""

from random import Random

import pytest

from causeline.query_api.causes.fitting import NO_CHANGE
from tests.bench.causes.aims import LIST, unmet_aims
from tests.bench.causes.cases import Case, make_cases
from tests.bench.causes.changes import ONSET
from tests.bench.causes.families import DEVELOPMENT, DEVELOPMENT_SEEDS, HELD_OUT, HELD_OUT_SEEDS
from tests.bench.causes.fleet import make_fleet
from tests.bench.causes.metrics import Answer, calibration_error, coverage_at, false_blame_at, measure
from tests.bench.causes.runs import PRODUCT


def test_what_figures_are_taken_on_was_never_fitted_on() -> None:
    assert {family._replace(name="") for family in DEVELOPMENT}.isdisjoint(family._replace(name="") for family in HELD_OUT)
    assert {family.name for family in DEVELOPMENT}.isdisjoint(family.name for family in HELD_OUT)
    assert set(DEVELOPMENT_SEEDS).isdisjoint(HELD_OUT_SEEDS)


def test_a_seed_gives_the_same_problems_and_another_gives_others() -> None:
    assert list(make_cases(HELD_OUT[0], 5, 2)) == list(make_cases(HELD_OUT[0], 5, 2))
    assert list(make_cases(HELD_OUT[0], 5, 1)) != list(make_cases(HELD_OUT[0], 6, 1))


def test_calls_go_downwards_and_end() -> None:
    fleet = make_fleet(DEVELOPMENT[0], Random(1))
    first = next(iter(fleet.services))
    assert first not in fleet.callees_of(first)
    assert set(fleet.callees_of(first).values()) == {1, 2, 3}
    assert all(first not in service.callees for service in fleet.services.values())


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for family in HELD_OUT for case in make_cases(family._replace(services=30), 9)]


def test_a_cause_is_among_the_candidates_and_a_decoy_is_none(cases: list[Case]) -> None:
    assert any(case.cause == NO_CHANGE for case in cases)
    assert any(case.decoys for case in cases)
    for case in cases:
        ids = [change.id for change in case.example.candidates]
        assert len(set(ids)) == len(ids)
        assert case.cause in {NO_CHANGE, *ids}
        assert case.has_change or case.cause == NO_CHANGE
        assert case.cause not in case.decoys
        assert {change.begin for change in case.example.candidates if change.id in case.decoys} <= {ONSET - 30_000}


def test_who_knows_the_truth_has_the_best_figures(cases: list[Case]) -> None:
    knowing = [
        Answer(case, [case.cause] if case.cause else [], float(case.cause != ""), float(case.cause == ""), case.cause != "")
        for case in cases
    ]
    assert measure(knowing) == {
        "hr1": 1,
        "hr3": 1,
        "mrr": 1,
        "decoys": 0,
        "false_blame": 0,
        "coverage": 1,
        "false_blame_at_half": 0,
        "precision": 1,
        "coverage_at_80": pytest.approx(sum(case.cause != "" for case in cases) / len(cases), abs=0.3),
        "none_precision": 1,
        "none_recall": 1,
        "ece": 0,
        "ece_none": 0,
    }


@pytest.mark.parametrize(
    ("pairs", "error"), [([], 0), ([(0.95, True), (0.95, False)], 0.45), ([(0.25, False)] * 3 + [(0.25, True)], 0), ([(1.0, True)], 0)]
)
def test_calibration_is_the_distance_of_promise_and_truth(pairs: list[tuple[float, bool]], error: float) -> None:
    assert calibration_error(pairs) == pytest.approx(error)


def test_coverage_and_false_blame_follow_the_bar(cases: list[Case]) -> None:
    caused = [case for case in cases if case.cause]
    sure = [Answer(case, [case.cause], 0.9 - number / 100) for number, case in enumerate(caused)]
    assert coverage_at(0.8, sure) == 1
    assert coverage_at(0.8, [answer._replace(order=["nothing"]) for answer in sure]) == 0
    assert false_blame_at(0.5, sure, [Answer(caused[0], ["x"], 0.95), Answer(caused[0], ["x"], 0.1)]) == 0.5


def test_an_aim_that_is_missed_is_named() -> None:
    own = {"hr1": 0.4, "false_blame_at_half": 0.11, "decoys": 0.3, "ece": 0.2}
    assert len(unmet_aims({PRODUCT: own, LIST: {"hr1": 0.21, "decoys": 0.5}})) == 4
    own = {"hr1": 0.41, "false_blame_at_half": 0.1, "decoys": 0.25, "ece": 0.1}
    assert unmet_aims({PRODUCT: own, LIST: {"hr1": 0.2, "decoys": 0.5}}) == []
