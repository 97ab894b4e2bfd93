"""Every native operation names a parameter that it does not know, and a cursor that is damaged or of another list; paths are UTF-8.

The operations come from the document, so that one that is added is held to it as well.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from causeline.deploy.server.openapi.document import openapi_document
from causeline.deploy.server.routing import ApiPaths
from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.web.seals import seal_place
from tests.access_server import EXAMPLE_ID, TENANT, AccessServer, Sent

DOCUMENT: Final = json.loads(json.dumps(openapi_document()))
METHODS: Final = ("get", "post", "put", "patch", "delete")
FOREIGN_CURSORS: Final = ("x", "web", "%20a", seal_place(b"web", [("", "another list")]), "\u00e9")
SHARED: Final = ("/v1/accounts/",)
"""Paths below `/v1/` that are another API's."""


class Operation(NamedTuple):
    method: str
    path: str
    parameters: tuple[str, ...]
    has_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def sent(self, query: str, place: str = EXAMPLE_ID) -> Sent:
        parts = [place if part.startswith("{") else part for part in self.path.split("/")]
        body = b"{}" if self.has_body else b""
        fields = {"content-type": "application/json", "content-length": "2"} if body else {}
        return Sent(self.method, "/".join(parts), query, body, fields)


def operations() -> Iterator[Operation]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                names = tuple(one["name"] for one in item[method].get("parameters", ()) if one["in"] == "query")
                yield Operation(method.upper(), path, names, "requestBody" in item[method])


APIS: Final = (*DIALECTS, REGISTRY)
APIS_BY_PATH: Final = ApiPaths(APIS)
ALL: Final = list(operations())
NATIVE_ONES: Final = [one for one in ALL if one.path.startswith("/v1/") and not one.path.startswith(SHARED)]


@pytest.fixture
def server() -> AccessServer:
    return AccessServer(is_auth_required=False)


def fields(body: bytes) -> list[str]:
    return [error["field"] for error in json.loads(body)["errors"]]


def test_the_native_operations_are_all_there() -> None:
    assert len(NATIVE_ONES) > 30
    assert {"/v1/services", "/v1/feedback", "/v1/causes", "/v1/events/{id}/effects"} <= {one.path for one in NATIVE_ONES}


@pytest.mark.parametrize("operation", NATIVE_ONES, ids=str)
async def test_a_parameter_that_is_none_is_refused_by_its_name(server: AccessServer, operation: Operation) -> None:
    answer = await server.send(operation.sent("colour=red"))
    assert answer.status == 400, answer.body
    assert "colour" in fields(answer.body)
    assert b"is not a parameter of this call" in answer.body


@pytest.mark.parametrize("operation", [one for one in NATIVE_ONES if "cursor" in one.parameters], ids=str)
@pytest.mark.parametrize("cursor", FOREIGN_CURSORS)
async def test_a_cursor_that_is_damaged_or_another_lists_is_refused(server: AccessServer, operation: Operation, cursor: str) -> None:
    answer = await server.send(operation.sent(f"cursor={cursor}"))
    assert answer.status == 400, answer.body
    assert fields(answer.body) == ["cursor"]


async def test_every_list_that_goes_on_takes_a_cursor() -> None:
    def names(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
            for one in value.values():
                yield from names(one)

    for one in NATIVE_ONES:
        schema = DOCUMENT["paths"][one.path][one.method.lower()]["responses"].get("200", {})
        if one.method == "GET" and "next_cursor" in names(schema):
            assert "cursor" in one.parameters, one


@pytest.mark.parametrize("operation", [one for one in ALL if "{" in one.path], ids=str)
async def test_a_path_that_was_no_utf_8_is_refused_in_the_words_of_its_api(server: AccessServer, operation: Operation) -> None:
    answer = await server.send(operation.sent("", "a\ufffdb"))
    assert answer.status == 400, answer.body
    assert b"percent-encoded UTF-8" in answer.body
    assert answer.headers["Content-Type"] in {api.envelope.media for api in APIS if api.name == APIS_BY_PATH.api_of(operation.path).name}


async def test_a_name_that_no_path_could_say_is_no_service(server: AccessServer) -> None:
    body = json.dumps({"name": "a\ufffdb"}).encode()
    header_fields = {"content-type": "application/json", "content-length": str(len(body)), "causeline-tenant": TENANT}
    answer = await server.send(Sent("POST", "/v1/services", "", body, header_fields))
    assert (answer.status, fields(answer.body)) == (422, ["name"])
