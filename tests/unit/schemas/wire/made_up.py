"""Schemas that are not locked: what a version after the newest could look like."""

import copy
import io
from typing import Any

import fastavro
import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.wire import codec
from causeline.schemas.wire.locked import LockedSchema, schema_of

NUMBER = ord("(")
"""A schema id that would change what a pattern means if it were put there as it is."""


def grown(subject: str, version: int, field: dict[str, Any], before: str | None) -> LockedSchema:
    """A version of a subject with one more field before another, or at the end."""
    schema = schema_of(subject, version)
    definition = copy.deepcopy(schema.definition)
    names = [each["name"] for each in definition["fields"]]
    definition["fields"].insert(len(names) if before is None else names.index(before), field)
    return schema._replace(version=version + 1, id=NUMBER, definition=definition)


def framed(schema: LockedSchema, record: Event | IngestRecord, **more: object) -> bytes:
    """What the general encoder makes of a record and the values of what is new."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, codec._plain(schema.definition), msgspec.structs.asdict(record) | more)
    return schema.frame + buffer.getvalue()
