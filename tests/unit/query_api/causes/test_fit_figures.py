"""What a fit says of itself: figures over what people said, before it, after it, and of what it did not see."""

import pytest

from causeline.query_api.causes.evidence import Term
from causeline.query_api.causes.fit_figures import FIGURES, measure_fit, measure_unseen
from causeline.query_api.causes.fitting import NO_CHANGE, TermExample, fit_terms
from causeline.query_api.causes.model import STARTING_WEIGHTS, Model

START = Model("0", STARTING_WEIGHTS)
NONE = (Term("none", 1.0),)
CHANGES = {"near": (Term("scope.same_service", 1.0), Term("time", 2.0)), "back": (Term("outcome.rolled_back", 1.0),), "far": ()}


def example(cause: str | None, *rejections: str) -> TermExample:
    return TermExample(NONE, CHANGES, cause, frozenset(rejections))


def test_each_figure_is_over_those_who_tell_it() -> None:
    figures = measure_fit([(one, START) for one in (example("near"), example("back"), example(NO_CHANGE), example(None, "near"))])
    assert (figures["first"], figures["first_three"], figures["mrr"]) == (0.5, 1.0, 0.75)
    assert (figures["none"], figures["false_blame"], figures["rejected_first"]) == (0.0, 1.0, 1.0)
    assert figures["loss"] is not None
    assert set(figures) == set(FIGURES)
    assert set(measure_fit([]).values()) == {None}


def test_where_none_is_far_ahead_it_is_right_and_nobody_is_blamed() -> None:
    sure = Model("0", {**STARTING_WEIGHTS, "none": 20.0})
    figures = measure_fit([(example(NO_CHANGE), sure)])
    assert (figures["none"], figures["false_blame"]) == (1.0, 0.0)
    assert figures["loss"] == pytest.approx(0, abs=1e-4)


def test_a_fit_explains_better_what_it_saw_and_what_it_saw_is_not_what_it_is_judged_by() -> None:
    examples = [example("back") for _ in range(12)]
    model = fit_terms(examples, "1", START)
    before, after = (measure_fit([(one, weights) for one in examples])["loss"] for weights in (START, model))
    unseen = measure_unseen(examples, START)["loss"]
    assert before is not None
    assert after is not None
    assert unseen is not None
    assert after < unseen + 1e-9 < before
    odd = [*examples, example("far")]
    judged = measure_unseen(odd, START)["first"]
    assert judged == pytest.approx(12 / 13)  # the one that is unlike all others is never first for who did not see it
    assert set(measure_unseen(examples[:1], START).values()) == {None}


def test_what_teaches_nothing_is_told_apart() -> None:
    assert example("near").is_telling
    assert example(None, "near").is_telling
    assert not example(None).is_telling
    assert not example("gone").is_telling
    assert not TermExample(NONE, {}, NO_CHANGE).is_telling
