"""Which words are outcomes, which events are one rollout, which deployments go back: a row a rule."""

from typing import Any

import msgspec
import pytest

from causeline.query_api.dora.deployments import LateFailure, deployments
from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.query_api.dora.rollout_words import HotfixMark, mark_among, outcome_of_fact, rollout_outcome
from causeline.schemas.dora.definition import Attribution, Definition, Hotfix
from tests.unit.query_api.dora.dora_samples import DAY, HOUR, NAIVE, T0, change, deploy, ids

SUCCESSES = "success,succeeded,successful,done,ok,complete,completed,finished,deployed,passed,warning,SUCCESS,Succeeded"
FAILURES = "failure,failed,error,errored,cancelled,canceled,aborted,rejected,timed out,timed_out,TIMED-OUT,timedout"


@pytest.mark.parametrize("word", SUCCESSES.split(","))
def test_words_of_success(word: str) -> None:
    assert rollout_outcome(word) == "success"


@pytest.mark.parametrize("word", FAILURES.split(","))
def test_words_of_failure(word: str) -> None:
    assert rollout_outcome(word) == "failure"


@pytest.mark.parametrize("word", ["started", "initiated", "in progress", "running", "start", "open", "rolled back", "whatever"])
def test_any_other_word_is_one_of_something_under_way(word: str) -> None:
    assert rollout_outcome(word) == "unfinished"


@pytest.mark.parametrize(
    ("status", "tags", "outcome", "why"),
    [
        ("", {}, "success", "a mark of something done"),
        ("", {"status": "Failed"}, "failure", "the tag says what the event does not"),
        ("", {"status": "running"}, "unfinished", "the tag says it"),
        ("success", {"status": "failed"}, "success", "the event's own word comes first"),
        (" ", {"status": "failed"}, "failure", "blanks are no word"),
    ],
)
def test_an_event_without_a_status_says_it_by_a_tag(status: str, tags: dict[str, str], outcome: str, why: str) -> None:
    assert outcome_of_fact(change("a", T0, status=status, tags=tags)) == outcome, why


def step(name: str, hours: float, **fields: Any) -> ChangeFact:
    """Return an event of release 1 that ended so many hours after the beginning."""
    return change(name, T0 + int(hours * HOUR), **{"release": "1", **fields})


@pytest.mark.parametrize(
    ("events", "found", "why"),
    [
        ([step("a", 0), step("b", 6)], ["a"], "six hours later is a retry or a step"),
        ([step("a", 0), step("b", 6.001)], ["a", "b"], "longer than six hours is another deployment"),
        ([step("a", 0), step("b", 5), step("c", 10)], ["a"], "from step to step"),
        ([step("a", 0, start=T0 - HOUR), step("b", 20, start=T0 + 6 * HOUR)], ["a"], "from the end of one to the beginning of the next"),
        ([step("a", 0), step("b", 1, release="2"), step("c", 2)], ["a", "b", "c"], "another version succeeded between"),
        ([step("a", 0), step("b", 1, release="2", status="failed"), step("c", 2)], ["a"], "another version failed between"),
        ([step("a", 0), step("b", 1, release="2", service="search"), step("c", 2)], ["b", "a"], "another service's version between"),
        ([step("a", 0), step("b", 1, release="", title="Rollback"), step("c", 2)], ["a", "b", "c"], "rolled back, then once more"),
        ([step("a", 0), step("b", 0, release="2")], ["a", "b"], "two versions at once"),
        ([step("a", 0), step("b", 1, environment="PROD")], ["a"], "an alias is the same environment"),
        ([step("a", 0, release="", commit="c"), step("b", 1, release="", commit="c")], ["a"], "a commit is a version too"),
        ([step("a", 0, release=""), step("b", 0, release="")], ["a"], "without a version: at the same start"),
        ([step("a", 0, release=""), step("b", 0.1, release="")], ["a", "b"], "without a version, not at the same start"),
        ([step("a", 0, tags={"deployment_id": "7"}), step("b", 90, release="2", tags={"deployment_id": "7"})], ["a"], "an id says it"),
        (
            [step("a", 0, tags={"deployment_id": "7"}), step("b", 1, tags={"deployment_id": "8"})],
            ["a", "b"],
            "other ids, whatever the version",
        ),
        (
            [step("a", 0, tags={"deployment_id": "7"}), step("b", 0, service="search", tags={"deployment_id": "7"})],
            ["a", "b"],
            "an id is one service's: who sends one for a pipeline deploys each service of it",
        ),
        ([step("a", 0), step("b", 90, release="", related_id="a")], ["a"], "a step names its whole"),
        ([step("a", 0), step("b", 90, related_id="a")], ["a"], "with the same version too"),
        ([step("a", 0), step("b", 90, release="", related_id="a"), step("c", 95)], ["a"], "a step goes on with its whole"),
        ([step("a", 0), step("b", 1, release="", related_id="a"), step("c", 2, release="", related_id="b")], ["a"], "a step of a step"),
        ([step("b", 0, release="", related_id="a"), step("a", 9)], ["b"], "a step that came before its whole"),
        ([step("a", 0, release="", related_id="b"), step("b", 1, release="", related_id="a")], ["a", "b"], "in a circle they are no steps"),
        ([step("a", 0), step("b", 90, release="", service="", environment="", related_id="a")], ["a"], "a step is where its whole is"),
        ([step("a", 0), step("b", 1, service="search", release="", related_id="a")], ["a", "b"], "of another service it is no step"),
        ([step("a", 0), step("b", 1, release="2", related_id="a")], ["a", "b"], "another version is another deployment"),
        ([step("a", 0), step("b", 1, related_id="nowhere")], ["a"], "what names nothing is as if it named nothing"),
    ],
)
def test_what_is_one_rollout(events: list[ChangeFact], found: list[str], why: str) -> None:
    assert ids(deploy(*events).successes) == found, why


@pytest.mark.parametrize(
    ("events", "found", "why"),
    [
        ([step("a", 0, environment="staging")], [], "staging is not production"),
        ([step("a", 0, environment="Live")], ["a"], "an alias in any letter case"),
        ([step("a", 0, environment="")], [], "nobody knows where it went"),
        ([step("a", 0, environment="", dialect="cto_ai")], ["a"], "this API knows no environment: the default one"),
        ([step("a", 0, dialect="escapekit")], [], "an audit event says who asked, not what was done"),
        ([step("a", 0, kind="operation")], [], "no kind of deployment"),
        ([step("a", 0), step("b", 9, kind="release")], ["a"], "never added up: deployments come first"),
        ([step("a", 0, kind="change"), step("b", 9, kind="release")], ["b"], "then releases"),
        ([step("a", 0, kind="change")], ["a"], "then changes"),
        ([step("a", 0, kind="change", status="initiated")], [], "a change that was initiated is where work began"),
        ([step("a", 0, status="failed"), step("b", 9, kind="release")], ["b"], "a kind that never succeeded is not what it has"),
        ([step("a", 0, environment="staging"), step("b", 9, kind="release")], ["b"], "what goes elsewhere does not say it"),
        ([step("a", 0), step("b", 9, kind="release", service="search")], ["a", "b"], "each service its own kind"),
        ([step("a", 0, status="started")], [], "it is not over"),
    ],
)
def test_what_is_a_deployment(events: list[ChangeFact], found: list[str], why: str) -> None:
    assert ids(deploy(*events).successes) == found, why


def test_what_nobody_placed_is_told_of() -> None:
    found = deploy(step("a", 0, environment=""), step("b", 0, environment="", status="failed"))
    assert ids(found.placeless) == ["a"]
    assert (found.successes, found.attempts) == ((), ())


def test_an_alias_of_a_service_is_the_service() -> None:
    parts = [step("a", 0), step("b", 1, service="checkout-svc")]
    found = deployments(parts, (), Definition(), {"checkout-svc": "checkout"})
    assert [(one.id, one.service) for one in found.successes] == [("a", "checkout")]
    assert found.by_event == {"a": "a", "b": "a"}


@pytest.mark.parametrize(
    ("events", "attempts", "failure", "why"),
    [
        ([step("a", 0), step("f", -1, status="failed")], ["f"], None, "before the first success: an attempt"),
        ([step("a", 0), step("f", 1, status="failed")], [], "f", "after the last success: it failed"),
        ([step("a", 0), step("b", 2), step("f", 1, status="failed")], [], None, "in between it is nothing"),
        ([step("a", 0), step("f", 0, status="failed")], [], None, "at once with a success it is neither before nor after it"),
        ([step("f", -2, status="failed"), step("g", -1, status="failed"), step("a", 0)], ["f", "g"], None, "each start is one"),
        (
            [step("f", -1, start=T0 - 3 * HOUR, status="failed"), step("g", -2, start=T0 - 3 * HOUR, status="failed"), step("a", 0)],
            ["g"],
            None,
            "of one start there is one",
        ),
        ([step("f", 0, status="failed"), step("a", 0, release="2")], ["f"], None, "of another version: an attempt all the same"),
        ([step("a", 0), step("f", 1, status="failed"), step("g", 2, status="failed")], [], "f", "the first one says it"),
        ([step("a", 0), step("f", 7, status="failed")], ["f"], None, "after six hours it is another rollout"),
    ],
)
def test_failures_before_and_after(events: list[ChangeFact], attempts: list[str], failure: str | None, why: str) -> None:
    found = deploy(*events)
    assert [one.id for one in found.attempts] == attempts, why
    (deployment,) = found.successes
    late = deployment.late_failure
    assert (late.event if isinstance(late, LateFailure) else None) == failure, why


@pytest.mark.parametrize(
    ("events", "start", "end", "why"),
    [
        ([step("s", 0, status="started"), step("a", 1)], 0, 1, "it begins with what was started"),
        ([step("a", 1, start=T0)], 0, 1, "or as it says"),
        ([step("s", 0, status="started"), step("f", 1, status="failed"), step("a", 2)], 2, 2, "what failed before is none of it"),
        ([step("s", 0, status="started"), step("f", 1, status="failed"), step("t", 2, status="started"), step("a", 3)], 2, 3, "a new try"),
        ([step("a", 1), step("b", 4), step("s", 5, status="started")], 1, 4, "it ends with its last success"),
    ],
)
def test_a_deployment_begins_with_what_succeeded(events: list[ChangeFact], start: int, end: int, why: str) -> None:
    (deployment,) = deploy(*events).successes
    assert ((deployment.start - T0) / HOUR, (deployment.end - T0) / HOUR) == (start, end), why


V1, V2, V3 = step("v1", 0), step("v2", 24, release="2"), step("v3", 48, release="3")


@pytest.mark.parametrize(
    ("events", "targets", "why"),
    [
        ([V1, V2, step("r", 25)], {"r": ("v2",)}, "back to an older version"),
        ([V1, V2, step("r", 25), step("f", 26, release="2")], {"r": ("v2",)}, "forward again is no rollback"),
        ([V1, V2, step("r", 48)], {"r": ("v2",)}, "at most a day from end to end"),
        ([V1, V2, step("r", 48.001)], {}, "a day later it is no rollback"),
        ([V1, V2, step("r", 25, status="failed")], {}, "one that failed rolls nothing back"),
        ([V1, V2, V3, step("r", 49)], {"r": ("v3",)}, "what was live before is rolled back, whatever lies between"),
        ([V1, V2, V3, step("r", 49), step("f", 50, release="2")], {"r": ("v3",)}, "from the oldest to an older one is forward"),
        ([V1, step("r", 1, release="2", title="Rollback to 2")], {"r": ("v1",)}, "a mark without a relation: the one before"),
        ([V1, step("r", 1, release="2", title="Roll back"), V3], {"r": ("v1",)}, "roll back, in two words"),
        ([V1, step("r", 1, release="2", title="Revert of the fix")], {"r": ("v1",)}, "revert"),
        ([V1, step("r", 1, title="Rollback of 1")], {"r": ("v1",)}, "of the same version: a mark is never another try"),
        ([V1, step("r", 1, release="2", title="Deploy", tags={"rollback": "true"})], {"r": ("v1",)}, "the tag"),
        ([V1, step("n", 1, release="2", tags={"rollback": "false"})], {}, "a tag that says no"),
        ([V1, V2, step("r", 25, release="4", related_id="v2")], {"r": ("v2",)}, "another version that names one"),
        ([V1, V2, step("r", 25, release="2", related_id="v2", title="rollback")], {"r": ("v2",)}, "the same version, and marked"),
        ([V1, V2, step("r", 25, release="", related_id="v1", title="rollback")], {}, "what it names was too long ago"),
        ([V1, step("r", 1, release="4", tags={"rollback": "v1"})], {"r": ("v1",)}, "the tag names one"),
        ([V1, step("f", 1, release="2", status="failed"), step("r", 2, title="rollback", related_id="f")], {}, "a failed attempt"),
        ([V1, step("r", 1, title="rollback", related_id="incident")], {"r": ("v1",)}, "what it names is no deployment"),
        ([V1, step("r", 1, release="2", related_id="v1", service="search")], {}, "of another service"),
        ([V2, step("r", 23, release="9", related_id="v2")], {}, "what came later is not rolled back"),
        ([step("r", 0, title="rollback")], {}, "there was nothing before"),
        ([V1, step("x", 24, release=""), step("r", 25)], {}, "what was live is not known"),
    ],
)
def test_what_rolls_back_what(events: list[ChangeFact], targets: dict[str, tuple[str, ...]], why: str) -> None:
    found = {one.id: one.targets for one in deploy(*events).successes if one.targets}
    assert found == targets, why


def test_without_a_bound_any_distance_rolls_back() -> None:
    found = deploy(V1, V2, step("r", 24 * 90), definition=NAIVE)
    assert found.successes[-1].targets == ("v2",)


@pytest.mark.parametrize(
    ("fields", "is_hotfix", "why"),
    [
        ({"tags": {"hotfix": "true"}}, True, "a flag"),
        ({"tags": {"hotfix": "no"}}, False, "a flag that says no"),
        ({"branch": "HOTFIX/login"}, True, "a branch, in any letter case"),
        ({"branch": "hotfix-login"}, True, "another pattern"),
        ({"branch": "feature/hotfix"}, False, "a pattern is the whole branch"),
        ({"title": "Deploy the Hotfix for login"}, True, "a title"),
        ({"title": "Deploy"}, False, "nothing says it"),
        ({"title": "x" * 100_000 + "hotfix"}, False, "only the beginning of a title is looked at"),
    ],
)
def test_what_marks_a_hotfix(fields: dict[str, Any], is_hotfix: bool, why: str) -> None:  # noqa: FBT001 - a column of the table
    (deployment,) = deploy(step("a", 0, **fields)).successes
    assert deployment.is_hotfix == is_hotfix, why


def test_marks_of_a_hotfix_are_the_definitions() -> None:
    mark = HotfixMark(Hotfix(tags=("urgent",), branches=("fix/?-*",), titles=()))
    facts = [step("a", 0, tags={"urgent": "1"}), step("b", 0, branch="FIX/7-login"), step("c", 0, branch="hotfix/a", title="hotfix")]
    assert [mark.is_on(fact) for fact in facts] == [True, True, False]
    assert mark.pick(facts) == [0, 1]


def test_marks_that_no_event_has_are_not_looked_for_and_others_are() -> None:
    facts = [step("a", 0, title="Deploy"), step("b", 0, title="HOTFIX it"), step("c", 0, branch="hotfix/1"), step("d", 0, title="patch 7")]
    for hotfix in (Hotfix(), Hotfix(titles=("patch ?",), branches=()), Hotfix(titles=("*",))):
        marks = [mark_among(facts, hotfix), HotfixMark(hotfix)]
        found = [number for number, fact in enumerate(facts) if marks[1].is_on(fact)]
        assert marks[0].pick(facts) == marks[1].pick(facts) == found


def test_one_part_of_a_rollout_says_what_the_others_do_not() -> None:
    parts = [
        step("s", 0, status="started", team="shop", repo="shop/app", project="store"),
        step("a", 1, release="", related_id="s", team="", repo="shop/web"),
    ]
    (deployment,) = deploy(*parts).successes
    assert (deployment.release, deployment.team, deployment.repo, deployment.project) == ("1", "shop", "shop/web", "store")


def test_a_definition_says_what_production_is() -> None:
    definition = Definition(production=("EU", "us"), aliases={"eu": ("europe",)}, attribution=Attribution(window=DAY))
    events = [step("a", 0, environment="Europe"), step("b", 9, environment="US"), step("c", 18, environment="production")]
    assert [(one.id, one.environment) for one in deploy(*events, definition=definition).successes] == [("a", "eu"), ("b", "us")]


def test_two_environments_are_two_rollouts() -> None:
    definition = msgspec.structs.replace(Definition(), production=("eu", "us"))
    events = [step("a", 0, environment="eu"), step("b", 0, environment="us")]
    assert ids(deploy(*events, definition=definition).successes) == ["a", "b"]
