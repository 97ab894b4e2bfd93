"""What every operation of the OpenAPI document has in common: the refusals of the shell, and the envelope in which each API says them.

The slices describe what their own handlers answer; what no handler sees (credentials, sizes, media types) and the form of errors are
added here, once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from causeline.ingest.idempotency import HEADER
from causeline.schemas.web.api import Api
from causeline.schemas.web.openapi import Operation, Schema, ref

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
_TOO_LONG: Final[Schema] = {"description": "The path and the query are longer than 64 KiB; answered without a body, before an API is known"}
_WITH_PATH: Final[dict[str, str]] = {"404": "What the path names is not there"}


def with_refusals(path: str, operation: Operation, apis: Sequence[Api]) -> Operation:
    """Return an operation of a path with every refusal that it can be answered with, each in the words of an API that serves it."""
    responses: dict[str, Any] = dict(operation["responses"])
    common = _ANYWHERE | (_WITH_BODY if "requestBody" in operation else {}) | (_WITH_PATH if "{" in path else {})
    if any(one.get("name") == HEADER for one in operation.get("parameters", ())):
        common |= _WITH_KEY
    for status, description in common.items():
        responses.setdefault(status, {"description": description})
    content = _content(apis)
    for status, response in responses.items():
        if status >= "400":
            responses[status] = {**response, "content": content}
    if any(one.get("in") == "query" for one in operation.get("parameters", ())):
        responses["414"] = _TOO_LONG
    return {**operation, "responses": dict(sorted(responses.items()))}


def refusal_schemas(sharing: Sequence[Sequence[Api]]) -> dict[str, Schema]:
    """Return the schemas of the refusals of operations, each served by some APIs, by name."""
    schemas: dict[str, Schema] = {}
    for apis in sharing:
        schemas |= {api.envelope.schema_name: api.envelope.schema for api in apis}
        schemas |= {_name(alike): {"anyOf": [ref(_name([api])) for api in alike]} for alike in _by_media(apis).values() if len(alike) > 1}
    return schemas


def _content(apis: Sequence[Api]) -> dict[str, Schema]:
    return {media: {"schema": ref(_name(alike))} for media, alike in _by_media(apis).items()}


def _by_media(apis: Sequence[Api]) -> Mapping[str, list[Api]]:
    """Return the APIs by the media type of their refusals, without its parameters."""
    groups: dict[str, list[Api]] = {}
    for api in apis:
        groups.setdefault(api.envelope.media.partition(";")[0], []).append(api)
    return groups


def _name(apis: Sequence[Api]) -> str:
    """Return the name of a refusal's schema; of several APIs it is made of their names (`DeskOrCtoAiError`)."""
    if len(apis) == 1:
        return apis[0].envelope.schema_name
    return "Or".join(api.name.title().replace("_", "") for api in apis) + "Error"
