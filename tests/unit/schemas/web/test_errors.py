import json

import pytest

from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.web import errors
from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import FieldError, RequestError

FIELDS = (FieldError("kind", "must not be blank"), FieldError("tags.region", "is no text"))
CASES = [
    (errors.Malformed("not JSON"), 400),
    (errors.Invalid("two rules broken", FIELDS), 400),
    (errors.TooMuch("narrow the window"), 400),
    (errors.NotFound("no such event"), 404),
    (errors.MethodNotAllowed("no", ("GET", "POST")), 405),
    (errors.TooLarge("too large"), 413),
    (errors.UnsupportedMedia("no"), 415),
    (errors.InternalError("internal error"), 500),
    (errors.Unavailable("away"), 503),
    (errors.Overloaded("too much"), 503),
    (errors.TooSlow("narrow it, or ask again"), 503),
    (errors.OverQuota("too many", 3), 429),
    (errors.OverShare("too much of it"), 429),
    (errors.BodyTimeout("too slow"), 408),
]
APIS: list[Api] = [*DIALECTS, REGISTRY]


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda v: type(v).__name__)
def test_every_envelope_says_every_error(api: Api, error: RequestError, status: int) -> None:
    answer = api.refuse(error)
    expected = 422 if api is NATIVE and isinstance(error, errors.Invalid) else status
    assert answer.status == expected
    assert error.message in json.dumps(json.loads(answer.body))
    assert answer.headers["Content-Type"].startswith("application/")


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    assert NATIVE.refuse(errors.MethodNotAllowed("no", ("GET", "POST"))).headers["Allow"] == "GET, POST"


def test_unavailable_says_when_to_come_back() -> None:
    assert TRACKER.refuse(errors.Unavailable("away", 1)).headers["Retry-After"] == "1"


def test_the_native_envelope_is_problem_details_with_the_fields() -> None:
    answer = NATIVE.refuse(errors.Invalid("two rules broken", FIELDS))
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = json.loads(answer.body)
    assert body["status"] == 422
    assert body["title"]
    assert body["errors"] == [{"field": f.field, "message": f.message} for f in FIELDS]


def test_a_bad_query_parameter_of_the_native_api_is_a_400() -> None:
    assert NATIVE.refuse(errors.Invalid("limit", where="QUERY")).status == 400


def test_trackers_envelope_carries_the_grpc_code() -> None:
    assert json.loads(TRACKER.refuse(errors.NotFound("no")).body) == {"code": 5, "message": "no", "details": []}


def test_desks_envelope_lists_constraint_violations() -> None:
    body = json.loads(DESK.refuse(errors.Invalid("two", FIELDS)).body)
    assert [v["path"] for v in body["error"]["constraintViolations"]] == ["kind", "tags.region"]


def test_every_error_has_a_reason_that_the_metric_knows() -> None:
    assert {error.reason for error, _ in CASES} <= set(errors.REASONS)


def test_who_is_over_a_quota_is_told_when_to_come_back_also_over_grpc() -> None:
    refused = errors.OverQuota("too many", 3)
    assert TRACKER.refuse(refused).headers["Retry-After"] == "3"
    assert errors.grpc_code(refused) == 8
    assert errors.grpc_code(errors.Overloaded("too much")) == 14
