"""The form of a new event as the body of `POST /v1/events`. Pure: what is right in it, the API says."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.query_api.ui.forms import read_pair_lines, refuse_typing
from causeline.schemas.web.errors import FieldError

_TEXTS: Final = ("kind", "title", "service", "environment", "status", "start", "end", "text")
_PAIRS: Final = ("tags", "links")
EVENT_FIELDS: Final = (*_TEXTS, *_PAIRS)
"""By the names of the members that they make."""


def event_body(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the event that a form asks for; what is empty is left out. Raises Invalid where a line cannot be read."""
    errors: list[FieldError] = []
    body: dict[str, Any] = {name: text for name in _TEXTS if (text := fields.get(name, ""))}
    body |= {name: pairs for name in _PAIRS if (pairs := read_pair_lines(name, fields.get(name, ""), errors))}
    refuse_typing(errors)
    return body
