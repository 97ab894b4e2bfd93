"""Scope and environment: the closest relation counts, and rare tags more than common ones."""

from typing import Any

import pytest

from causeline.query_api.causes.model import DEFAULT_MODEL
from causeline.query_api.causes.scope import SCOPE_ORDER, rarity, relate, weigh_environment, weigh_scope
from tests.unit.query_api.causes.samples import CONTEXT, PROBLEM, change, problem


@pytest.mark.parametrize(
    ("fields", "relation"),
    [
        ({"entities": frozenset({"HOST-2", "HOST-9"}), "service": "checkout"}, "same_entity"),
        ({"service": "checkout", "tags": {"region": "eu"}}, "same_service"),
        ({"service": "payments", "tags": {"region": "eu"}}, "dependency"),
        ({"service": "database"}, "dependency"),
        ({"service": "frontend"}, "dependent"),
        ({"service": "search", "tags": {"team": "shop"}}, "same_tag"),
        ({"service": "search", "tags": {"team": "eu"}, "environment": "production"}, "same_environment"),
        ({"service": "search", "environment": "staging"}, "other"),
        ({"entities": frozenset({"HOST-9"})}, "other"),
        ({}, "unscoped"),
        ({"environment": "production"}, "unscoped"),
        ({"entities": frozenset({"*"})}, "unscoped"),
        ({"service": "*"}, "unscoped"),
    ],
)
def test_the_closest_relation_counts(fields: dict[str, Any], relation: str) -> None:
    assert relate(PROBLEM, change(**fields), CONTEXT) == relation


def test_what_the_problem_does_not_name_relates_to_nothing() -> None:
    nothing = problem(service="", environment="", entities=frozenset({"", "*"}), tags={})
    assert relate(nothing, change(service="checkout", entities=frozenset({"", "*"}), tags={"a": "b"}), CONTEXT) == "other"


LEVELS: list[dict[str, Any]] = [
    {"entities": frozenset({"HOST-1"})},
    {"service": "checkout"},
    {"service": "payments"},
    {"service": "ledger"},
    {"service": "database"},
    {"service": "frontend"},
    {"service": "search", "tags": {"region": "eu", "team": "shop"}},
    {"service": "search", "tags": {"region": "eu"}},
    {"service": "search"},
]


def test_what_is_closer_never_weighs_less() -> None:
    scores = [DEFAULT_MODEL.score(weigh_scope(PROBLEM, change(**fields), CONTEXT).terms) for fields in LEVELS]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    weights = [DEFAULT_MODEL.weights[name] for name in SCOPE_ORDER]
    assert weights == sorted(weights, reverse=True)


def test_a_service_that_no_problem_names_is_not_held_against_a_change() -> None:
    homeless = problem(service="", entities=frozenset())
    assert weigh_scope(homeless, change(service="search"), CONTEXT).terms == weigh_scope(PROBLEM, change(), CONTEXT).terms


@pytest.mark.parametrize(
    ("count", "documents", "value"), [(1, 100, 1), (10, 100, 0.5), (100, 100, 0), (500, 100, 0), (0, 100, 1), (1, 0, 0)]
)
def test_what_occurs_everywhere_is_not_rare(count: int, documents: int, value: float) -> None:
    assert rarity(count, documents) == pytest.approx(value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"entities": frozenset({"HOST-1", "HOST-2"})}, "changed HOST-1 itself"),
        ({"service": "checkout"}, "changed checkout itself"),
        ({"service": "payments"}, "changed payments, which checkout calls"),
        ({"service": "checkout", "files": "a.py and 2 more"}, "changed files of checkout: a.py and 2 more"),
        ({"service": "payments", "files": "b.py"}, "changed files of payments, which checkout calls: b.py"),
        ({"service": "frontend", "files": "c.py"}, "changed files of frontend, which calls checkout: c.py"),
        ({"service": "search", "files": "d.py"}, "changed files of search, no known relation: d.py"),
        ({"service": "ledger"}, "changed ledger, which checkout depends on, 2 calls away"),
        ({"service": "frontend"}, "changed frontend, which calls checkout"),
        ({"service": "search", "tags": {"team": "shop", "region": "eu"}}, "shares team=shop"),
        ({"service": "search"}, "changed search, no known relation"),
        ({}, "is for everything"),
    ],
)
def test_the_reason_names_what_both_have(fields: dict[str, Any], text: str) -> None:
    assert weigh_scope(PROBLEM, change(**fields), CONTEXT).text == text


@pytest.mark.parametrize(
    ("environment", "text"),
    [("production", "in production as well"), ("Production ", "in Production  as well"), ("staging", "in staging, not in production")],
)
def test_environments_are_compared_without_letter_case(environment: str, text: str) -> None:
    evidence = weigh_environment(PROBLEM, change(environment=environment))
    assert evidence is not None
    assert evidence.text == text


def test_an_unknown_environment_says_nothing() -> None:
    assert weigh_environment(PROBLEM, change()) is None
    assert weigh_environment(problem(environment=""), change(environment="staging")) is None
