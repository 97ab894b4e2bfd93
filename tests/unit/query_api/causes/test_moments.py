"""A reason that says when, and the offset beside it, count from one moment: the start that the problem shows.

Weights count from the onset, which lies before that start by what noticing takes: nobody reads that moment, so no text counts from it.
"""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.deploy.commands.distances import short_distance
from causeline.processors.workers.slack_text import distance
from causeline.query_api.causes.context import Opinion
from causeline.query_api.causes.evidence import say_duration
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, HOUR, MINUTE
from causeline.query_api.causes.ranking import Cause, rank
from causeline.query_api.causes.timing import weigh_time
from tests.unit.query_api.causes.samples import CONTEXT, ONSET, change, context, problem
from tests.unit.query_api.causes.test_properties import changes

DELAYS = st.sampled_from([0, 30_000, MINUTE, 10 * MINUTE, HOUR])
AMOUNT: Final = r"\d+ (?:s|min|h|days)"
SAID: Final = re.compile(rf"(began|finished|a step began|a step finished) (?:({AMOUNT}) (before|after)|as) the problem began")
UNHEARD: Final = re.compile(rf"nothing heard of it for ({AMOUNT}) before the problem began")


def instants(candidate: Candidate, what: str) -> set[int]:
    """Return the instants of a change that a verb may mean."""
    match what:
        case "began":
            return {candidate.begin}
        case "finished":
            return {candidate.end or 0}
        case "a step began":
            return {step.start for step in candidate.steps}
        case _:
            return {step.end or 0 for step in candidate.steps}


def is_said(ms: int, amount: str | None, side: str | None) -> bool:
    """Tell whether a distance to the start is what the words say."""
    if amount is None:
        return ms == 0
    return say_duration(ms) == amount and (ms < 0) == (side == "before")


def reasons_of(cause: Cause, feature: str) -> list[str]:
    return [reason.text for reason in cause.reasons if reason.feature == feature]


@given(st.lists(changes(), min_size=1, max_size=6), DELAYS, st.booleans())
def test_every_time_that_a_reason_says_counts_from_the_start_as_the_offset_does(
    candidates: list[Candidate],
    delay: int,
    is_known: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    known = context(feedback={candidates[0].id: Opinion("confirmed")} if is_known else {})
    by_id = {candidate.id: candidate for candidate in candidates}
    for cause in rank(problem(detection_delay_ms=delay), candidates, known).causes:
        candidate = by_id[cause.event_id]
        (text,) = reasons_of(cause, "time")
        said = SAID.match(text)
        assert said is not None, text
        what, amount, side = said.groups()
        assert any(is_said(instant - ONSET, amount, side) for instant in instants(candidate, what)), text
        if what == "began":
            assert is_said(round(cause.offset_seconds * 1_000), amount, side)
            assert amount is None or text.startswith(f"began {short_distance(cause.offset_seconds)} the problem began")
            assert amount is None or distance(cause.offset_seconds).endswith(f" {side}")


@given(st.integers(0, 2 * DAY), DELAYS)
def test_what_was_not_heard_of_any_more_was_not_for_as_long_as_its_offset_says(ms: int, delay: int) -> None:
    hanging = change(start=ONSET - ms, ts=ONSET - ms, status="started")
    for cause in rank(problem(detection_delay_ms=delay), [hanging], CONTEXT).causes:
        for text in reasons_of(cause, "outcome"):
            said = UNHEARD.search(text)
            assert said is not None, text
            assert said.group(1) == say_duration(cause.offset_seconds * 1_000)


@given(st.integers(-DAY, CLOCK_ERROR), DELAYS)
def test_what_noticing_takes_moves_the_weight_and_no_word_of_when_it_began(ms: int, delay: int) -> None:
    candidate = change(start=ONSET + ms, ts=ONSET + ms)
    late, early = weigh_time(problem(detection_delay_ms=delay), candidate), weigh_time(problem(), candidate)
    assert late.text.split(", ")[0] == early.text.split(", ")[0]
    assert weigh_time(problem(start=ONSET + delay, detection_delay_ms=delay), candidate).terms == early.terms


@pytest.mark.parametrize(
    ("ms", "delay", "text"),
    [
        (-4 * MINUTE, MINUTE, "began 4 min before the problem began"),
        (-30_000, MINUTE, "began 30 s before the problem began, less than the 60 s that noticing takes, which clocks may explain"),
        (-30 * MINUTE, HOUR, "began 30 min before the problem began, less than the 60 min that noticing takes"),
        (0, MINUTE, "began as the problem began, less than the 60 s that noticing takes, which clocks may explain"),
        (MINUTE, 0, "began 60 s after the problem began, which clocks may explain"),
        (5 * MINUTE, 0, "began 5 min after the problem began"),
    ],
)
def test_what_began_while_nobody_had_noticed_says_so(ms: int, delay: int, text: str) -> None:
    assert weigh_time(problem(detection_delay_ms=delay), change(start=ONSET + ms, ts=ONSET + ms)).text == text


def test_a_rollout_that_ended_a_moment_after_the_start_says_so() -> None:
    assert weigh_time(problem(), change(minutes=5, end=ONSET + MINUTE)).text == "finished 60 s after the problem began"
