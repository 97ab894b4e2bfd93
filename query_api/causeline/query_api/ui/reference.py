"""The OpenAPI document as what people read: its operations by API, and one of them with its fields, an example and the call it makes. Pure.

The document is this server's own, so it is trusted to be well formed; what a visitor typed is not.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from causeline.query_api.ui.curl import curl_line

METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH: Final = 4
"""Levels of an example: deeper it says nothing more."""
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_MODES: Final = ("oneOf", "anyOf", "allOf")

OpenApiDocument = Mapping[str, Any]


class ReferenceField(NamedTuple):
    """A parameter or a member of a body. `field` is its name in the form (`query.from`), `place` where it goes; '' of a member."""

    field: str
    name: str
    place: str
    words: str
    is_required: bool = False
    choices: Sequence[str] = ()


class ReferenceOperation(NamedTuple):
    """One operation. `group` names its API, `media` is that of its body ('' without one), `example` a body with what is required."""

    name: str
    method: str
    path: str
    group: str
    summary: str
    words: str
    parameters: Sequence[ReferenceField]
    media: str
    members: Sequence[ReferenceField]
    example: str
    answers: Mapping[str, str]


def group_operations(document: OpenApiDocument) -> dict[str, list[ReferenceOperation]]:
    """Return the operations by API, the native one first, each in the order of paths."""
    groups: dict[str, list[ReferenceOperation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = _operation(document, path, method, item[method])
                groups.setdefault(operation.group, []).append(operation)
    return dict(sorted(groups.items(), key=lambda group: (group[0] != "Native", group[0])))


def equal_call(operation: ReferenceOperation, address: str, entries: Mapping[str, str]) -> str:
    """Return the line of a shell that makes the call with what was typed, by the names of fields; `address` is the server's."""
    path = _PARAMETER.sub(lambda name: quote(entries.get(f"path.{name[1]}", ""), safe="") or name[0], operation.path)
    query = [(one.name, text) for one in operation.parameters if one.place == "query" and (text := entries.get(one.field, ""))]
    headers = {one.name: text for one in operation.parameters if one.place == "header" and (text := entries.get(one.field, ""))}
    body = entries.get("body", operation.example) if operation.media else ""
    if operation.media:
        headers = {"Content-Type": operation.media, **headers}
    return curl_line(operation.method.upper(), f"{address}{path}{'?' if query else ''}{urlencode(query)}", headers, body)


def _operation(document: OpenApiDocument, path: str, method: str, words: Mapping[str, Any]) -> ReferenceOperation:
    content = words.get("requestBody", {}).get("content", {})
    media = next(iter(content), "")
    schema = _resolve(document, content[media]["schema"]) if media else {}
    return ReferenceOperation(
        name=words["operationId"],
        method=method,
        path=path,
        group=" and ".join(words.get("tags", ())),
        summary=words.get("summary", ""),
        words=words.get("description", ""),
        parameters=[_parameter(document, one) for one in words.get("parameters", ())],
        media=media,
        members=_members(document, schema),
        example=msgspec.json.format(msgspec.json.encode(_example(document, schema))).decode() if media else "",
        answers={status: answer.get("description", "") for status, answer in words["responses"].items()},
    )


def _parameter(document: OpenApiDocument, one: Mapping[str, Any]) -> ReferenceField:
    schema = _resolve(document, one.get("schema", {}))
    choices = schema.get("enum") or _resolve(document, schema.get("items", {})).get("enum") or ()
    is_required = bool(one.get("required"))
    return ReferenceField(
        f"{one['in']}.{one['name']}", one["name"], one["in"], one.get("description", ""), is_required, tuple(map(str, choices))
    )


def _members(document: OpenApiDocument, schema: Mapping[str, Any]) -> list[ReferenceField]:
    required = frozenset(schema.get("required", ()))
    return [
        ReferenceField("", name, "", _resolve(document, member).get("description", ""), name in required)
        for name, member in schema.get("properties", {}).items()
    ]


def _resolve(document: OpenApiDocument, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a schema says itself: behind references, and of several ones the first that says more than null."""
    while True:
        several = next((schema[mode] for mode in _MODES if mode in schema and "properties" not in schema), ())
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif several:
            rest = {word: value for word, value in schema.items() if word not in _MODES}
            first = next((one for one in several if one.get("type") != "null"), several[0])
            schema = {**first, **rest}
        else:
            return schema


def _example(document: OpenApiDocument, schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value with what is required in it, to begin from."""
    schema = _resolve(document, schema)
    for word in ("default", "const"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        names = schema.get("required", ()) if depth < _DEPTH else ()
        return {name: _example(document, schema.get("properties", {}).get(name, {}), depth + 1) for name in names}
    if kind == "array":
        return [_example(document, schema.get("items", {}), depth + 1)] if depth < _DEPTH and schema.get("minItems") else []
    return {"integer": schema.get("minimum", 0), "number": 0, "boolean": False}.get(kind, "…")
