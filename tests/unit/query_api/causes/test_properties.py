"""What holds of every ranking."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.causes.context import Opinion
from causeline.query_api.causes.facts import Candidate, RolloutStep
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, HOUR
from causeline.query_api.causes.ranking import Ranking, rank
from tests.unit.query_api.causes.samples import CONTEXT, ONSET, PROBLEM, change
from tests.unit.query_api.causes.test_scope import LEVELS

INSTANTS = st.integers(ONSET - DAY, ONSET + HOUR)
SERVICES = st.sampled_from(["", "*", "checkout", "payments", "ledger", "frontend", "search"])


@st.composite
def changes(draw: st.DrawFn) -> Candidate:
    start = draw(INSTANTS)
    return Candidate(
        id=draw(st.uuids()).hex,
        kind=draw(st.sampled_from(["deployment", "flag", "config_change"])),
        ts=start,
        start=draw(st.sampled_from([None, start])),
        end=draw(st.none() | st.integers(start, start + HOUR)),
        service=draw(SERVICES),
        environment=draw(st.sampled_from(["", "production", "staging"])),
        entities=draw(st.frozensets(st.sampled_from(["HOST-1", "HOST-9", "*"]))),
        tags=draw(st.dictionaries(st.sampled_from(["region", "team"]), st.sampled_from(["eu", "shop"]))),
        title=draw(st.sampled_from(["", "payment button", "broken", "release 1.4.2"])),
        outcome=draw(st.sampled_from(["", "failed", "rolled_back"])),
        steps=tuple(RolloutStep(at) for at in draw(st.lists(st.integers(start, start + HOUR), max_size=2))),
    )


@dataclass(frozen=True)
class Case:
    candidates: list[Candidate]
    feedback: dict[str, Opinion]
    none: Opinion | None

    @property
    def ranking(self) -> Ranking:
        return self.ranked(self.candidates)

    def ranked(self, candidates: list[Candidate]) -> Ranking:
        return rank(PROBLEM, candidates, msgspec.structs.replace(CONTEXT, feedback=self.feedback, feedback_on_none=self.none))


OPINIONS = st.builds(Opinion, st.sampled_from(["confirmed", "rejected", "implied"]), st.integers(0, 3))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    candidates = draw(st.lists(changes(), max_size=8))
    feedback = {each.id: draw(OPINIONS) for each in candidates if draw(st.integers(0, 3)) == 0}
    return Case(candidates, feedback, draw(st.none() | OPINIONS))


def order(ranking: Ranking) -> list[str]:
    return [cause.event_id for cause in ranking.causes]


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(case: Case, random: Any) -> None:
    others = list(case.candidates)
    random.shuffle(others)
    assert case.ranked(others) == case.ranking


@given(cases(), changes())
def test_one_more_change_never_changes_the_order_of_the_others(case: Case, more: Candidate) -> None:
    assert [name for name in order(case.ranked([*case.candidates, more])) if name != more.id] == order(case.ranking)


@given(cases())
def test_a_change_that_is_left_out_is_as_if_it_never_was(case: Case) -> None:
    seen = case.candidates[::2]
    alone = Case(seen, {each.id: case.feedback[each.id] for each in seen if each.id in case.feedback}, case.none)
    assert alone.ranking == case.ranked(seen)


@given(cases())
def test_probabilities_sum_to_one(case: Case) -> None:
    ranking = case.ranking
    whole = ranking.none_probability + sum(cause.probability for cause in ranking.causes)
    everything_is_rejected = (
        case.none is not None and case.none.feedback == "rejected" and not any(cause.feedback != "rejected" for cause in ranking.causes)
    )
    assert whole == pytest.approx(0 if everything_is_rejected else 1)
    assert all(cause.probability == 0 for cause in ranking.causes if cause.feedback == "rejected")


@given(cases())
def test_contributions_add_up_to_the_score(case: Case) -> None:
    for cause in case.ranking.causes:
        assert sum(reason.contribution for reason in cause.reasons) == pytest.approx(cause.score)
        assert len({reason.feature for reason in cause.reasons}) == len(cause.reasons)


@given(cases())
def test_causes_are_sorted_by_what_people_said_then_by_probability(case: Case) -> None:
    causes = case.ranking.causes
    groups = [2 if cause.feedback == "rejected" else 1 if cause.feedback is None else 0 for cause in causes]
    assert groups == sorted(groups)
    free = [cause.probability for cause in causes if cause.feedback is None]
    assert free == sorted(free, reverse=True)


@given(cases())
def test_what_began_after_the_onset_is_vetoed_unless_people_know_more(case: Case) -> None:
    late = {each.id for each in case.candidates if each.begin > ONSET + CLOCK_ERROR}
    assert set(order(case.ranking)) == {each.id for each in case.candidates} - (late - case.feedback.keys())


@given(cases())
def test_the_same_data_give_the_same_ranking(case: Case) -> None:
    assert case.ranking == case.ranking


@given(st.integers(0, len(LEVELS) - 1), st.integers(0, len(LEVELS) - 1), changes())
def test_what_is_closer_never_stands_behind_what_is_otherwise_equal(first: int, second: int, base: Candidate) -> None:
    base = msgspec.structs.replace(base, title="", start=ONSET - HOUR, ts=ONSET - HOUR)
    context = msgspec.structs.replace(CONTEXT, risks={}, deploys_per_day={})
    blank = {"service": "", "entities": frozenset(), "tags": {}}
    near, far = (
        msgspec.structs.replace(base, id=name, **{**blank, **LEVELS[level]})
        for name, level in (("near", min(first, second)), ("far", max(first, second)))
    )
    scores = {cause.event_id: cause.score for cause in rank(PROBLEM, [near, far], context).causes}
    assert scores["near"] >= scores["far"]


def test_a_sample_is_a_candidate() -> None:
    assert rank(PROBLEM, [change()], CONTEXT).candidates == 1
