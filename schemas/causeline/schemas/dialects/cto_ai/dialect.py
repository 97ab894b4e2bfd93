"""CTO.ai, as all slices know it. What its events say of problems stands in `mapping`: they speak of a repository's, not of their own."""

from http import HTTPStatus
from typing import Any, Final

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.openapi import TEXT, TEXT_BY_NAME, object_schema


def _say(error: RequestError) -> tuple[int, Any]:
    """Return `{name, message, code, errors: {field: message}}`; the name is the status phrase without blanks."""
    name = HTTPStatus(error.status).phrase.replace(" ", "")
    errors = {f.field: f.message for f in error.fields}
    return error.status, {"name": name, "message": error.message, "code": error.status, "errors": errors}


CTO_AI: Final = Dialect(
    name="cto_ai",
    title="CTO.ai",
    envelope=Envelope(
        _say, "CtoAiError", object_schema({"name": TEXT, "message": TEXT, "code": {"type": "integer"}, "errors": TEXT_BY_NAME})
    ),
    prefixes=("/events",),
)
