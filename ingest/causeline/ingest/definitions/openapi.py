"""OpenAPI of `/v1/dora/definition`, from the bounds that the parser uses, and what each member means in words."""

from typing import Any, Final

from causeline.ingest.definitions import requests
from causeline.ingest.definitions.http import DEFINITION_PATH
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dora.globs import MAX_GLOB
from causeline.schemas.dora.view import MAX_VERSIONS
from causeline.schemas.web.openapi import object_schema, ref

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": requests.MAX_ENVIRONMENT_NAME}
_GLOB: Final = {**_NAME, "maxLength": MAX_GLOB}


def _list(one: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": one, "maxItems": requests.MAX_NAMES_OF_LIST, "description": description, **more}


_ATTRIBUTION: Final = {
    "rule": {
        "type": "string",
        "enum": list(requests.RULES),
        "description": "Which deployment a problem belongs to: `causes`, what people confirmed, else the likeliest cause where the verdict "
        "on the problem is `likely`, else none; `latest`, the latest successful deployment of its service and environment before it",
    },
    "window": {
        "type": ["string", "null"],
        "description": "The longest time from the end of a deployment to the problem that is inferred to be its failure, such as `24h`, at "
        "most `365d`; null for none. What people confirmed counts at any distance",
    },
}
_HOTFIX: Final = {
    "tags": _list(_NAME, "Tags that mark a deployment as a hotfix"),
    "branches": _list(_GLOB, "Branches of hotfixes: `*` is any text, `?` one character, in any letter case"),
    "titles": _list(_GLOB, "Titles of hotfixes, alike"),
}
_MEMBERS: Final = {
    "production": _list(
        _NAME, "Environments whose deployments and problems count, in any letter case, by their names or aliases", minItems=1
    ),
    "aliases": {
        "type": "object",
        "additionalProperties": _list(_NAME, "Other names of the environment"),
        "maxProperties": requests.MAX_NAMES_OF_LIST,
        "description": "Other names of environments; each means one environment",
    },
    "default_environment": {**_NAME, "description": "The environment of an event that names none, as CTO.ai's need not"},
    "attribution": object_schema(_ATTRIBUTION),
    "hotfix": object_schema(_HOTFIX),
    "timeouts": {
        "type": "string",
        "enum": list(requests.TIMEOUTS),
        "description": "Whether a problem that ended because nobody reported it any more counts in recovery times",
    },
    "tz": {"type": "string", "description": "The IANA zone of questions that name none, such as Europe/Berlin"},
}
_VERSION: Final = {"type": "integer", "minimum": 1, "maximum": MAX_VERSIONS, "description": "1 where nothing was ever changed"}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


def _body() -> dict[str, Any]:
    members = {name: _optional(schema) for name, schema in _MEMBERS.items()}
    for name, own in (("attribution", _ATTRIBUTION), ("hotfix", _HOTFIX)):
        members[name] = {"type": ["object", "null"], "properties": own, "additionalProperties": False}
    own_version = {"description": "Not read: the server counts"}
    return {"type": "object", "properties": {"version": own_version, **members}, "additionalProperties": False}


SCHEMAS: Final[dict[str, Any]] = {
    "DoraDefinition": object_schema({"version": _VERSION, **_MEMBERS}),
    "NewDoraDefinition": _body(),
}
_SHOWN: Final = {"application/json": {"schema": ref("DoraDefinition")}}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and content is answered with the version of the first one while the key is known; other "
    "content is 409",
    "schema": KEY_SCHEMA,
}
_ASKED: Final = {
    "name": "version",
    "in": "query",
    "required": False,
    "description": "A version instead of the one that holds",
    "schema": {"type": "integer", "minimum": 1},
}
_UNSURE: Final = {"description": "Not known to be durable; repeat after Retry-After seconds"}

PATHS: Final[dict[str, Any]] = {
    DEFINITION_PATH: {
        "get": {
            "operationId": "getDoraDefinition",
            "summary": "What the tenant's DORA metrics mean",
            "tags": ["Native"],
            "parameters": [_ASKED],
            "responses": {
                "200": {"description": "The definition that holds, or a version of it", "content": _SHOWN},
                "400": {"description": "A parameter that is none"},
                "404": {"description": "There is no such version"},
                "503": {"description": "The configuration is not read yet; repeat after Retry-After seconds"},
            },
        },
        "put": {
            "operationId": "putDoraDefinition",
            "summary": "Say what the tenant's DORA metrics mean from here on",
            "description": "The whole is replaced: a member that is absent or null is what version 1 says, but `attribution.window`, where "
            "null is none. A change is the next version; the old ones stay, and can be asked for. Where nothing changes the version stays. "
            "Takes the scope `admin`.",
            "tags": ["Native"],
            "parameters": [_KEY],
            "requestBody": {"required": True, "content": {"application/json": {"schema": ref("NewDoraDefinition")}}},
            "responses": {
                "200": {"description": "The definition with its version", "content": _SHOWN},
                "409": {"description": f"There are {MAX_VERSIONS:,} versions; or the key came with other content"},
                "413": {"description": "Too many bytes"},
                "422": {
                    "description": "A member breaks a rule, `errors` names all that do, as `attribution.window` or `hotfix.branches[3]`"
                },
                "503": _UNSURE,
            },
        },
    },
}
