"""What a person typed into a form, as members of a JSON body; and what the API says of a member, beside the field it was typed into. Pure.

A field has the name of its member (`filter.service`), so that what is wrong with a member, or with something in it
(`target.headers.X-Team`), is found by its name.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.ui.visits import Visit
from causeline.schemas.web.errors import FieldError, Invalid, RequestError

_KEY_HEADER: Final = "idempotency-key"
_UNPROCESSABLE: Final = 422
_DENIALS: Final = range(401, 404)
OPENED_FIELD: Final = "opened"
"""A hidden field: when the form was opened (ms UTC)."""


class FormView(NamedTuple):
    """What was typed and what is wrong with it, by the name of a field."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = {}


def read_list(text: str) -> list[str]:
    """Return the values of a field that takes several, with commas between them."""
    return [value for part in text.split(",") if (value := part.strip())]


def read_lines(text: str) -> list[str]:
    """Return the lines of a text, without blank ones."""
    return [line for part in text.splitlines() if (line := part.strip())]


def read_pair_lines(field: str, text: str, errors: list[FieldError]) -> dict[str, str]:
    """Return what lines of `name=value` say; a line that is none, or a name that comes twice, is added to `errors`."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, sign, value = (part.strip() for part in line.partition("="))
        if not (name and sign):
            errors.append(FieldError(field, f"line {number} is not name=value"))
        elif name in pairs:
            errors.append(FieldError(field, f"line {number} says {name} again"))
        pairs[name] = value
    return pairs


def first_entries(visit: Visit) -> dict[str, str]:
    """Return what the address of a form says should be in it, but for when it was opened: that is now, also where it was passed on."""
    return {name: value for name, value in visit.query if value and name != OPENED_FIELD}


def place_errors(errors: Iterable[FieldError], fields: Iterable[str]) -> dict[str, str]:
    """Return what is wrong by the field of a form it belongs to; under '' what belongs to none, with the name of its member."""
    names = sorted(fields, key=len, reverse=True)
    messages: dict[str, list[str]] = {}
    for path, message in errors:
        field = next((name for name in names if path == name or path.startswith((f"{name}.", f"{name}["))), "")
        inner = path[len(field) :].lstrip(".")
        messages.setdefault(field, []).append(f"{inner}: {message}" if inner else message)
    return {field: "; ".join(texts) for field, texts in messages.items()}


def form_view(entries: Mapping[str, str], error: RequestError | None, fields: Iterable[str]) -> tuple[FormView, int]:
    """Return a form with what was typed into it and what the API said of that, and the status of its page."""
    if error is None:
        return FormView(entries), 200
    messages = place_errors(error.fields, fields) or {"": error.message}
    return FormView(entries, messages), _UNPROCESSABLE if isinstance(error, Invalid) else error.status


def is_denial(status: int) -> bool:
    """Return whether a refusal is of who asks, and not of what was typed: a page of its own says so."""
    return status in _DENIALS


def refuse_typing(errors: list[FieldError]) -> None:
    """Raise Invalid where something was typed that no body can be made of."""
    if errors:
        raise Invalid.naming(errors)


def sent_once(visit: Visit, fields: Mapping[str, str]) -> Visit:
    """Return the visit whose `send` makes one thing of a form, however often it is sent: by its idempotency key.

    The key is of what was typed and of when the form was opened: who goes back and changes something makes another thing.
    """
    content = msgspec.json.encode(sorted({OPENED_FIELD: str(visit.now), **fields}.items()))
    key = f"page-{sha256(content).hexdigest()[:32]}"
    headers = {**visit.request.headers, _KEY_HEADER: key}
    return visit._replace(request=msgspec.structs.replace(visit.request, headers=headers))
