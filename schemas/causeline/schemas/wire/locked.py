"""The published schemas as their files say them, and the order of fields that a datum of each has.

The general codec walks a schema for every record. What reads or writes datums without it is built from a `DatumLayout` instead, so that
field orders and ids stand in one place, `avro/*.avsc` and `registry.lock.json`. Here nothing is verified: `codec.registry` holds files and
lock together.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

Shape = Literal["text", "bytes", "long", "optional long", "boolean", "texts", "longs", "map"]
"""What stands in a datum: `texts` and `longs` are arrays, `map` has strings as keys and values. The logical types change no byte."""


class LockedSchema(NamedTuple):
    """One locked schema version: `definition` is the published Avro schema, `fingerprint` SHA-256 of its canonical form."""

    subject: str
    version: int
    id: int
    fingerprint: str
    definition: dict[str, Any]

    @property
    def frame(self) -> bytes:
        """What stands before its datums: a zero byte and the schema id (Confluent's wire format)."""
        return self.id.to_bytes(5)


class Field(NamedTuple):
    """A field as bytes: what it is called, and what stands there."""

    name: str
    shape: Shape


class DatumLayout(NamedTuple):
    """The fields of a datum, in order, and the `frame` before it."""

    frame: bytes
    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(field.name for field in self.fields)

    def between(self, one: str, other: str) -> tuple[Field, ...]:
        """Return the fields between two. Raises ValueError where there is none of these names, or the other is not behind the one."""
        begin, end = self.names.index(one) + 1, self.names.index(other)
        if end < begin:
            raise ValueError(f"{other} is not behind {one}")
        return self.fields[begin:end]


@cache
def locked_schemas() -> tuple[LockedSchema, ...]:
    """Return every locked schema in the order of the lock."""
    root = files("causeline.schemas")
    lock = json.loads(root.joinpath("registry.lock.json").read_text("utf-8"))
    names = (file_of(each["subject"], each["version"]) for each in lock)
    definitions = (json.loads(root.joinpath("avro", name).read_text("utf-8")) for name in names)
    return tuple(LockedSchema(**each, definition=definition) for each, definition in zip(lock, definitions, strict=True))


def file_of(subject: str, version: int) -> str:
    """Return the name of the file of a schema."""
    return f"{subject}.v{version}.avsc"


def layout_of(schema: LockedSchema) -> DatumLayout:
    """Return the layout of a schema. Raises ValueError where a field has a type that no record of ours has."""
    return DatumLayout(schema.frame, tuple(Field(field["name"], _shape(field["type"])) for field in schema.definition["fields"]))


def schema_of(subject: str, version: int) -> LockedSchema:
    """Return one version of a subject. Raises ValueError where it is not locked."""
    for schema in locked_schemas():
        if (schema.subject, schema.version) == (subject, version):
            return schema
    raise ValueError(f"{subject} v{version} is not locked")


def newest_layout(subject: str) -> DatumLayout:
    """Return the layout of the newest version of a subject: what is written from now on."""
    return layout_of(max((schema for schema in locked_schemas() if schema.subject == subject), key=lambda schema: schema.version))


def newest_known(subject: str, version: int) -> DatumLayout:
    """Return the newest layout to lines that were written for this version. Raises ValueError where a newer one is locked."""
    layout = newest_layout(subject)
    if layout != layout_of(schema_of(subject, version)):
        raise ValueError(
            f"{subject} v{version} is not the newest that is locked: what was written for it must learn the fields of the newest"
        )
    return layout


_SHAPES: Final[dict[str, Shape]] = {"string": "text", "bytes": "bytes", "int": "long", "long": "long", "boolean": "boolean"}


def _shape(kind: Any) -> Shape:
    match kind:
        case str() if kind in _SHAPES:
            return _SHAPES[kind]
        case ["null", other] if _shape(other) == "long":
            return "optional long"
        case {"type": "array", "items": "string"}:
            return "texts"
        case {"type": "array", "items": "long"}:
            return "longs"
        case {"type": "map", "values": "string"}:
            return "map"
        case {"type": str(inner)} if inner in _SHAPES:
            return _SHAPES[inner]
    raise ValueError(f"no shape is known for the Avro type {kind}")
