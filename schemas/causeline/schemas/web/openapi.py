"""What one API adds to the OpenAPI document, and the pieces of JSON Schema that it is made of."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Schema = dict[str, Any]
Operation = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
TEXT_BY_NAME: Final[Schema] = {"type": "object", "additionalProperties": TEXT}
MAYBE_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}


class OpenApiPart(NamedTuple):
    """The operations of one side of an API by path and method, and the schemas that they name.

    `shares` are by path and method too: what the API makes of an operation that another one states, whose path it serves as well.
    """

    paths: Mapping[str, Mapping[str, Operation]] = {}
    schemas: Mapping[str, Schema] = {}
    shares: Mapping[str, Mapping[str, Callable[[Operation], Operation]]] = {}


def ref(name: str) -> Schema:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_schema(properties: Schema, *optional: str, more: bool = False) -> Schema:
    """Return the schema of an object whose members are all there but the `optional` ones; with `more` it may have others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": more}


def many(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}
