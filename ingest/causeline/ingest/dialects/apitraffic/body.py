"""What ApiTraffic accepts in a body, field by field (ApiTraffic, "Create Event" and "Update Event", Request Body).

The models judge, they do not carry: the event is built from the object the client sent, so that nothing is lost or reshaped. Unknown
fields are therefore ignored here and kept there. Null is the same as absent, but not for what every event has: its type and its name.
"""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from causeline.schemas.dialects.apitraffic.mapping import EventType
from causeline.schemas.values.times import ms_of

_TIME_SCHEMA: Final = {"type": ["string", "null"], "format": "date-time", "description": "ISO 8601 with any offset"}


def _time(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 time")  # noqa: TRY004 - pydantic reports ValueErrors with their field
    return ms_of(value)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


_Text = Annotated[str, AfterValidator(_not_blank), Field(min_length=1)]
_Time = Annotated[int | None, BeforeValidator(_time), WithJsonSchema(_TIME_SCHEMA)]
_Sids = Annotated[list[_Text], Field(min_length=1, fail_fast=True)] | None


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    description: str | None = None
    source: str | None = None
    metadata: dict[str, Any] | None = None
    bucketSids: _Sids = None  # noqa: N815 - the names of the API
    environmentSids: _Sids = None  # noqa: N815
    startedAt: _Time = None  # noqa: N815
    endedAt: _Time = None  # noqa: N815


class CreateBody(_Body):
    """The body of POST: type and name are required."""

    type: EventType
    name: _Text


class UpdateBody(_Body):
    """The body of PUT: what is absent stays; type and name cannot be taken away."""

    type: EventType = "custom"
    name: _Text = "-"
