"""One OpenAPI 3.1 document out of the slices' parts."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from causeline.deploy.server.openapi import errors, redelivery, registry
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.write_api import WriteApi
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.read_api import ReadApi
from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.values.json_object import Json
from causeline.schemas.web.api import Api
from causeline.schemas.web.openapi import OpenApiPart

_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `causeline token create`, or a JWT"},
    "deskToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Api-token TOKEN`, as clients of the DESK Events API v1 send it",
    },
    "registryToken": {
        "type": "http",
        "scheme": "basic",
        "description": "For `/schemas`, `/subjects`, `/config` and `/mode`: any user, the token as password",
    },
}


def _name_schemas(operation: Json, schemas: Json) -> Json:
    """Return an operation whose body and answers refer to schemas by name; one that has none is named after it, and put into `schemas`.

    Generators make a type of each name; of a schema in place they make none, or one whose name meets another's.
    """
    name = operation["operationId"][0].upper() + operation["operationId"][1:]
    responses = {status: _referring(f"{name}Answer", answer, schemas) for status, answer in operation["responses"].items()}
    body = {"requestBody": _referring(f"{name}Body", operation["requestBody"], schemas)} if "requestBody" in operation else {}
    return {**operation, **body, "responses": responses}


def _referring(name: str, part: Json, schemas: Json) -> Json:
    """Return a body or an answer that refers to its schema; of several media, each that says something else has a name of its own."""
    content = {}
    for media, media_type in part.get("content", {}).items():
        schema = media_type["schema"]
        if "$ref" not in schema:
            own = name if schemas.setdefault(name, schema) == schema else f"{name}Of{media.rpartition('/')[2].title().replace('-', '')}"
            schemas[own] = schema
            schema = {"$ref": f"#/components/schemas/{own}"}
        content[media] = {**media_type, "schema": schema}
    return {**part, "content": content}


def _without_titles(schemas: Json) -> Json:
    """Return the schemas without titles of their own, by which a generator would call them: they have names here."""
    return {name: {word: value for word, value in schema.items() if word != "title"} for name, schema in schemas.items()}


class _ServedOperation(NamedTuple):
    """An operation and the APIs that serve it: one, or several that share its path."""

    operation: Json
    apis: tuple[Api, ...]


def _operations(parts: Iterable[tuple[Api, OpenApiPart]]) -> dict[tuple[str, str], _ServedOperation]:
    """Return the operations by path and method, those of shared paths as each of their APIs makes them."""
    operations: dict[tuple[str, str], _ServedOperation] = {}
    shares = []
    for api, part in parts:
        for path, item in part.paths.items():
            operations |= {(path, method): _ServedOperation(operation, (api,)) for method, operation in item.items()}
        shares += [(api, (path, method), share) for path, item in part.shares.items() for method, share in item.items()]
    for api, place, share in shares:
        operations[place] = _ServedOperation(share(operations[place].operation), (*operations[place].apis, api))
    return operations


def openapi_document(writing: Iterable[WriteApi] = WRITE_APIS, reading: Iterable[ReadApi] = READ_APIS) -> dict[str, Any]:
    """Return the document that `/openapi.json` serves: paths and schemas of the writing and the reading sides, merged by path."""
    parts: list[tuple[Api, OpenApiPart]] = [(one.dialect, one.openapi) for one in writing]
    parts += [(one.dialect, one.openapi) for one in reading]
    parts += [(REGISTRY, registry.PART), (NATIVE, redelivery.PART)]
    schemas: dict[str, Any] = {}
    for _, part in parts:
        schemas.update(part.schemas)
    operations = _operations(parts)
    paths: dict[str, Any] = {}
    for (path, method), (operation, apis) in operations.items():
        paths.setdefault(path, {})[method] = _name_schemas(errors.with_refusals(path, operation, apis), schemas)
    refusals = errors.refusal_schemas([entry.apis for entry in operations.values()])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Causeline",
            "version": version("causeline"),
            "summary": "Every change and every problem of a fleet, queryable by time.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": _without_titles(schemas | refusals), "securitySchemes": _SCHEMES},
        # Empty first: on a server without authentication no credentials are needed.
        "security": [{}, *({name: []} for name in _SCHEMES)],
    }
