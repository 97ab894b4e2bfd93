"""What every operation of the OpenAPI document has in common: the refusals of the shell, and the envelope in which each API says them.

The slices describe what their own handlers answer; what no handler sees (credentials, sizes, media types) and the form of errors are
added here, once. What must change together: the envelopes of `causeline.schemas.web.errors` and the schemas below (fuzzing compares them).
"""

from typing import Any, Final

from causeline.deploy.server.routing import envelope_of
from causeline.ingest.idempotency import HEADER
from causeline.schemas.web.errors import REGISTRY_MEDIA, Envelope

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_CODE: Final[Schema] = {"type": "integer"}
_BY_FIELD: Final[Schema] = {"type": "object", "additionalProperties": _TEXT}


def _object(properties: Schema, required: tuple[str, ...] | None = None) -> Schema:
    needed = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_VIOLATION: Final = _object({"path": _TEXT, "message": _TEXT, "parameterLocation": _TEXT, "location": {"type": ["string", "null"]}})
_ENVELOPES: Final[dict[Envelope, tuple[str, Schema]]] = {
    "tracker": ("TrackerError", _object({"code": {**_CODE, "description": "gRPC code"}, "message": _TEXT, "details": _array({})})),
    "desk": (
        "DeskErrorEnvelope",
        _object(
            {
                "error": _object(
                    {"code": _CODE, "message": _TEXT, "constraintViolations": _array(_VIOLATION)},
                    ("code", "message"),
                )
            }
        ),
    ),
    "cto_ai": ("CtoAiError", _object({"name": _TEXT, "message": _TEXT, "code": _CODE, "errors": _BY_FIELD})),
    "escapekit": ("EscapeKitError", _object({"error": _TEXT, "field": _TEXT}, ("error",))),
    "apitraffic": ("ApiTrafficError", _object({"error": _object({"message": _TEXT, "fields": _BY_FIELD})})),
    "registry": ("RegistryError", _object({"error_code": {**_CODE, "description": "The status, or 40401 and the like"}, "message": _TEXT})),
    "native": (
        "ProblemDetails",
        {
            **_object(
                {
                    "type": _TEXT,
                    "title": _TEXT,
                    "status": _CODE,
                    "detail": _TEXT,
                    "errors": _array(_object({"field": _TEXT, "message": _TEXT})),
                },
                ("type", "title", "status", "detail"),
            ),
            "description": "RFC 9457",
        },
    ),
}
_EITHER: Final = "DeskOrCtoAiError"
SCHEMAS: Final[Schema] = {
    **dict(_ENVELOPES.values()),
    _EITHER: {"anyOf": [{"$ref": f"#/components/schemas/{_ENVELOPES[envelope][0]}"} for envelope in ("desk", "cto_ai")]},
}

_MEDIA: Final[dict[Envelope, str]] = {"native": "application/problem+json", "registry": REGISTRY_MEDIA}

_SHARED: Final[dict[str, tuple[Envelope, ...]]] = {"/api/v1/events": ("desk", "cto_ai"), "/": ("cto_ai",)}
"""Paths of two APIs, each refuses in its own words; and the root, below which all others lie."""

_ANYWHERE: Final[dict[str, str]] = {
    "400": "A parameter cannot be read, or a header: not ASCII, given twice, too long, or empty where it decides something",
    "401": "No credentials, or none that are valid",
    "403": "The credentials lack the scope or belong to another tenant; without authentication, a page of another site asks",
    "503": "Not now; repeat after Retry-After seconds",
}
_WITH_BODY: Final[dict[str, str]] = {
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "415": "A media type or coding that is not spoken; the header Accept or Accept-Encoding says which is",
    "429": "The tenant is over its quota or its share; repeat after Retry-After seconds",
}
_WITH_KEY: Final[dict[str, str]] = {"409": "The Idempotency-Key was used with other content before; nothing is stored"}
_WITH_PATH: Final[dict[str, str]] = {"404": "What the path names is not there"}


def completed(path: str, operation: Schema) -> Schema:
    """Return an operation of a path with every refusal that it can be answered with, each in the envelope of its API."""
    responses: Schema = dict(operation["responses"])
    common = _ANYWHERE | (_WITH_BODY if "requestBody" in operation else {}) | (_WITH_PATH if "{" in path else {})
    if any(one.get("name") == HEADER for one in operation.get("parameters", ())):
        common |= _WITH_KEY
    for status, description in common.items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if status >= "400":
            responses[status] = {**response, "content": _envelope(path)}
    return {**operation, "responses": dict(sorted(responses.items()))}


def _envelope(path: str) -> Schema:
    envelopes = _SHARED.get(path) or (envelope_of(path),)
    name = _ENVELOPES[envelopes[0]][0] if len(envelopes) == 1 else _EITHER
    return {_MEDIA.get(envelopes[0], "application/json"): {"schema": {"$ref": f"#/components/schemas/{name}"}}}
