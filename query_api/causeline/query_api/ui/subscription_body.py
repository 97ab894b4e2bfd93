"""The form of a new subscription as the body of `POST /v1/subscriptions`. Pure: what is right in it, the API says."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.query_api.ui.forms import read_lines, read_list, read_pair_lines, refuse_typing
from causeline.schemas.web.errors import FieldError

FOLLOWABLE_STREAMS: Final = ("events", "problems", "causes")
"""What may be followed, each a box to tick: `stream.events`."""
STREAM_FIELD: Final = "filter.stream"
_LISTS: Final = ("kind", "service", "environment", "status", "transition", "verdict")
_TEXTS: Final = ("url", "secret", "template", "slack_token", "slack_channel")
SUBSCRIPTION_FIELDS: Final = (
    "name",
    STREAM_FIELD,
    *(f"filter.{name}" for name in _LISTS),
    "filter.tag",
    "filter.q",
    "target.type",
    *(f"target.{name}" for name in _TEXTS),
    "target.headers",
    "start_from",
)
"""By the names of the members that they make."""
FIRST_TYPED: Final[Mapping[str, str]] = {"target.type": "webhook", **{f"stream.{name}": "on" for name in FOLLOWABLE_STREAMS[:2]}}
"""What a form that is opened has in it."""


def subscription_body(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the body that a form asks for; what is empty is left out. Raises Invalid where a line cannot be read."""
    errors: list[FieldError] = []
    body: dict[str, Any] = {"name": fields.get("name", ""), "filter": _filter(fields), "target": _target(fields, errors)}
    if start := fields.get("start_from"):
        body["start_from"] = start
    refuse_typing(errors)
    return body


def _filter(fields: Mapping[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = {name: values for name in _LISTS if (values := read_list(fields.get(f"filter.{name}", "")))}
    members["stream"] = [name for name in FOLLOWABLE_STREAMS if fields.get(f"stream.{name}")]
    if tags := read_lines(fields.get("filter.tag", "")):
        members["tag"] = tags
    if words := fields.get("filter.q"):
        members["q"] = words
    return members


def _target(fields: Mapping[str, str], errors: list[FieldError]) -> dict[str, Any]:
    members: dict[str, Any] = {"type": fields.get("target.type", "webhook")}
    members |= {name: value for name in _TEXTS if (value := fields.get(f"target.{name}"))}
    if headers := read_pair_lines("target.headers", fields.get("target.headers", ""), errors):
        members["headers"] = headers
    return members
