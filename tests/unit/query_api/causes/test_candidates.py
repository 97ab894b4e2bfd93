"""Which events are candidates, and which are steps of one."""

from typing import Any

import pytest

from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.facts import RolloutStep, ServiceOfFiles
from causeline.query_api.causes.kinds import CLOCK_ERROR, CUSTOM_LOOKBACK, DAY, HOUR, LOOKBACKS, MINUTE, lookback_of
from causeline.schemas.records.event import NOT_CHANGES, Event
from tests.unit.query_api.causes.samples import ONSET, PROBLEM


def event(name: str = "a", /, **fields: Any) -> Event:
    at = fields.pop("at", ONSET - MINUTE)
    return Event(
        **{"tenant": "t", "id": name, "dialect": "native", "kind": "deployment", "ts": at, "ingest_ts": at, "updated_ts": at, **fields}
    )


def ids(*events: Event, **options: Any) -> list[str]:
    return [candidate.id for candidate in select_candidates(PROBLEM, events, **options)]


def test_no_kind_is_a_change_and_none() -> None:
    assert not LOOKBACKS.keys() & NOT_CHANGES


@pytest.mark.parametrize(
    "kind", ["incident", "build", "test", "lint", "review", "approval", "commit", "ticket", "clone", "pipeline", "custom", "info", "canary"]
)
def test_what_changes_nothing_is_no_candidate(kind: str) -> None:
    assert ids(event(kind=kind)) == []


def test_a_custom_kind_is_one_where_the_tenant_says_so() -> None:
    assert ids(event(kind="canary", at=ONSET - CUSTOM_LOOKBACK), custom_kinds=frozenset({"canary"})) == ["a"]
    assert ids(event(kind="canary", at=ONSET - CUSTOM_LOOKBACK - 1), custom_kinds=frozenset({"canary"})) == []


@pytest.mark.parametrize(
    ("kind", "lookback"),
    [("deployment", 4 * HOUR), ("flag", 4 * HOUR), ("config_change", DAY), ("drift", DAY), ("infrastructure", 3 * DAY)],
)
def test_a_kind_is_looked_for_as_long_as_it_says(kind: str, lookback: int) -> None:
    assert ids(event(kind=kind, at=ONSET - lookback)) == ["a"]
    assert ids(event(kind=kind, at=ONSET - lookback - 1)) == []
    assert ids(event(kind=kind, at=ONSET - lookback - 1, end=ONSET - lookback)) == ["a"]
    assert ids(event(kind=kind, at=ONSET + CLOCK_ERROR)) == ["a"]
    assert ids(event(kind=kind, at=ONSET + CLOCK_ERROR + 1)) == []


def test_before_replaces_the_lookback_of_every_kind() -> None:
    assert lookback_of("deployment", before=HOUR) == lookback_of("migration", before=HOUR) == HOUR
    assert lookback_of("build", before=HOUR) is None
    assert ids(event(kind="migration", at=ONSET - 2 * HOUR), before=HOUR) == []


def test_a_step_belongs_to_its_change_and_is_no_candidate() -> None:
    whole = event("w", at=ONSET - HOUR, release="2")
    step = event("s", at=ONSET - 5 * MINUTE, related_id="w", end=ONSET - MINUTE, status="done")
    same = event("t", at=ONSET - 9 * MINUTE, related_id="w", release="2", kind="operation")
    (candidate,) = select_candidates(PROBLEM, [step, whole, same])
    assert candidate.id == "w"
    assert candidate.steps == (
        RolloutStep(ONSET - 9 * MINUTE, None, ""),
        RolloutStep(ONSET - 5 * MINUTE, ONSET - MINUTE, "done"),
    )


def test_a_step_of_a_step_belongs_to_the_whole() -> None:
    whole, step = event("w"), event("s", related_id="w")
    (candidate,) = select_candidates(PROBLEM, [whole, step, event("u", related_id="s")])
    assert (candidate.id, len(candidate.steps)) == ("w", 2)


def test_steps_in_a_circle_are_changes() -> None:
    assert ids(event("a", related_id="b"), event("b", related_id="a")) == ["a", "b"]


def test_a_change_that_began_too_early_counts_by_a_step_in_the_window() -> None:
    assert ids(event("w", at=ONSET - 5 * HOUR), event("s", at=ONSET - MINUTE, related_id="w")) == ["w"]


def test_a_step_may_name_its_change_as_its_own_api_does() -> None:
    assert ids(event("w"), event("s", related_id="42"), own_ids={"42": "w"}) == ["w"]


@pytest.mark.parametrize(
    "fields",
    [{"release": "2"}, {"title": "Rollback of checkout"}, {"tags": {"rollback": "true"}}],
)
def test_what_rolls_a_change_back_marks_it_and_stands_beside_it(fields: dict[str, Any]) -> None:
    whole = event("w", release="3", status="success")
    by_id = {each.id: each for each in select_candidates(PROBLEM, [whole, event("r", related_id="w", **fields)])}
    assert by_id["w"].outcome == "rolled_back"
    assert by_id["r"].outcome == ""


@pytest.mark.parametrize("kind", ["incident", "ticket", "review"])
def test_other_related_events_are_no_steps(kind: str) -> None:
    (candidate,) = select_candidates(PROBLEM, [event("w"), event("s", related_id="w", kind=kind)])
    assert candidate.steps == ()


@pytest.mark.parametrize("fields", [{"kind": "ticket"}, {"at": ONSET - 9 * DAY}, {"at": ONSET + HOUR}, {"related_id": "w"}])
def test_what_people_said_something_of_is_a_candidate_all_the_same(fields: dict[str, Any]) -> None:
    assert ids(event("w"), event("a", **fields)) == ["w"]
    assert ids(event("w"), event("a", **fields), feedback_ids={"a"}) == ["a", "w"]


def test_a_change_that_names_no_service_has_that_of_its_files() -> None:
    of_files = {"a": ServiceOfFiles("checkout", "a.py"), "c": ServiceOfFiles("web", "c.py")}
    own, other, named = select_candidates(PROBLEM, [event("a"), event("b"), event("c")], of_files=of_files)
    assert [(one.service, one.files) for one in (own, other, named)] == [("checkout", "a.py"), ("", ""), ("web", "c.py")]
    assert (own.is_unscoped, other.is_unscoped) == (False, True)


def test_a_deleted_change_is_no_candidate() -> None:
    assert ids(event(is_deleted=True)) == []


def test_aliases_are_resolved() -> None:
    (candidate,) = select_candidates(PROBLEM, [event(service="checkout-svc")], services={"checkout-svc": "checkout"})
    assert candidate.service == "checkout"
