"""Time: the effective moment, the veto, and a density under which neither 30 seconds nor two hours is best."""

import pytest

from causeline.query_api.causes.facts import RolloutStep
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, HOUR, MINUTE
from causeline.query_api.causes.ranking import rank
from causeline.query_api.causes.timing import FLOOR, effective_moment, is_vetoed, log_density, weigh_time
from tests.unit.query_api.causes.samples import CONTEXT, ONSET, PROBLEM, change, problem


@pytest.mark.parametrize(
    ("start", "end", "steps", "at", "what"),
    [
        (-10, None, (), -10, "began"),
        (-10, -4, (), -4, "finished"),
        (-10, 0, (), 0, "finished"),
        (-10, 2, (), 2, "finished"),
        (-10, 3, (), -10, "began"),
        (-30, 60, ((-20, -15, "done"), (-5, 30, "done")), -5, "a step began"),
        (-30, None, ((-20, None, "started"),), -20, "a step began"),
        (-30, None, ((-20, -12, "failed"),), -12, "a step finished"),
        (-30, -1, ((-20, -12, "done"),), -1, "finished"),
    ],
)
def test_a_change_takes_effect_at_its_last_instant_before_the_onset(
    start: int, end: int | None, steps: tuple[tuple[int, int | None, str], ...], at: int, what: str
) -> None:
    rollout = tuple(
        RolloutStep(ONSET + first * MINUTE, None if last is None else ONSET + last * MINUTE, status) for first, last, status in steps
    )
    moment = effective_moment(change(minutes=-start, end=None if end is None else ONSET + end * MINUTE, steps=rollout), ONSET)
    assert ((moment.at - ONSET) // MINUTE, moment.what) == (at, what)


@pytest.mark.parametrize(("after", "vetoed"), [(-1, False), (0, False), (CLOCK_ERROR, False), (CLOCK_ERROR + 1, True)])
def test_a_change_that_begins_after_the_onset_and_the_clock_error_is_left_out(after: int, vetoed: bool) -> None:  # noqa: FBT001 a column
    late = change(start=ONSET + after, ts=ONSET + after)
    assert is_vetoed(late, ONSET) is vetoed
    assert rank(PROBLEM, [late], CONTEXT).candidates == (not vetoed)


def test_the_onset_lies_before_the_start_by_what_its_source_takes_to_notice() -> None:
    noticed = problem(detection_delay_ms=MINUTE)
    late = change(minutes=1 - 2.5)
    assert rank(PROBLEM, [late], CONTEXT).candidates == 1
    assert rank(noticed, [late], CONTEXT).candidates == 0
    assert rank(noticed, [change(minutes=5)], CONTEXT).causes[0].offset_seconds == -300


def test_neither_half_a_minute_nor_two_hours_is_best() -> None:
    assert log_density(4 * MINUTE) > log_density(MINUTE / 2) + 1
    assert log_density(4 * MINUTE) > log_density(20 * MINUTE) > log_density(2 * HOUR) > log_density(12 * HOUR)
    assert log_density(0) > log_density(12 * HOUR)


def test_the_longest_delay_is_not_below_the_floor() -> None:
    assert log_density(3 * DAY) == log_density(30 * DAY) == FLOOR


@pytest.mark.parametrize("before", [0, 1, MINUTE, 10 * MINUTE, HOUR, DAY, 3 * DAY, 300 * DAY])
def test_what_began_after_the_onset_is_never_above_what_began_before(before: int) -> None:
    late = change(id="late", start=ONSET + 1, ts=ONSET + 1)
    early = change(id="early", start=ONSET - before, ts=ONSET - before)
    assert [cause.event_id for cause in rank(PROBLEM, [late, early], CONTEXT).causes] == ["early", "late"]


@pytest.mark.parametrize(
    ("minutes", "end", "text"),
    [
        (5, -4 * MINUTE, "finished 4 min before the problem began"),
        (0.5, None, "began 30 s before the problem began"),
        (180, None, "began 3 h before the problem began"),
        (60 * 60, None, "began 2 days before the problem began"),
        (5, 0, "finished as the problem began"),
        (-1.5, None, "began 2 min after the problem began, which clocks may explain"),
        (-0.5, None, "began 30 s after the problem began, which clocks may explain"),
    ],
)
def test_the_reason_says_when_in_one_unit(minutes: float, end: int | None, text: str) -> None:
    assert weigh_time(PROBLEM, change(minutes=minutes, end=None if end is None else ONSET + end)).text == text
