"""What a client asks of `GET /api/v1/events` (DESK Events API v1): parameters and cursors become a question, or are refused by name.

A cursor holds the whole question with its window, clock and total frozen, so that pages neither repeat nor skip while events arrive
and problems end. It carries a checksum: a damaged one is refused instead of asking something else.
"""

import base64
import binascii
import hashlib
import re
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.questions.query import Edges, EventFilter, EventPosition, Page
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.values.times import looks_like_seconds
from causeline.schemas.web.errors import FieldError, Invalid
from causeline.schemas.web.principal import Groups

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_INT64: Final = range(-(1 << 63), 1 << 63)
_LATEST: Final = 9_214_646_400_000
"""2262-01-01, beyond the last time that the store knows: asking further finds nothing more."""
_CHECKSUM: Final = 4
_VIOLATED: Final = "Constraints violated."


class ListQuery(msgspec.Struct, frozen=True, array_like=True):
    """One list: window (ms UTC, both ends inclusive), filters ('' where not given), where the page starts, and when it was asked.

    `answered_to` is the `to` of the answer: up to there the store had applied everything when the first page was asked. `total` is the
    number of all matches then.
    """

    from_ms: int
    to_ms: int
    asked_at: int
    answered_to: int
    event_type: str = ""
    entity: str = ""
    after_ts: int = 0
    after_id: str = ""
    total: int = 0

    @property
    def first_page(self) -> bool:
        """Whether this is the question of a client, not of a cursor."""
        return not self.after_id

    def after(self, key: EventPosition, total: int) -> "ListQuery":
        """Return the question for the page that follows this place."""
        return msgspec.structs.replace(self, after_ts=key.ts, after_id=key.id, total=total)


class ListQuestion(NamedTuple):
    """A list as the store takes it."""

    where: EventFilter
    edges: Edges
    page: Page


def list_query(parameters: list[tuple[str, str]], now: int) -> ListQuery:
    """Return the question of a query string. Raises Invalid with every broken parameter.

    Of a repeated parameter the first counts, an empty one is absent, an unknown one is ignored; beside a cursor all others are ignored.
    """
    arguments: dict[str, str] = {}
    for name, value in parameters:
        if value:
            arguments.setdefault(name, value)
    if "cursor" in arguments:
        return _open_cursor(arguments["cursor"])
    errors: list[FieldError] = []
    window = _relative(arguments, errors)
    from_ms, to_ms = _moment(arguments, "from", now - window, errors), _moment(arguments, "to", now, errors)
    if not errors and from_ms > to_ms:
        errors.append(FieldError("from", "must not be after to"))
    if not errors and to_ms - from_ms > VOCABULARY.max_window_ms:
        errors.append(FieldError("from", "must not be more than 2 years before to"))
    event_type = arguments.get("eventType", "")
    if event_type and event_type not in VOCABULARY.queried_event_types:
        errors.append(FieldError("eventType", f"{event_type[:100]!r} is not an event type"))
    _refuse(errors)
    return ListQuery(from_ms, to_ms, now, to_ms, event_type, arguments.get("entityId", ""))


def list_question(query: ListQuery, tenant: str, groups: Groups = None) -> ListQuestion | None:
    """Return what to ask the store for (one row more than a page), None for an event type that this API never stores."""
    edges = Edges(max(query.from_ms, 0), min(max(query.to_ms, 0), _LATEST), query.asked_at)
    # What ends in the window started before its end; how long before is known only of information-only events.
    entities = (query.entity,) if query.entity else ()
    where = EventFilter(tenant=tenant, groups=groups, to_ms=edges.to_ms + 1, dialects=(DESK.name,), entities=entities)
    if query.event_type:
        event_type = VOCABULARY.event_types.get(query.event_type)
        if event_type is None:
            return None
        severities = (event_type.severity.lower(),) if event_type.severity else ()
        earliest = None if event_type.opens_problem else edges.from_ms - event_type.max_past_ms - event_type.max_future_ms
        where = msgspec.structs.replace(where, kinds=(event_type.kind,), severities=severities, from_ms=earliest)
    after = None if query.first_page else EventPosition(query.after_ts, query.after_id)
    return ListQuestion(where, edges, Page(limit=VOCABULARY.page_size + 1, after=after))


def cursor_of(query: ListQuery) -> str:
    """Return the question as an opaque text of URL-safe characters."""
    content = msgspec.json.encode(query)
    return base64.urlsafe_b64encode(_checksum(content) + content).rstrip(b"=").decode()


def _open_cursor(cursor: str) -> ListQuery:
    text = cursor.rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
        if checksum == _checksum(content):
            return msgspec.json.decode(content, type=ListQuery)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # every way of being damaged gets the same answer
    raise Invalid(_VIOLATED, (FieldError("cursor", "is not a cursor of this API"),), where="QUERY")


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM).digest()


def _relative(arguments: dict[str, str], errors: list[FieldError]) -> int:
    name = arguments.get("relativeTime")
    if name is None:
        return VOCABULARY.default_window_ms
    if name not in VOCABULARY.relative_time_ms:
        errors.append(FieldError("relativeTime", f"must be one of {', '.join(VOCABULARY.relative_time_ms)}"))
    return VOCABULARY.relative_time_ms.get(name, 0)


def _moment(arguments: dict[str, str], name: str, default: int, errors: list[FieldError]) -> int:
    text = arguments.get(name)
    if text is None:
        return default
    if _INTEGER.fullmatch(text) is None or int(text) not in _INT64:
        errors.append(FieldError(name, "must be a 64-bit integer: UTC milliseconds"))
        return default
    if looks_like_seconds(int(text)):
        errors.append(FieldError(name, "looks like seconds, it must be UTC milliseconds"))
    return int(text)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise Invalid(_VIOLATED, tuple(errors), where="QUERY")
