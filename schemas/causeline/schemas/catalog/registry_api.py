"""The Confluent Schema Registry API as an API: whose paths are its own, and how it refuses (API Reference, "Errors")."""

from typing import Any, Final

from causeline.schemas.web.api import Api, Envelope
from causeline.schemas.web.errors import NotFound, RequestError
from causeline.schemas.web.openapi import TEXT, object_schema

REGISTRY_MEDIA: Final = "application/vnd.schemaregistry.v1+json"


class UnknownSubject(NotFound):
    """The schema registry has no such subject."""


class UnknownVersion(NotFound):
    """The subject has no such version."""


class UnknownSchema(NotFound):
    """The schema registry has no such schema."""


class InvalidSchema(RequestError):
    """What was given to be looked up is no Avro schema."""

    status = 422


class InvalidVersion(RequestError):
    """A version of a subject is a number from 1, or `latest`."""

    status = 422


_CODES: Final[dict[type[RequestError], int]] = {
    UnknownSubject: 40401,
    UnknownVersion: 40402,
    UnknownSchema: 40403,
    InvalidSchema: 42201,
    InvalidVersion: 42202,
}


def _say(error: RequestError) -> tuple[int, Any]:
    """Return `{error_code, message}`; the code is the status where it has none of its own."""
    return error.status, {"error_code": _CODES.get(type(error), error.status), "message": error.message}


REGISTRY: Final = Api(
    name="registry",
    title="Schema registry",
    envelope=Envelope(
        _say,
        "RegistryError",
        object_schema({"error_code": {"type": "integer", "description": "The status, or 40401 and the like"}, "message": TEXT}),
        REGISTRY_MEDIA,
    ),
    prefixes=("/schemas/", "/subjects", "/config", "/mode"),
    schemes=("basic", "bearer"),  # its clients often know only `basic.auth.user.info`
    counted_as="native",
)
