"""The header fields that Causeline reads, over HTTP and as gRPC metadata, and what their values may be: here once, before any is used.

A field that decides something (whose events, which key, from where on) must not be dropped in silence because it cannot be read: the
request would then be about another tenant, or be stored twice. So what is listed here is read or refused by name. What is not listed never
reaches a handler: nobody can read a field without its being listed, and so tested with the others.

Three fields come along unasked: a browser sends the cookies of every application of a name, where it came from, and the codings that it
knows. What cannot be read of these, or is longer than anything of ours, counts as not given: who is shown by a cookie alone is then nobody,
which is refused.

One thing cannot be seen: of a field given twice, readable and not, granian hands over the readable value alone, and that one holds.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from causeline.schemas.web.errors import InvalidHeader


class _Read(NamedTuple):
    """How one field is read. `is_list`: several lines of it are one list; `empty`: what says nothing counts as not given.

    `is_unasked`: a browser adds it by itself, so what cannot be read of it is left out in place of being refused.
    """

    name: str
    is_list: bool = False
    empty: bool = True
    is_unasked: bool = False
    separator: str = ", "


READ: Final[dict[str, _Read]] = {
    field.name.lower(): field
    for field in (
        _Read("Authorization"),  # empty ones are no credentials: 401, or 403 where somebody else's are needed
        _Read("Causeline-Tenant", empty=False),
        _Read("Idempotency-Key", empty=False),
        _Read("Last-Event-ID"),  # a browser's is empty before the first message
        _Read("Host"),
        _Read("Origin"),
        _Read("Sec-Fetch-Site"),
        _Read("Sec-Fetch-Mode"),
        _Read("Sec-Fetch-Dest"),
        _Read("Content-Type"),
        _Read("Content-Length"),
        _Read("Content-Encoding"),
        _Read("Accept", is_list=True),
        _Read("MCP-Protocol-Version"),
        _Read("MCP-Session-Id"),
        _Read("Access-Control-Request-Method"),
        _Read("Cookie", is_list=True, is_unasked=True, separator="; "),  # RFC 9113, 8.2.3
        _Read("Referer", is_unasked=True),
        _Read("Accept-Encoding", is_list=True, is_unasked=True),
    )
}
"""By name in lower case. `Host` is read as it was sent, or as an absolute request target names it (RFC 9112, 3.2.2)."""

_UNASKED: Final = frozenset(name for name, field in READ.items() if field.is_unasked)
MAX_FIELD_VALUE: Final = 8_704
"""Characters of a value: the longest token, 8,192, with its scheme, and some room. A shorter bound is stated where a field is used."""


def read_header_fields(pairs: Sequence[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    """Return the fields that are read by name in lower case, in the order they came.

    `pairs` are names and values that are text, `names` every name that was sent, each once, also of values that are none: servers hand over
    only values of visible ASCII. Raises InvalidHeader for a field of the list that is not ASCII, holds a control character, is too long,
    is empty where that says nothing, or is given twice.
    """
    last = dict(pairs)
    plain = len(last) == len(pairs) == len(names)  # nothing twice, nothing that could not be handed over: nearly always
    fields = {name: value for name, value in pairs if name in READ} if plain else _gather(pairs, names)
    if not _UNASKED.isdisjoint(fields):
        fields = {name: value for name, value in fields.items() if name not in _UNASKED or _is_plain(value)}
    for name, value in fields.items():
        if not (value.isascii() and value.isprintable()):
            raise invalid(name, "holds a character that is not visible ASCII")
        if len(value) > MAX_FIELD_VALUE:
            raise invalid(name, f"has more than {MAX_FIELD_VALUE} characters")
        if not value and not READ[name].empty:
            raise invalid(name, "is empty")
    return fields


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= MAX_FIELD_VALUE


def _gather(pairs: Sequence[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        field = READ.get(name)
        if field is None:
            continue
        if name not in fields:
            fields[name] = value
        elif field.is_list:
            fields[name] = f"{fields[name]}{field.separator}{value}"  # RFC 9110, 5.3
        elif not field.is_unasked:
            raise invalid(name, "is given more than once")
    for name in names:
        if name in READ and name not in fields and name not in _UNASKED:
            raise invalid(name, "holds a character that is not visible ASCII")
    return fields


def invalid(name: str, wrong: str) -> InvalidHeader:
    """Return the refusal of a field by its name in lower case."""
    return InvalidHeader(READ[name].name, wrong)
