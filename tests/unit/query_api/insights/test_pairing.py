"""Begins and ends become runs: every rule of `pairing.py` at its edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.insights.facts import Fact
from causeline.query_api.insights.pairing import LifecycleMark, LifecycleRun, pair_marks, runs_by_stage
from causeline.query_api.insights.query import ABANDONED, LONGEST, REPEAT
from causeline.query_api.insights.stages import BEGIN, ENDS, GOOD_ENDS, STAGES, code_of, is_good, stage_of, stage_place

GOOD, BAD = ENDS.index("succeeded") + 1, ENDS.index("failed") + 1


def run(*marks: tuple[int, int]) -> list[LifecycleRun]:
    return list(pair_marks([LifecycleMark(*mark) for mark in marks]))


@pytest.mark.parametrize(
    ("marks", "runs"),
    [
        ([], []),
        ([(5, BEGIN)], [LifecycleRun(5, None)]),
        ([(5, BEGIN), (9, GOOD)], [LifecycleRun(5, 9, GOOD)]),
        ([(5, BEGIN), (5, BAD)], [LifecycleRun(5, 5, BAD)]),
        # a second begin: the same one within a minute, both included, another one later
        ([(0, BEGIN), (REPEAT, BEGIN), (REPEAT + 9, GOOD)], [LifecycleRun(0, REPEAT + 9, GOOD)]),
        ([(0, BEGIN), (REPEAT + 1, BEGIN)], [LifecycleRun(0, None, is_abandoned=True), LifecycleRun(REPEAT + 1, None)]),
        ([(0, BEGIN), (REPEAT, BEGIN), (2 * REPEAT, BEGIN)], [LifecycleRun(0, None)]),
        ([(0, BEGIN), (1, GOOD), (2, BEGIN), (3, GOOD)], [LifecycleRun(0, 1, GOOD), LifecycleRun(2, 3, GOOD)]),
        # ends without a begin: each counts, the same one once
        ([(1, GOOD)], [LifecycleRun(None, 1, GOOD)]),
        ([(1, GOOD), (2, GOOD), (3, GOOD)], [LifecycleRun(None, 1, GOOD)]),
        ([(0, BEGIN), (1, GOOD), (2, GOOD)], [LifecycleRun(0, 1, GOOD)]),
        ([(0, BEGIN), (1, GOOD), (2, BAD), (3, BAD)], [LifecycleRun(0, 1, GOOD), LifecycleRun(None, 2, BAD)]),
        # the longest run
        ([(0, BEGIN), (LONGEST, GOOD)], [LifecycleRun(0, LONGEST, GOOD)]),
        ([(0, BEGIN), (LONGEST + 1, GOOD)], [LifecycleRun(0, None, is_abandoned=True), LifecycleRun(None, LONGEST + 1, GOOD)]),
    ],
)
def test_marks_of_one_key_become_runs(marks: list[tuple[int, int]], runs: list[LifecycleRun]) -> None:
    assert run(*marks) == runs


def test_an_open_run_is_running_for_a_day_and_has_never_finished_from_then_on() -> None:
    (open_run,) = run((100, BEGIN))
    assert not open_run.never_finished(100 + ABANDONED - 1)
    assert open_run.never_finished(100 + ABANDONED)
    assert run((100, BEGIN), (100 + REPEAT + 1, BEGIN))[0].never_finished(100 + REPEAT + 2)
    assert not run((100, BEGIN), (200, BAD))[0].never_finished(100 + ABANDONED)


def test_those_of_one_team_repository_name_and_commit_are_paired_in_order_of_time_however_they_come() -> None:
    def fact(ts: int, action: str, **other: str) -> Fact:
        fields = {"stage": "build", "team": "t", "repo": "api", "commit": "c", "run": ""} | other
        return Fact(ts, fields["stage"], action, fields["team"], fields["repo"], fields["commit"], fields["run"])

    own = [fact(9, "failure"), fact(5, "updated"), fact(1, "started")]
    assert list(runs_by_stage(own)) == [("build", LifecycleRun(1, 9, code_of("failure") or 0))]
    for name in ("stage", "team", "repo", "commit", "run"):
        runs = [made for _, made in runs_by_stage([fact(1, "initiated"), fact(9, "succeeded", **{name: "other"})])]
        assert sorted(made.duration is None for made in runs) == [True, True], name


@given(st.lists(st.tuples(st.integers(0, 10 * REPEAT), st.sampled_from([BEGIN, BEGIN, GOOD, BAD]))))
def test_every_mark_is_told_once_or_is_a_repeat(marks: list[tuple[int, int]]) -> None:
    marks.sort()
    runs = run(*marks)
    ends = [made.end for made in runs if made.end is not None]
    begins = [made.begin for made in runs if made.begin is not None]
    assert sorted(ends) == ends
    assert len(set(begins)) == len(begins) or len({ts for ts, _ in marks}) < len(marks)
    assert set(begins) <= {ts for ts, code in marks if code == BEGIN}
    assert set(ends) <= {ts for ts, code in marks if code != BEGIN}
    assert sum(made.end is None and not made.is_abandoned for made in runs) <= 1
    assert all(made.duration is None or made.duration >= 0 for made in runs)


def test_names_are_recognised_in_any_spelling_and_custom_ones_come_last_by_alphabet() -> None:
    assert [stage_of(kind) for kind in ("e2e-test", "e2etest", "unit_test", "support request", "smoke_test")] == [
        *("e2e_test", "e2e_test", "unittest", "support_request", "smoke_test")
    ]
    names = ["zoo", "release", "ant", "ticket", "deployment"]
    assert sorted(names, key=stage_place) == ["ticket", "deployment", "release", "ant", "zoo"]
    assert [stage for stage in STAGES if stage_of(stage) != stage] == []


def test_an_end_is_good_or_bad_and_what_is_neither_moves_nothing() -> None:
    assert [action for action in ENDS if is_good(code_of(action) or 0)] == list(GOOD_ENDS)
    assert code_of("initiated") == code_of("opened") == code_of("started") == BEGIN
    assert not is_good(BEGIN)
    assert code_of("todo") is code_of("") is code_of("cancelled") is None
