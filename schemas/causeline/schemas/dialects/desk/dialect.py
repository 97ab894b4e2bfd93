"""The DESK Events API v1, as all slices know it. Its events open problems by being pushed, not by a signal."""

from typing import Any, Final

from causeline.schemas.dialects.desk import vocabulary
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.openapi import MAYBE_TEXT, TEXT, Schema, many, object_schema

_CODE: Final[Schema] = {"type": "integer"}
_VIOLATION: Final = object_schema({"path": TEXT, "message": TEXT, "parameterLocation": TEXT, "location": MAYBE_TEXT})
_ERROR: Final = object_schema({"code": _CODE, "message": TEXT, "constraintViolations": many(_VIOLATION)}, "constraintViolations")


def _say(error: RequestError) -> tuple[int, Any]:
    """Return an ErrorEnvelope with constraintViolations where there are some."""
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    if error.fields:
        body["constraintViolations"] = [
            {"path": f.field, "message": f.message, "parameterLocation": error.where, "location": None} for f in error.fields
        ]
    return error.status, {"error": body}


DESK: Final = Dialect(
    name="desk",
    title="DESK Events API v1",
    envelope=Envelope(_say, "DeskErrorEnvelope", object_schema({"error": _ERROR}), "application/json; charset=utf-8"),
    prefixes=("/api/v1/events", "/e/"),
    tenant_of=vocabulary.tenant_of,
    tenant_of_host=vocabulary.host_environment,
    schemes=("api-token",),  # DESK Events API v1, "Authentication": Api-token, not Bearer
    unauthenticated="Token Authentication failed",
    shown_id=lambda event: vocabulary.stored_id(event.id, event.ts),
)
