"""Which deployment a problem belongs to, what is rework, and when a failure was over: a row a rule."""

from typing import Any

import pytest

from causeline.query_api.dora.dora_facts import ProblemFact
from causeline.schemas.dora.definition import Attribution, Definition
from tests.unit.query_api.dora.dora_samples import DAY, HOUR, NAIVE, T0, caused_by, change, judged, problem

LATEST = Definition(attribution=Attribution(rule="latest"))
COUNTED = Definition(timeouts="count")


def later(hours: float) -> int:
    return T0 + int(hours * HOUR)


ONE, TWO = change("d1", T0, release="1"), change("d2", later(10), release="2", start=later(9))
ELSEWHERE = change("e1", later(5), service="search")


def opened(hours: float, **fields: Any) -> ProblemFact:
    return problem("p", later(hours), later(hours + 2), **fields)


@pytest.mark.parametrize(
    ("trouble", "definition", "failed", "why"),
    [
        (opened(11), Definition(), "", "nobody says what did it"),
        (opened(11, likely_cause="d1"), Definition(), "d1", "the likely cause, not the latest one"),
        (opened(0, likely_cause="d1"), Definition(), "d1", "at the end of the deployment"),
        (opened(24, likely_cause="d1"), Definition(), "d1", "a day after it"),
        (opened(24.001, likely_cause="d1"), Definition(), "", "longer after it"),
        (opened(-0.001, likely_cause="d1"), Definition(), "", "before it"),
        (opened(240, likely_cause="d1"), Definition(attribution=Attribution(window=None)), "d1", "without a bound"),
        (opened(11, service="cart", likely_cause="d1"), Definition(), "d1", "a cause may lie in another service"),
        (opened(11, likely_cause="x"), Definition(), "", "what did it was no deployment"),
        (opened(90, confirmations=caused_by("d1")), Definition(), "d1", "people are right at any distance"),
        (opened(-5, confirmations=caused_by("d1")), Definition(), "d1", "and in any order"),
        (opened(11, likely_cause="d1", confirmations=caused_by("d2")), Definition(), "d2", "people before rankings"),
        (opened(11, confirmations=caused_by("d1", "d2")), Definition(), "d2", "the newest word"),
        (opened(11, likely_cause="d1", confirmations=caused_by("d2", "none")), Definition(), "", "people say that no change did it"),
        (opened(11, likely_cause="d1", confirmations=caused_by("flag")), Definition(), "", "people say that another change did it"),
        (opened(11, likely_cause="d1", rejections=frozenset({"d1"})), Definition(), "", "people say that it did not"),
        (opened(11, confirmations=caused_by("d1"), rejections=frozenset({"d1"})), Definition(), "", "never what was rejected"),
        (opened(11, environment="staging", likely_cause="d1"), Definition(), "", "not of production"),
        (opened(11, environment="", likely_cause="d1"), Definition(), "d1", "no environment is every one of production"),
        (opened(11), LATEST, "d2", "the naive rule: the latest one"),
        (opened(10), LATEST, "d2", "at its end"),
        (opened(9.9), LATEST, "d1", "one that had not ended is not before"),
        (opened(34), LATEST, "d2", "a day after it"),
        (opened(34.001), LATEST, "", "longer after it"),
        (opened(340), NAIVE, "d2", "without a bound"),
        (opened(-1), NAIVE, "", "there was none before"),
        (opened(11, service="search"), LATEST, "e1", "the latest one of its service"),
        (opened(11, service=""), LATEST, "", "of which service is not known"),
        (opened(11, environment="prod"), LATEST, "d2", "of its environment"),
        (opened(11, environment=""), LATEST, "d2", "of any environment of production"),
        (opened(11, likely_cause="d1", confirmations=caused_by("d1")), LATEST, "d2", "it is naive: it asks nobody"),
        (opened(11, rejections=frozenset({"d2"})), LATEST, "d1", "but never blames what was rejected"),
    ],
)
def test_which_deployment_a_problem_belongs_to(trouble: ProblemFact, definition: Definition, failed: str, why: str) -> None:
    found = judged([ONE, TWO, ELSEWHERE], [trouble], definition)
    assert [id_ for id_, one in found.items() if one.has_problems] == ([failed] if failed else []), why


@pytest.mark.parametrize(
    ("hours", "is_attributed", "why"),
    [
        (30, True, "a day counts from the last step before it"),
        (44, True, "from the last step"),
        (44.001, False, "after that no longer"),
        (24.001, True, "between steps more than a day apart it is the newest one before"),
    ],
)
def test_the_delay_runs_from_the_last_step_before_the_problem(hours: float, is_attributed: bool, why: str) -> None:  # noqa: FBT001
    steps = [change(name, later(at), tags={"deployment_id": "7"}) for name, at in (("s1", 0), ("s2", 20))]
    found = judged(steps, [opened(hours, likely_cause="s2")])
    assert found["s1"].has_problems == is_attributed, why


def test_feedback_about_a_step_is_about_the_rollout() -> None:
    steps = [ONE, change("s", later(1), related_id="d1")]
    assert judged(steps, [opened(2, confirmations=caused_by("s"))])["d1"].has_problems
    assert not judged(steps, [opened(2, likely_cause="d1", rejections=frozenset({"s"}))])["d1"].has_problems


ROLLBACK = change("r", later(3), start=later(2), release="0", title="Rollback", related_id="d1")
FIX = change("fix", later(4), release="2", start=later(3), branch="hotfix/a")
LATE = change("late", later(1), release="1", status="failed")
NEXT = change("next", later(5), release="3")


def trouble(hours: float, end: float | None, name: str = "p", **fields: Any) -> ProblemFact:
    return problem(name, later(hours), None if end is None else later(end), **{"likely_cause": "d1", **fields})


@pytest.mark.parametrize(
    ("changes", "problems", "hours", "reason", "why"),
    [
        ([ONE], [trouble(1, 6)], 6, None, "the problem was closed"),
        ([ONE], [trouble(1, 6), trouble(2, 8, "q")], 8, None, "all of them were closed"),
        ([ONE], [trouble(1, 6), trouble(2, None, "q")], None, "still_open", "one is open"),
        ([ONE], [trouble(1, 6, closed_by="timeout")], None, "timed_out", "nobody knows when it was over"),
        ([ONE], [trouble(1, 6, closed_by="abandoned")], None, "abandoned", "people gave up"),
        ([ONE], [trouble(1, 6, closed_by="timeout"), trouble(2, None, "q")], None, "still_open", "one is open, which says most"),
        ([ONE, ROLLBACK], [trouble(1, 6)], 3, None, "it was rolled back before"),
        ([ONE, ROLLBACK], [trouble(1, 2.5)], 2.5, None, "it was over before it was rolled back"),
        ([ONE, ROLLBACK], [], 3, None, "rolled back without a problem"),
        ([ONE, ROLLBACK], [trouble(1, None)], 3, None, "rolled back, whatever is still open"),
        ([ONE, FIX], [trouble(1, 6)], 4, None, "a hotfix that began while it was open"),
        ([ONE, FIX], [trouble(1, None)], 4, None, "and is open still"),
        ([ONE, FIX], [trouble(1, 6, closed_by="timeout")], 4, None, "a fix is a fix"),
        ([ONE, FIX], [trouble(3.5, 6)], 6, None, "a hotfix that had begun before it opened"),
        ([ONE, NEXT], [trouble(1, 7)], 5, None, "the last one before it closed, begun while it was open, closed it"),
        ([ONE, NEXT], [trouble(1, None)], None, "still_open", "a deployment like any other is no fix"),
        ([ONE, LATE], [], None, "still_open", "an event says it failed, and nothing followed"),
        ([ONE, LATE, NEXT], [], 5, None, "the next one succeeded"),
        ([ONE, LATE, NEXT], [trouble(1, 4.5)], 4.5, None, "the earliest of all"),
        ([ONE, LATE, change("n", later(5), service="search")], [], None, "still_open", "one of another service is none"),
        ([ONE], [trouble(-1, -0.5, confirmations=caused_by("d1"))], -0.5, None, "over before its end"),
    ],
)
def test_when_a_failure_was_over(
    changes: list[Any], problems: list[ProblemFact], hours: float | None, reason: str | None, why: str
) -> None:
    found = judged(changes, problems)["d1"]
    assert found.failures, "it failed"
    assert found.recovered_at == (None if hours is None else later(hours)), why
    assert found.no_recovery == reason, why
    assert found.recovery_time == (None if hours is None else max(later(hours) - T0, 0))


def test_timeouts_count_where_the_definition_says_so() -> None:
    found = judged([ONE], [trouble(1, 6, closed_by="timeout")], COUNTED)
    assert found["d1"].recovered_at == later(6)
    assert judged([ONE], [trouble(1, 6, closed_by="abandoned")], COUNTED)["d1"].no_recovery == "abandoned"


FIXED = change("d2", later(3), start=later(2), release="2")


@pytest.mark.parametrize(
    ("changes", "trouble", "rework", "why"),
    [
        ([ONE, FIXED], problem("p", later(1), later(4)), ["closed_problem"], "begun while it was open, the last to end before"),
        ([ONE, FIXED], problem("p", later(2), later(3)), ["closed_problem"], "at its very beginning and end"),
        ([ONE, FIXED], problem("p", later(2.1), later(4)), [], "begun before it opened"),
        ([ONE, FIXED], problem("p", later(1), later(2.9)), [], "ended after it closed"),
        ([ONE, FIXED], problem("p", later(1), None), [], "it is open still"),
        ([ONE, FIXED], problem("p", later(1), later(4), closed_by="timeout"), [], "nobody closed it"),
        ([ONE, FIXED], problem("p", later(1), later(4), closed_by="abandoned"), [], "people gave up"),
        ([ONE, FIXED], problem("p", later(1), later(27)), ["closed_problem"], "a day before it closed"),
        ([ONE, FIXED], problem("p", later(1), later(27.001)), [], "longer before"),
        ([ONE, FIXED, change("d3", later(3.5))], problem("p", later(1), later(4)), [], "another one was the last"),
        ([ONE, FIXED, change("s", later(3.5), service="search")], problem("p", later(1), later(4)), ["closed_problem"], "of its service"),
        ([ONE, FIXED], problem("p", later(1), later(4), service="search"), [], "a problem of another service"),
        ([ONE, FIXED], problem("p", later(1), later(4), environment=""), ["closed_problem"], "a problem of every environment"),
        ([ONE, FIXED], problem("p", later(1), later(4), environment="staging"), [], "of an environment that does not count"),
    ],
)
def test_what_closed_a_problem_is_rework(changes: list[Any], trouble: ProblemFact, rework: list[str], why: str) -> None:
    assert list(judged(changes, [trouble])["d2"].rework) == rework, why


def test_rework_has_every_reason_once() -> None:
    fix = change("r", later(3), start=later(2), related_id="d1", title="Rollback", branch="hotfix/a")
    found = judged([ONE, fix], [problem("p", later(1), later(4)), problem("q", later(1), later(5))])
    assert found["r"].rework == ("rollback", "hotfix", "closed_problem")
    assert found["d1"].rework == ()


def test_a_mark_is_rework_also_where_nothing_is_rolled_back() -> None:
    assert judged([change("r", T0, title="Rollback")])["r"].rework == ("rollback",)


def test_a_deployment_says_each_of_its_failures() -> None:
    found = judged([ONE, LATE, ROLLBACK], [trouble(2, 6), trouble(1, 6, "q")])["d1"]
    assert [tuple(failure) for failure in found.failures] == [("problem", "q"), ("problem", "p"), ("rollback", "r"), ("status", "late")]


def test_a_rollback_that_came_too_late_is_no_failure() -> None:
    slow = change("r", T0 + DAY + 1, title="Rollback", related_id="d1")
    assert judged([ONE, slow])["d1"].failures == ()
