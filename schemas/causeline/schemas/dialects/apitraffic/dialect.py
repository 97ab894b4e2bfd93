"""ApiTraffic, as all slices know it."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.schemas.dialects.apitraffic import mapping, sids
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.signals import by_status
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.openapi import TEXT, TEXT_BY_NAME, object_schema


def _tenant_of(params: Mapping[str, str], _headers: Mapping[str, str]) -> str:
    return sids.account_of(params)


def _say(error: RequestError) -> tuple[int, Any]:
    """Return `{error: {message, fields: {field: message}}}`."""
    return error.status, {"error": {"message": error.message, "fields": {f.field: f.message for f in error.fields}}}


APITRAFFIC: Final = Dialect(
    name="apitraffic",
    title="ApiTraffic",
    envelope=Envelope(_say, "ApiTrafficError", object_schema({"error": object_schema({"message": TEXT, "fields": TEXT_BY_NAME})})),
    prefixes=("/v1/accounts/",),
    tenant_of=_tenant_of,
    # ApiTraffic, "Update Event": an incident ends by its `endedAt`, and goes on where that is set to null.
    signal_of=by_status({"ongoing": "open", "ended": "close"}),
    merge=mapping.merge,
    shown_id=lambda event: sids.sid_of(event.id),
    id_of_shown=sids.id_of_sid,
)
