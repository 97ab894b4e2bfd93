"""Whatever a client sends: never a 5xx, and every refusal in the words of the API it spoke to.

Two fuzzers. Schemathesis derives requests from the OpenAPI document, valid and broken ones, and holds the answers against it. The
second one knows no schema: it puts what breaks parsers, databases and logs into every body and every query parameter. Seeds are fixed;
the long runs (`chaos`) draw new ones.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from causeline.deploy.server.openapi import document as openapi
from causeline.deploy.server.routing import ApiPaths
from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.all import DIALECTS
from tests import hostile
from tests.stack import Stack

DOCUMENT: Final = json.loads(json.dumps(openapi.openapi_document()))
METHODS: Final = ("get", "post", "put", "patch", "delete")
CHECKS: Final = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
UNAVAILABLE: Final = 503

BOUNDED = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)
LONG = settings(BOUNDED, max_examples=400, derandomize=False)

TENANT: Final = f"fuzz-{uuid.uuid4().hex}"
TRIED: dict[str, Counter[str]] = {"hostile": Counter(), "described": Counter()}


class Operation(NamedTuple):
    """One method on one path, the names of its query parameters, and the content types of its body."""

    method: str
    path: str
    query: tuple[str, ...]
    media: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


MCP: Final = Operation("post", "/mcp", (), ("application/json",))
"""Not in the document: it describes itself, in its own protocol."""


def operations() -> Iterator[Operation]:
    yield MCP
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                query = tuple(parameter["name"] for parameter in parameters if parameter["in"] == "query")
                yield Operation(method, path, query, tuple(item[method].get("requestBody", {}).get("content", ())))


OPERATIONS: Final = list(operations())
EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def is_json_rpc_error(body: Any) -> bool:
    return body.get("jsonrpc") == "2.0" and {"code", "message"} <= set(body["error"])


def is_problem_details(body: Any) -> bool:
    return {"type", "title", "status", "detail"} <= set(body)


ENVELOPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "tracker": lambda body: set(body) == {"code", "message", "details"},
    "desk": lambda body: {"code", "message"} <= set(body.get("error", ())),
    "native": is_problem_details,
    "cto_ai": lambda body: set(body) == {"name", "message", "code", "errors"},
    "escapekit": lambda body: {"error"} <= set(body) <= {"error", "field"},
    "apitraffic": lambda body: set(body["error"]) == {"message", "fields"},
    "registry": lambda body: set(body) == {"error_code", "message"},
}


_API_PATHS: Final = ApiPaths([*DIALECTS, REGISTRY])
_SHARED: Final = {"/api/v1/events": ("cto_ai", "desk"), "/": ("cto_ai",)}


def envelopes(operation: Operation) -> set[str]:
    """Return in whose words a refusal may be said; two APIs share `/api/v1/events`, and a message to `/` is CTO.ai's."""
    return {_API_PATHS.api_of(operation.path).name, *_SHARED.get(operation.path, ())}


def judge(operation: Operation, answer: httpx.Response) -> None:
    """Fail on a 5xx (but for an honest 503) and on a refusal in foreign words."""
    TRIED["hostile"][str(operation)] += 1
    assert answer.status_code < 500 or answer.status_code == UNAVAILABLE, f"{operation}: {answer.status_code} {answer.text[:500]}"
    if answer.status_code >= 400:
        assert "json" in answer.headers["content-type"], f"{operation}: {answer.headers['content-type']}"
        body = answer.json()
        # What is too large or of another media type is refused before a message is read, as everywhere.
        verdicts = (
            [is_json_rpc_error(body), is_problem_details(body)]
            if operation == MCP
            else [ENVELOPES[envelope](body) for envelope in envelopes(operation)]
        )
        assert any(verdicts), f"{operation}: {answer.status_code} {answer.text[:500]}"


def escaped(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def urlencoded(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs)


IDS: Final = [str(uuid.uuid5(uuid.NAMESPACE_URL, "x")), "acc_abc123", *(text for text in hostile.TEXTS if text.strip("./ "))]


def paths(operation: Operation) -> st.SearchStrategy[str]:
    """Return paths: each parameter a hostile text, or one that may be an id."""
    parts = operation.path.split("/")
    count = sum(part.startswith("{") for part in parts)

    def filled(chosen: list[str]) -> str:
        texts = iter(chosen)
        return "/".join(escaped(next(texts)) if part.startswith("{") else part for part in parts)

    return st.lists(st.sampled_from(IDS), min_size=count, max_size=count).map(filled)


def queries(operation: Operation) -> st.SearchStrategy[str]:
    names = st.sampled_from([*operation.query, *operation.query, "$limit", "cursor", "x'y", "\x00", "team_id"]) | hostile.texts
    return st.lists(st.tuples(names, hostile.texts), max_size=4).map(urlencoded)


@pytest.fixture(scope="module", autouse=True)
def _counted() -> Iterator[None]:
    yield
    for kind, tried in TRIED.items():
        print(f"\nfuzz over HTTP: {tried.total()} {kind} requests to {len(tried)} operations")


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        yield client


def attack(http: httpx.Client, operation: Operation, data: st.DataObject) -> None:
    path = data.draw(paths(operation))
    query = data.draw(queries(operation))
    url = httpx.URL(f"{http.base_url}".rstrip("/")).copy_with(raw_path=f"{path}?{query}".encode())
    headers = {"Causeline-Tenant": TENANT}
    if operation.media:
        headers["Accept"] = "application/json, text/event-stream"
        headers["Content-Type"] = data.draw(st.sampled_from(operation.media))
        headers["Idempotency-Key"] = data.draw(st.sampled_from(["k", "k" * 300, "'; DROP TABLE events; --"]))
    content = data.draw(hostile.bodies) if operation.media else None
    with http.stream(operation.method.upper(), url, content=content, headers=headers) as answer:
        if answer.headers.get("content-type") != "text/event-stream":  # which has no end
            answer.read()
        judge(operation, answer)


@EVERY
@given(data=st.data())
@BOUNDED
def test_hostile_values_are_taken_or_refused_in_the_words_of_the_api(http: httpx.Client, operation: Operation, data: st.DataObject) -> None:
    attack(http, operation, data)


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
@EVERY
@given(data=st.data())
@LONG
def test_hostile_values_at_length(http: httpx.Client, operation: Operation, data: st.DataObject) -> None:
    attack(http, operation, data)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.media], ids=str)
def test_broken_bodies_are_refused_in_the_words_of_the_api(http: httpx.Client, operation: Operation) -> None:
    path = operation.path.replace("{accountSid}", "acc_abc123")
    headers = {"Causeline-Tenant": TENANT, "Accept": "application/json, text/event-stream"}
    for body in hostile.BODIES:
        for media in operation.media:
            judge(operation, http.request(operation.method.upper(), path, content=body, headers=headers | {"Content-Type": media}))


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> Any:
    """Return what is drawn for a body of lines as it is: the document calls it a text."""
    return value.encode() if isinstance(value, str) else hostile.encoded(value)


schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/v1/stream")
"""Without the stream, whose answer has no end to wait for; hostile values are sent to it all the same."""


def test_the_document_is_what_the_server_shows(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/openapi.json").json() == DOCUMENT


@schema.parametrize()
@BOUNDED
def test_answers_are_as_the_document_says(case: schemathesis.Case[Any], stack: Stack) -> None:
    TRIED["described"][case.operation.label] += 1
    case.call_and_validate(base_url=stack.url, headers={"Causeline-Tenant": TENANT}, checks=CHECKS, timeout=60)


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
@schema.parametrize()
@LONG
def test_answers_at_length_are_as_the_document_says(case: schemathesis.Case[Any], stack: Stack) -> None:
    TRIED["described"][case.operation.label] += 1
    case.call_and_validate(base_url=stack.url, headers={"Causeline-Tenant": TENANT}, checks=CHECKS, timeout=60)
