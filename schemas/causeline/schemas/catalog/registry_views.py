"""The locked schemas as the Confluent Schema Registry API shows them, so that ordinary Avro consumers of the public topics work unchanged.

Subjects are those of the TopicNameStrategy: `<topic>-value` for every public topic, and its versions are the locked ones. The public topics
are the contract, so subjects of internal topics are not listed and not found. Every locked id resolves all the same: a dead letter carries
the record that was set aside as it lay on an internal topic, and whoever looks into it needs that schema.
Source: Confluent Schema Registry API Reference (schemas, subjects, config, mode).
"""

import json
from functools import cache
from typing import Any, Final, NamedTuple

from causeline.schemas.catalog.registry_api import InvalidSchema, InvalidVersion, UnknownSchema, UnknownSubject, UnknownVersion
from causeline.schemas.topics import all_topics
from causeline.schemas.wire import codec
from causeline.schemas.wire.codec import CodecError
from causeline.schemas.wire.locked import LockedSchema

COMPATIBILITY: Final = "BACKWARD_TRANSITIVE"
"""A consumer with a newer schema reads everything older; `tests/unit/schemas/wire/test_registry.py` holds every locked version to it."""

AVRO: Final = "AVRO"
LATEST: Final = ("latest", "-1")
_MAX_VERSION: Final = 2**31 - 1
_MAX_DIGITS: Final = 10
_ALL_CONTEXTS: Final = ":*:"
_MAX_MESSAGE: Final = 300
"""Characters of a refusal: what is wrong with a schema may quote all of it."""


class Subject(NamedTuple):
    """A subject and its locked versions, oldest first."""

    name: str
    versions: tuple[LockedSchema, ...]

    def version(self, number: str) -> LockedSchema:
        """Return a version by its number from 1, or `latest`. Raises UnknownVersion for one that is not there."""
        if number in LATEST:
            return self.versions[-1]
        match = next((schema for schema in self.versions if schema.version == int(number)), None)
        if match is None:
            raise UnknownVersion(f"Version {number} not found.", where="PATH")
        return match


def subject_of(topic: str) -> str:
    """Return the subject of a topic's values under the TopicNameStrategy."""
    return f"{topic}-value"


@cache
def subjects() -> dict[str, Subject]:
    """Return the subject of every public topic, by name."""
    versions = sorted(codec.registry().values(), key=lambda schema: schema.version)
    schema_names = {subject_of(topic.name): topic.schema for topic in all_topics() if topic.public}
    return {name: Subject(name, tuple(one for one in versions if one.subject == schema)) for name, schema in sorted(schema_names.items())}


def names(prefix: str = _ALL_CONTEXTS) -> list[str]:
    """Return the names of the subjects that start with a prefix; there is one context, so the prefix of all of them selects everything."""
    return [name for name in subjects() if name.startswith(prefix.removeprefix(_ALL_CONTEXTS))]


def find_subject(name: str) -> Subject:
    """Return a subject. Raises UnknownSubject."""
    subject = subjects().get(name)
    if subject is None:
        raise UnknownSubject(f"Subject '{name}' not found.", where="PATH")
    return subject


def find_version(name: str, number: str) -> LockedSchema:
    """Return a version of a subject. Raises InvalidVersion for what cannot be one, UnknownSubject or UnknownVersion."""
    if number not in LATEST and not _can_be_a_version(number):
        raise InvalidVersion(
            f"The specified version '{number}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"",
            where="PATH",
        )
    return find_subject(name).version(number)


def _can_be_a_version(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS and 1 <= int(number) <= _MAX_VERSION


def by_id(number: str) -> LockedSchema:
    """Return a locked schema by its id, those of internal topics too. Raises UnknownSchema."""
    match = next((schema for schema in codec.registry().values() if str(schema.id) == number), None)
    if match is None:
        raise UnknownSchema(f"Schema {number} not found", where="PATH")
    return match


def schema_text(schema: LockedSchema) -> str:
    """Return a schema as compact JSON text."""
    return json.dumps(schema.definition, separators=(",", ":"), ensure_ascii=False)


def version_view(name: str, schema: LockedSchema) -> dict[str, Any]:
    """Return a version of a subject as the API shows it; `schemaType` is left out for Avro, as the API does."""
    return {"subject": name, "version": schema.version, "id": schema.id, "schema": schema_text(schema)}


def uses(schema: LockedSchema) -> list[dict[str, Any]]:
    """Return the public subjects and versions of a schema, none for one that only internal topics have."""
    return [{"subject": one.name, "version": schema.version} for one in subjects().values() if schema in one.versions]


def look_up_schema(name: str, body: object) -> dict[str, Any]:
    """Return the version of a subject that equals the schema of a body `{"schema": text, "schemaType": "AVRO"}`.

    Equal is what has the same Parsing Canonical Form, as in the lock: the same bytes on the wire, whatever documents them.
    Raises UnknownSubject, UnknownSchema, or InvalidSchema for what is no Avro schema.
    """
    subject = find_subject(name)
    fingerprint = _fingerprint(body)
    for schema in subject.versions:
        if schema.fingerprint == fingerprint:
            return version_view(name, schema)
    raise UnknownSchema("Schema not found")


def _fingerprint(body: object) -> str:
    text = body.get("schema") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(text, str) or body.get("schemaType") not in (None, AVRO):
        raise InvalidSchema('Invalid schema: give {"schema": "<the Avro schema as text>"}')
    try:
        return codec.fingerprint_of_text(text)
    except CodecError as error:
        raise InvalidSchema(f"Invalid schema: {error}"[:_MAX_MESSAGE]) from error
