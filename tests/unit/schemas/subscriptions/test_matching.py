"""What a subscription's filter takes, and for whose eyes."""

from typing import Any

import msgspec
import pytest

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import takes_causes, takes_event, takes_problem
from causeline.schemas.subscriptions.rules import Filter, Rule
from tests.partition_log import T0, event
from tests.revisions import a_revision

TOLD: dict[str, Any] = {
    "dialect": "native",
    "kind": "incident",
    "service": "checkout",
    "environment": "production",
    "priority": "P1",
    "title": "Checkout is down",
    "text": "no answer from the gateway",
    "tags": {"region": "eu", "cluster": "blue"},
    "entities": ["host:a", "host:b"],
}


def an_event(**columns: Any) -> Event:
    return event(**(TOLD | {"status": "failure", "project": "shop"} | columns))


def a_problem(**columns: Any) -> Problem:
    plain: dict[str, Any] = {"tenant": "acme", "id": "p", "version": 1, "correlation_id": "c", "event_id": "e", "state": "open"}
    times = {"transition": "opened", "at": T0, "start": T0, "last_receipt": T0, "ingest_ts": T0}
    return Problem(**(plain | times | TOLD | columns))


def causes(**columns: Any) -> CauseRevision:
    return a_revision(**(TOLD | {"tenant": "acme"} | columns))


def rule(groups: tuple[str, ...] | None = None, tenant: str = "acme", **where: Any) -> Rule:
    return Rule(id="s", tenant=tenant, revision=1, where=Filter(**where), groups=groups, created_at=T0)


FILTERS: list[tuple[dict[str, Any], bool, str]] = [
    ({}, True, "nothing is asked for, so everything is told"),
    ({"services": ("checkout",)}, True, "the column is the one that is wanted"),
    ({"services": ("cart", "checkout")}, True, "several values mean or"),
    ({"services": ("Checkout",)}, False, "a column is compared as it is written"),
    ({"services": ("checkout",), "environments": ("staging",)}, False, "several fields mean and"),
    ({"dialects": ("native",), "kinds": ("incident",), "priorities": ("P1",)}, True, "every field holds"),
    ({"kinds": ("deployment",)}, False, "another kind"),
    ({"kinds": (" Incident ",)}, True, "a kind is asked for as it is stored: in lower case"),
    ({"dialects": ("desk",)}, False, "another dialect"),
    ({"priorities": ("P2",)}, False, "another priority"),
    ({"entities": ("host:z", "host:b")}, True, "one of the entities"),
    ({"entities": ("host",)}, False, "an entity is compared as a whole"),
    ({"tags": (("region", "us"), ("cluster", "blue"))}, True, "one of the tags"),
    ({"tags": (("region", "blue"),)}, False, "a value under another key"),
    ({"words": "DOWN checkout"}, True, "words in any order and letter case"),
    ({"words": "gateway"}, True, "a word of the text"),
    ({"words": "check"}, False, "a part of a word is no word"),
    ({"words": "down up"}, False, "every word must occur"),
    ({"words": "  "}, True, "no word is asked for"),
    ({"words": "!"}, False, "what holds no word matches nothing"),
]


@pytest.mark.parametrize(("where", "is_taken", "why"), FILTERS)
def test_a_filter_says_the_same_of_an_event_of_a_problem_and_of_its_causes(where: dict[str, Any], why: str, *, is_taken: bool) -> None:
    assert takes_event(rule(**where), an_event()) is is_taken, why
    assert takes_problem(rule(**where), a_problem()) is is_taken, why
    assert takes_causes(rule(**where, followed=("causes",)), causes()) is is_taken, why


@pytest.mark.parametrize("where", [{"statuses": ("failure",)}, {"projects": ("shop",)}, {"followed": ("events",)}])
def test_what_only_events_have_takes_no_problem(where: dict[str, Any]) -> None:
    assert takes_event(rule(**where), an_event())
    assert not takes_event(rule(**where), an_event(status="success", project="hall")) or where == {"followed": ("events",)}
    assert not takes_problem(rule(**where), a_problem())


def test_who_follows_problems_is_told_no_event() -> None:
    assert not takes_event(rule(followed=("problems",)), an_event())
    assert takes_problem(rule(followed=("problems",)), a_problem())


def test_another_tenants_records_are_never_taken() -> None:
    assert not takes_event(rule(tenant="other"), an_event())
    assert not takes_problem(rule(tenant="other"), a_problem())
    assert not takes_causes(rule(tenant="other", followed=("causes",)), causes())


@pytest.mark.parametrize(
    ("allowed", "groups", "is_taken"),
    [
        ([], None, True),
        ([], (), True),
        (["ops"], None, True),
        (["ops"], (), False),
        (["ops"], ("dev",), False),
        (["ops", "dev"], ("dev", "qa"), True),
    ],
)
def test_a_restricted_event_is_told_to_who_shares_a_group(allowed: list[str], groups: tuple[str, ...] | None, *, is_taken: bool) -> None:
    assert takes_event(rule(groups), an_event(allowed_groups=allowed)) is is_taken


def test_a_deleted_version_is_told_like_any_other() -> None:
    assert takes_event(rule(services=("checkout",)), an_event(is_deleted=True, version=2))


@pytest.mark.parametrize("transition", ["opened", "reopened", "closed", "timed_out", "deleted"])
def test_every_transition_but_a_refresh_is_told_unasked(transition: str) -> None:
    assert takes_problem(rule(), a_problem(transition=transition))


def test_a_refresh_is_told_where_it_is_named() -> None:
    assert not takes_problem(rule(), a_problem(transition="refreshed"))
    assert takes_problem(rule(transitions=("refreshed",)), a_problem(transition="refreshed"))
    assert not takes_problem(rule(transitions=("refreshed",)), a_problem(transition="opened"))


def test_causes_are_told_to_who_names_them() -> None:
    assert not takes_causes(rule(), causes())
    assert not takes_causes(rule(followed=("events", "problems")), causes())
    assert takes_causes(rule(followed=("problems", "causes")), causes())


@pytest.mark.parametrize("columns", [{"is_news": False}, {"is_deleted": True}, {"is_news": False, "is_deleted": True}])
def test_what_is_no_news_is_told_to_nobody(columns: dict[str, bool]) -> None:
    assert not takes_causes(rule(followed=("causes",)), causes(**columns))


@pytest.mark.parametrize("where", [{"statuses": ("failure",)}, {"statuses": ("",)}, {"projects": ("shop",)}, {"projects": ("",)}])
def test_what_only_events_have_takes_no_causes(where: dict[str, Any]) -> None:
    assert not takes_causes(rule(**where, followed=("causes",)), causes())


def test_a_verdict_says_nothing_of_events_and_problems_and_a_transition_nothing_of_causes() -> None:
    everything = ("events", "problems", "causes")
    choosy = rule(followed=everything, verdicts=("none", "likely"), transitions=("closed",))
    assert takes_event(choosy, an_event())
    assert takes_problem(choosy, a_problem(transition="closed"))
    assert takes_causes(choosy, causes())
    assert not takes_causes(choosy, causes(verdict="possible"))


def test_who_was_told_of_a_verdict_is_told_that_it_is_another_one() -> None:
    choosy = rule(followed=("causes",), verdicts=("likely", "possible"))
    assert takes_causes(choosy, causes(verdict="none", previous_verdict="likely", revision=2))
    assert not takes_causes(choosy, causes(verdict="none", previous_verdict="unknown", revision=2))
    assert takes_causes(rule(followed=("causes",)), causes(verdict="none", previous_verdict="unknown", revision=2))


def test_transitions_say_nothing_of_events() -> None:
    assert takes_event(rule(transitions=("closed",)), an_event())


def test_a_filter_on_the_log_of_before_follows_what_it_followed() -> None:
    assert msgspec.json.decode(b"{}", type=Filter).followed == ("events", "problems")
    assert msgspec.json.encode(Filter()) == b"{}"


@pytest.mark.parametrize(
    "filter_json", [b'{"kinds":["Incident"],"statuses":["FAILURE","failure"]}', b'{"kinds":["incident"],"statuses":["failure"]}']
)
def test_a_filter_that_was_stored_with_capitals_asks_for_what_is_stored(filter_json: bytes) -> None:
    where = msgspec.json.decode(filter_json, type=Filter)
    assert where == Filter(kinds=("incident",), statuses=("failure",))
    assert takes_event(Rule(id="s", tenant="acme", revision=1, where=where, created_at=T0), an_event())
