"""OpenAPI of `/v1/services`: paths and schemas, from the bounds that the parser uses."""

from typing import Any, Final

from causeline.ingest.bodies.items import MAX_ITEMS, NDJSON
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.ingest.services import requests
from causeline.schemas.topology.paths import MAX_FILE_PATH
from causeline.schemas.topology.repos import MAX_REPO
from causeline.schemas.web.listing import LIST_DEFAULT, LIST_MOST

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_TAGS: Final = ["Native"]
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": requests.MAX_SERVICE_NAME}
_LISTS: Final = {
    "depends_on": "What it needs: names or aliases of services, described or not; cycles are allowed",
    "paths": "Git's wildcards of the files in `repo` that it is made from",
    "aliases": "Other names that events use for it; each belongs to one service",
}
_TEXTS: Final = {
    "owner": ("Who answers for it", requests.MAX_SERVICE_NAME),
    "team": ("Team", requests.MAX_SERVICE_NAME),
    "repo": ("Repository, as CI names it or as organisation/name", MAX_REPO),
}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(description: str, one: dict[str, Any], *, is_optional: bool) -> dict[str, Any]:
    kind = ["array", "null"] if is_optional else "array"
    return {"type": kind, "items": one, "maxItems": requests.MAX_NAMES, "description": description}


def _members(*, is_optional: bool) -> dict[str, Any]:
    items = {"depends_on": _NAME, "aliases": _NAME, "paths": {**_NAME, "maxLength": MAX_FILE_PATH}}
    texts = {
        name: {"type": ["string", "null"], "minLength": 1, "maxLength": longest, "description": description}
        for name, (description, longest) in _TEXTS.items()
    }
    tier = {"type": ["integer", "null"], "minimum": 0, "maximum": requests.MAX_TIER, "description": "How much depends on it, 1 is most"}
    return {name: _list(text, items[name], is_optional=is_optional) for name, text in _LISTS.items()} | texts | {"tier": tier}


def _body(name: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"name": name, **_members(is_optional=True)}, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


_SHOWN: Final = {"name": _NAME, **_members(is_optional=False), "updated_at": _TIME}
_ERRORS: Final = {"type": "array", "items": _object({"field": _TEXT, "message": _TEXT}, "field", "message")}

SCHEMAS: Final[dict[str, Any]] = {
    "Service": _object(_SHOWN, *_SHOWN),
    "ServiceBody": _body({"type": ["string", "null"], "description": "The name in the path, where it is said again"}),
    "NewService": _body(_NAME, "name"),
    "ServiceResult": _object({"status": {"enum": ["accepted", "rejected"]}, "name": _TEXT, "errors": _ERRORS}, "status"),
    "ServiceResults": _object(
        {
            "accepted": {"type": "integer"},
            "rejected": {"type": "integer"},
            "results": {"type": "array", "items": _ref("ServiceResult"), "description": "In the order sent"},
        },
        "accepted",
        "rejected",
        "results",
    ),
}

_PATH_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "Name as events say it; a slash in it is written %2F",
    "schema": _NAME,
}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and content changes nothing while the key is known; other content is 409",
    "schema": KEY_SCHEMA,
}
_INVALID: Final = {"description": "A member breaks a rule, `errors` names all that do; or there are too many services"}
_CONFLICT: Final = {"description": "A name or an alias is another service's, which the message names; or the key came with other content"}
_UNSURE: Final = {"description": "Not known to be durable; repeat after Retry-After seconds"}
_REFUSED: Final = {"409": _CONFLICT, "413": {"description": "Too many bytes or services"}, "422": _INVALID, "503": _UNSURE}


def _ok(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(name: str, summary: str, responses: dict[str, Any], *parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "tags": _TAGS, "parameters": list(parameters), "responses": responses, **more}


def _query(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema, **more}


_SEVERAL: Final = {"type": "array", "items": _ref("NewService"), "maxItems": MAX_ITEMS}
_PAGE: Final = _object(
    {
        "services": {"type": "array", "items": _ref("Service")},
        "next_cursor": {"type": ["string", "null"], "description": "`cursor` of the next page, null after the last one"},
    },
    "services",
    "next_cursor",
)

PATHS: Final[dict[str, Any]] = {
    "/v1/services": {
        "get": _operation(
            "listServices",
            "Services, in the order of names; with `near` the nearest first",
            {"200": _ok("A page", _PAGE)},
            _query("team", "Only of this team; given twice means or", {"type": "array", "items": _TEXT}, style="form", explode=True),
            _query("q", "Only those whose name, or an alias, holds this text, in any letter case", _TEXT),
            _query("depends_on", "Only those that depend on this service (or alias) by themselves", _TEXT),
            _query("near", "Those whose name, or an alias, is most like this text, beside no other filter and no cursor", _TEXT),
            _query(
                "limit",
                "Rows of a page",
                {"type": "integer", "minimum": 1, "maximum": LIST_MOST, "default": LIST_DEFAULT},
            ),
            _query("cursor", "`next_cursor` of the page before", _TEXT),
        ),
        "post": _operation(
            "putServices",
            "Describe several services, each replaced as a whole; or one, answered as by PUT",
            {
                "200": _ok(
                    "A result for each, what is right is stored; of one object the service",
                    {"oneOf": [_ref("ServiceResults"), _ref("Service")]},
                )
            }
            | _REFUSED,
            _KEY,
            requestBody={
                "required": True,
                "content": {
                    "application/json": {"schema": {"oneOf": [_ref("NewService"), _SEVERAL]}},
                    NDJSON: {"schema": {"type": "string", "description": "One service a line"}},
                },
            },
        ),
    },
    "/v1/services/{name}": {
        "put": _operation(
            "putService",
            "Describe a service: the whole record is replaced",
            {"200": _ok("The service", _ref("Service"))} | _REFUSED,
            _PATH_NAME,
            _KEY,
            requestBody={"required": True, "content": {"application/json": {"schema": _ref("ServiceBody")}}},
        ),
        "get": _operation("getService", "One service, by its own name", {"200": _ok("It", _ref("Service"))}, _PATH_NAME),
        "delete": _operation(
            "deleteService",
            "Forget a service; who depends on it still does",
            {"204": {"description": "It is forgotten", "content": {}}, "409": _CONFLICT, "503": _UNSURE},
            _PATH_NAME,
            _KEY,
        ),
    },
}
