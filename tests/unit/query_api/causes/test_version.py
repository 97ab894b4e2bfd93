"""Version: what the problem names, and which change brought it."""

from typing import Any

import pytest

from causeline.query_api.causes.versions import weigh_version
from tests.unit.query_api.causes.samples import change, problem

COMMIT = "3f2a9c1d77"


@pytest.mark.parametrize(
    ("said", "brought"),
    [
        ({"title": "Errors in checkout 1.4.2"}, {"release": "1.4.2"}),
        ({"title": "Errors in checkout v1.4.2"}, {"release": "1.4.2"}),
        ({"title": "Errors since version 7"}, {"release": "v7"}),
        ({"tags": {"version": "1.4"}}, {"release": "1.4"}),
        ({"tags": {"release": "1.4"}}, {"tags": {"version": "1.4"}}),
        ({"text": f"bisected to {COMMIT}"}, {"commit": COMMIT + "0" * 30}),
        ({"tags": {"commit": COMMIT}}, {"commit": COMMIT.upper()[:7]}),
        ({"title": "new-basket.v2 throws"}, {"tags": {"flag": "new-basket.v2"}}),
        ({"tags": {"config_key": "pool.size"}}, {"tags": {"key": "pool.size"}}),
        ({"text": "image shop/checkout:abc pulled"}, {"tags": {"image": "shop/checkout:abc"}}),
    ],
)
def test_the_change_that_brought_what_the_problem_names_gains(said: dict[str, Any], brought: dict[str, Any]) -> None:
    evidence = weigh_version(problem(**{"tags": {}, **said}), change(**brought))
    assert evidence is not None
    assert [term.value for term in evidence.terms] == [1]
    assert evidence.text.endswith(", which the problem names")


@pytest.mark.parametrize(
    ("said", "fields", "says"),
    [
        ({"tags": {"version": "1.4"}}, {"release": "1.5", "service": "checkout"}, True),
        ({"tags": {"commit": COMMIT}}, {"commit": "9" * 10, "service": "checkout"}, True),
        ({"tags": {"version": "1.4"}}, {"release": "1.5", "service": "payments"}, False),
        ({"tags": {"version": "1.4"}}, {"commit": COMMIT, "service": "checkout"}, False),
        ({"tags": {"version": "1.4"}}, {"service": "checkout"}, False),
        ({"title": "Errors in checkout v1.4.2"}, {"release": "1.5", "service": "checkout"}, True),
        ({"title": "checkout version 7 fails"}, {"release": "8", "service": "checkout"}, True),
        ({"title": "checkout: PostgreSQL 14.2.1 refuses"}, {"release": "1.5", "service": "checkout"}, False),
        ({"title": "trace 4bf92f3577b34da6"}, {"commit": "9" * 10, "service": "checkout"}, False),
        ({}, {"release": "1.5", "service": "checkout"}, False),
    ],
)
def test_another_version_of_that_service_loses_as_much(said: dict[str, Any], fields: dict[str, Any], says: bool) -> None:  # noqa: FBT001 a column
    evidence = weigh_version(problem(**{"tags": {}, **said}), change(**fields))
    assert (evidence and [term.value for term in evidence.terms]) == ([-1] if says else None)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"title": "10.0.0.1 does not answer"}, {"release": "10.0.0"}),
        ({"title": "1.4 seconds to answer"}, {"release": "1.4"}),
        ({"title": "defaced feedback"}, {"commit": "defaced000"}),
        ({"title": "1234567 errors"}, {"commit": "1234567000"}),
        ({"title": "checkout is slow"}, {"tags": {"flag": "checkout"}}),
        ({"title": "my-basket2 is slow"}, {"tags": {"flag": "my-basket"}}),
    ],
)
def test_what_may_mean_anything_is_no_name(said: dict[str, Any], fields: dict[str, Any]) -> None:
    assert weigh_version(problem(**{"tags": {}, **said}), change(service="checkout", **fields)) is None
