"""What Tracker accepts in a body, field by field (Tracker, "Event Structure" and the tables of codes).

The models judge, they do not carry: the event is built from the object the client sent, so that nothing is lost or reshaped. Unknown
fields are therefore ignored here and kept there.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.codes import CodeField, name_of
from causeline.schemas.values.times import event_time


def _code(field: CodeField) -> BeforeValidator:
    """Return the judge of a code; the validation's context is the profile whose numbers are spoken."""

    def judge(value: Any, info: ValidationInfo) -> str | None:
        return None if value is None else name_of(field, value, info.context or "document")

    return BeforeValidator(judge)


def _time(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 date or time")  # noqa: TRY004 - pydantic reports ValueErrors with their field
    return event_time(value)


def _after_start(value: int | None, info: ValidationInfo) -> int | None:
    start = info.data.get("start_date")
    if value is not None and start is not None and value < start:
        raise ValueError("must not be before startDate")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _slack_id(value: str | None) -> str | None:
    if value and tracker.slack_id(value) is None:
        raise ValueError("must be printable text of at most 255 characters")
    return value


def _change_type(value: Any) -> str | None:
    return None if value is None else changelog.change_type(value)


_SlackId = Annotated[str | None, AfterValidator(_slack_id)]
_Time = Annotated[int | None, BeforeValidator(_time)]
_Text = Annotated[str, AfterValidator(_not_blank)]
_Texts = Annotated[list[str] | None, FailFast()]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel)


class Attributes(_Strict):
    """`attributes`: all optional, null is the same as absent in a new event."""

    message: str | None = None
    source: str | None = None
    type: Annotated[str | None, _code("type")] = None
    priority: Annotated[str | None, _code("priority")] = None
    related_id: str | None = None
    service: str | None = None
    status: Annotated[str | None, _code("status")] = None
    environment: Annotated[str | None, _code("environment")] = None
    impact: Annotated[str | None, _code("impact")] = None
    start_date: _Time = None
    end_date: Annotated[_Time, AfterValidator(_after_start)] = None
    owner: str | None = None
    stake_holders: _Texts = None
    notification: bool | None = None
    notifications: _Texts = None


class Links(_Strict):
    """`links`: the two that the document names; others are kept whatever they are."""

    pull_request_link: str | None = None
    ticket: str | None = None


class CreateBody(_Strict):
    """The body of POST: only the title is required."""

    title: _Text
    slack_id: _SlackId = None
    attributes: Attributes | None = None
    links: Links | None = None


class Patch(_Strict):
    """The body of PUT by `slackId`: an absent title stays, a title cannot be taken away."""

    title: _Text = "-"
    slack_id: _SlackId = None
    attributes: Attributes | None = None
    links: Links | None = None


class UpdateBody(Patch):
    """The body of PUT: the id is required."""

    id: _Text


class SlackBody(_Strict):
    """The body of `POST …/slack`: the event's Slack id."""

    slack_id: Annotated[_Text, AfterValidator(_slack_id)]


class ChangelogEntry(_Strict):
    """`entry` of `POST …/changelog`. Without a time it is the arrival's; without a kind it is a comment."""

    timestamp: _Time = None
    user: Annotated[str | None, Field(max_length=changelog.MAX_ENTRY_NAME)] = None
    change_type: Annotated[str | None, BeforeValidator(_change_type)] = None
    field: Annotated[str | None, Field(max_length=changelog.MAX_ENTRY_NAME)] = None
    old_value: Annotated[str | None, Field(max_length=changelog.MAX_ENTRY_VALUE)] = None
    new_value: Annotated[str | None, Field(max_length=changelog.MAX_ENTRY_VALUE)] = None
    comment: Annotated[str | None, Field(max_length=changelog.MAX_COMMENT)] = None


class ChangelogBody(_Strict):
    """The body of `POST …/changelog`."""

    entry: ChangelogEntry
