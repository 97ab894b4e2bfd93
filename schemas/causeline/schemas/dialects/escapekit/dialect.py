"""EscapeKit, as all slices know it."""

from typing import Any, Final

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.openapi import TEXT, object_schema


def _say(error: RequestError) -> tuple[int, Any]:
    """Return `{error, field}`, the first broken field, where there is one."""
    return error.status, {"error": error.message} | ({"field": error.fields[0].field} if error.fields else {})


ESCAPEKIT: Final = Dialect(
    name="escapekit",
    title="EscapeKit",
    envelope=Envelope(_say, "EscapeKitError", object_schema({"error": TEXT, "field": TEXT}, "field")),
    prefixes=("/api/v1/events/query", "/api/v1/events/subscriptions", "/internal/"),
)
