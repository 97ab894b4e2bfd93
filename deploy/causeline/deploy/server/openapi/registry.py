"""OpenAPI path items of the schema registry. The routes of `registry_http.py` and the paths below change together (a test compares)."""

from typing import Final

from causeline.deploy.server.registry_http import LOOK_UP, LOOK_UP_MEDIA
from causeline.schemas.catalog.registry_api import REGISTRY, REGISTRY_MEDIA
from causeline.schemas.catalog.registry_views import AVRO, COMPATIBILITY
from causeline.schemas.values.json_object import Json
from causeline.schemas.web.openapi import OpenApiPart

_TEXT: Final[Json] = {"type": "string"}
_NUMBER: Final[Json] = {"type": "integer"}
_SCHEMA: Final[Json] = {"type": "string", "description": "The Avro schema as JSON text"}
_AVRO: Final[Json] = {"type": "object", "description": "An Avro schema"}
_NO_SCHEMA: Final[Json] = {"404": {"description": "40403: no such schema"}}
_NO_SUBJECT: Final[Json] = {"404": {"description": "40401: no such subject"}}
_NO_VERSION: Final[Json] = {
    "404": {"description": "40401: no such subject; 40402: no such version"},
    "422": {"description": "42202: a version is a number from 1, or `latest`"},
}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _many(items: Json) -> Json:
    return {"type": "array", "items": items}


def _parameter(name: str, description: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": _TEXT}


_ID: Final = _parameter("id", "The id behind the magic byte of a record, 4 bytes big endian")
_SUBJECT: Final = _parameter("subject", "`<topic>-value`, for every public topic")
_VERSION: Final = _parameter("version", "A number from 1, or `latest`")
_PREFIX: Final = {"name": "subjectPrefix", "in": "query", "required": False, "description": "Subjects that start so", "schema": _TEXT}
_USE: Final = _object(subject=_TEXT, version=_NUMBER)
_SHOWN: Final = _object(subject=_TEXT, version=_NUMBER, id=_NUMBER, schema=_SCHEMA)
_LEVEL: Final = _object(compatibilityLevel={"type": "string", "enum": [COMPATIBILITY]})
_READONLY: Final = _object(mode={"type": "string", "enum": ["READONLY"]})


def _operation(name: str, summary: str, answer: Json, parameters: list[Json], errors: Json) -> Json:
    content = {REGISTRY_MEDIA: {"schema": answer}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [REGISTRY.title],
        "parameters": parameters,
        "responses": {"200": {"description": summary, "content": content}, **errors},
    }


def _get(name: str, summary: str, answer: Json, *parameters: Json, errors: Json | None = None) -> Json:
    return {"get": _operation(name, summary, answer, list(parameters), errors or {})}


def _look_up() -> Json:
    body = {"type": "object", "properties": {"schema": _SCHEMA, "schemaType": {"type": "string", "enum": [AVRO]}}, "required": ["schema"]}
    refusals = {
        "404": {"description": "40401: no such subject; 40403: the subject has no such schema"},
        "422": {"description": "42201: not an Avro schema"},
    }
    operation = _operation("registryLookUp", "The version of a subject that equals a schema", _SHOWN, [_SUBJECT], refusals)
    return {"post": {**operation, "requestBody": {"required": True, "content": {media: {"schema": body} for media in LOOK_UP_MEDIA}}}}


_PATHS: Final[Json] = {
    "/schemas/types": _get("registryTypes", "The kinds of schemas", _many(_TEXT)),
    "/schemas/ids/{id}": _get("registrySchema", "A schema by its id", _object(schema=_SCHEMA), _ID, errors=_NO_SCHEMA),
    "/schemas/ids/{id}/schema": _get("registrySchemaText", "A schema by its id, nothing around it", _AVRO, _ID, errors=_NO_SCHEMA),
    "/schemas/ids/{id}/subjects": _get("registrySchemaSubjects", "The subjects of a schema", _many(_TEXT), _ID, errors=_NO_SCHEMA),
    "/schemas/ids/{id}/versions": _get(
        "registrySchemaVersions", "The subjects and versions of a schema", _many(_USE), _ID, errors=_NO_SCHEMA
    ),
    "/subjects": _get("registrySubjects", "The subjects of the public topics", _many(_TEXT), _PREFIX),
    LOOK_UP: _look_up(),
    "/subjects/{subject}/versions": _get("registryVersions", "The versions of a subject", _many(_NUMBER), _SUBJECT, errors=_NO_SUBJECT),
    "/subjects/{subject}/versions/{version}": _get(
        "registryVersion", "A version of a subject", _SHOWN, _SUBJECT, _VERSION, errors=_NO_VERSION
    ),
    "/subjects/{subject}/versions/{version}/schema": _get(
        "registryVersionText", "The schema of a version, nothing around it", _AVRO, _SUBJECT, _VERSION, errors=_NO_VERSION
    ),
    "/config": _get("registryConfig", "How schemas evolve", _LEVEL),
    "/config/{subject}": _get("registrySubjectConfig", "How the schemas of a subject evolve", _LEVEL, _SUBJECT, errors=_NO_SUBJECT),
    "/mode": _get("registryMode", "Nothing is registered here", _READONLY),
}

PART: Final = OpenApiPart(_PATHS)
