"""Refusals are bounded work: lengths before elements, the first broken rules of thousands, an answer of a few kilobytes."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from causeline.ingest.bodies.fast_json import body_object, item_object
from causeline.ingest.bodies.models import validate
from causeline.ingest.dialects.apitraffic import body as apitraffic_models
from causeline.ingest.dialects.desk import body as desk_payload
from causeline.ingest.dialects.native.body import MAX_ELEMENTS, BrokenRules, validate_item
from causeline.ingest.dialects.tracker import body as tracker_models
from causeline.ingest.subscriptions import filters
from causeline.query_api.questions import parameters
from causeline.query_api.questions.parameters import ParsedParameters
from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import MAX_FIELD_ERRORS, FieldError, Invalid, Malformed, RequestError
from causeline.schemas.web.http import MAX_PARAMETERS, HttpRequest

MANY = 400_000
EVENT: dict[str, Any] = {"kind": "deployment", "title": "t"}
DESK = {"eventType": "CUSTOM_INFO", "source": "s", "description": "d"}


def _filter(filters_body: Any) -> None:
    faults: list[FieldError] = []
    filters.filter_of(filters_body, faults)
    raise Invalid.naming(faults)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("native entities", lambda: validate_item(EVENT | {"entities": [1] * MANY})),
    ("native entities within the length", lambda: validate_item(EVENT | {"entities": [1] * MAX_ELEMENTS})),
    ("native groups", lambda: validate_item(EVENT | {"allowed_groups": [None] * MANY})),
    ("native tags", lambda: validate_item(EVENT | {"tags": {str(n): [] for n in range(MAX_ELEMENTS)}})),
    ("native links", lambda: validate_item(EVENT | {"links": {str(n): 1 for n in range(MANY // 4)}})),
    (
        "Tracker stakeHolders",
        lambda: validate(tracker_models.CreateBody, {"title": "t", "attributes": {"stakeHolders": [1] * MANY}}),
    ),
    (
        "ApiTraffic buckets",
        lambda: validate(apitraffic_models.CreateBody, {"type": "custom", "name": "n", "bucketSids": [{}] * MANY}),
    ),
    ("DESK entities", lambda: desk_payload.payload_of(DESK | {"attachRules": {"entityIds": [{}] * MANY}}, desk_payload.DeskRules())),
    ("DESK rules", lambda: desk_payload.payload_of(DESK | {"attachRules": {"tagRule": [{}] * MANY}}, desk_payload.DeskRules())),
    ("subscription values", lambda: _filter({"kind": [1] * MANY})),
    ("subscription members", lambda: _filter({str(n): 1 for n in range(MANY // 4)})),
]


@pytest.mark.parametrize("ask", [ask for _, ask in REFUSED], ids=[name for name, _ in REFUSED])
def test_thousands_of_wrong_elements_are_refused_at_once(ask: Callable[[], object]) -> None:
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        with pytest.raises((RequestError, BrokenRules)):
            ask()
        best = min(best, time.thread_time() - began)
    assert best < 0.1  # what the lists themselves cost to make included; it was 2 s


def test_the_first_wrong_elements_are_named_with_their_place() -> None:
    with pytest.raises(BrokenRules) as refused:
        validate_item(EVENT | {"entities": ["a", 1, "b", None], "tags": {"x": 1, "y": [], "z": None}, "links": {"l": 5}})
    assert [error.field for error in refused.value.errors] == ["tags.y", "entities[1]", "entities[3]", "links.l"]


def test_as_many_elements_as_the_bound_are_taken() -> None:
    assert len(validate_item(EVENT | {"entities": ["e"] * MAX_ELEMENTS})["entities"] or []) == MAX_ELEMENTS
    with pytest.raises(BrokenRules, match="at most 10000"):
        validate_item(EVENT | {"entities": ["e"] * (MAX_ELEMENTS + 1)})


@pytest.mark.parametrize("api", [*DIALECTS, REGISTRY], ids=lambda api: api.name)
def test_an_answer_names_some_tens_of_broken_rules_and_counts_the_rest(api: Api) -> None:
    query = ParsedParameters(parameters.EVENT_PARAMETERS, [(f"p{n}", "x" * 10_000) for n in range(5_000)], 0)
    with pytest.raises(Invalid, match="and 4,950 more") as refused:
        query.check()
    assert len(refused.value.fields) == MAX_FIELD_ERRORS
    assert len(api.refuse(refused.value).body) < 16 << 10
    endless = Invalid("x" * 1_000_000, (FieldError("f" * 1_000_000, "m" * 1_000_000),))
    assert len(api.refuse(endless).body) < 16 << 10


def _request(query: str) -> HttpRequest:
    return HttpRequest("GET", "/v1/events", {}, query, {}, b"", "acme", 0)


def test_a_query_is_utf_8_and_of_bounded_length() -> None:
    assert _request("service=caf%C3%A9&q=a+b&x").query() == [("service", "café"), ("q", "a b"), ("x", "")]
    with pytest.raises(Invalid, match="service: is not") as refused:
        _request("q=x&service=caf%E9").query()
    assert refused.value.fields == (FieldError("service", "is not percent-encoded UTF-8"),)
    with pytest.raises(Invalid, match="2000 parameters"):
        _request("a=b&" * MAX_PARAMETERS + "a=b").query()
    assert len(_request("&".join(["a=b"] * MAX_PARAMETERS)).query()) == MAX_PARAMETERS


@pytest.mark.parametrize(
    "text", [r'"a\ud800b"', r'"\ud800A"', r'"\udc00"', r'"a\ud800"', r'"a\ud800\n"', r'["a\ud800","x"]', r'{"\ud800":1}']
)
def test_a_lone_surrogate_is_called_by_its_name(text: str) -> None:
    with pytest.raises(Malformed, match="lone surrogate"):
        item_object(f'{{"title":{text}}}'.encode())


def test_a_pair_of_surrogates_is_a_character_and_other_faults_keep_their_name() -> None:
    assert item_object(rb'{"title":"\ud83d\ude80"}') == {"title": "\U0001f680"}
    with pytest.raises(Malformed, match="JSON"):
        item_object(rb'{"title":"\u0041",}')


def test_a_byte_order_mark_before_a_body_is_skipped() -> None:
    assert body_object(b"\xef\xbb\xbf" + json.dumps({"name": "n"}).encode()) == {"name": "n"}
