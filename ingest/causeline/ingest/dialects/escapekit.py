"""EscapeKit's `POST /internal/create-event`: bytes in, the events that will be and their ingest records out. Pure; time and ids come in.

The first event of an array that breaks a rule refuses the request: nothing of it is stored.

An `id` that the client sends is the idempotency key: a repeat is dropped, the same id with other content is set aside. It is shown again
as it was sent, but it is not the event's own id, which carries the time: events of one millisecond are ordered by it, to the
nanosecond. All records that name one id share a correlation id, so they meet in one partition whatever time they say.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast

from causeline.ingest.changes import Change, created
from causeline.ingest.dialects.escapekit_items import element, items_of
from causeline.ingest.dialects.native_json import item_object
from causeline.ingest.dialects.tracker_models import validate
from causeline.schemas import ids
from causeline.schemas.dialects import escapekit
from causeline.schemas.event import Event


def _not_blank(value: str) -> str:
    if not escapekit.is_said(value):
        raise ValueError("must not be blank")
    return value


_Text = str | None
_Groups = Annotated[list[str] | None, FailFast()]


class EscapeKitEvent(BaseModel):
    """The fields of the document, judged only: an event is kept as it was sent. Null is the same as absent."""

    model_config = ConfigDict(strict=True, extra="ignore")

    type: Annotated[str, AfterValidator(_not_blank)]
    id: _Text = None
    timestamp: Annotated[int | None, BeforeValidator(escapekit.nanoseconds)] = None
    username: _Text = None
    allowed_groups: _Groups = None
    allowed_roles: _Groups = None
    data: dict[str, Any] | None = None
    inventory_project: _Text = None
    inventory_namespace: _Text = None
    inventory_application: _Text = None
    inventory_version: _Text = None
    state_project: _Text = None
    state_environment: _Text = None
    state_deployment: _Text = None


class Arrival(NamedTuple):
    """What a request cannot say of itself: whose it is, its key, when it came (ms UTC), and where ids (of a time in ns) come from."""

    tenant: str
    key: str
    now: int
    new_id: Callable[[int], str]


class Creation(NamedTuple):
    """The changes of a request, in the order sent; `is_list` if an array was sent, so that an array is answered."""

    changes: list[Change]
    is_list: bool


def creation(body: bytes, arrival: Arrival) -> Creation:
    """Return what a request asks for. Raises Malformed, Invalid or TooLarge, naming the element of an array (`[3].type`)."""
    items = items_of(body)
    changes: list[Change] = []
    for index, text in enumerate(items.texts):
        own = arrival._replace(key=f"{arrival.key}#{index}") if arrival.key and items.is_list else arrival
        with element(items, index):
            changes.append(_created(text, own, index))
    return Creation(changes, items.is_list)


def _created(raw: bytes, arrival: Arrival, index: int) -> Change:
    content = item_object(raw)
    validate(EscapeKitEvent, content)
    at = escapekit.nanoseconds(content.get("timestamp"))
    # Events of one request that say no time keep their order: each id is a nanosecond later than the one before.
    order = arrival.now * escapekit.NS_PER_MS + index if at is None else at
    sent_id = content["id"] if escapekit.is_said(content.get("id")) else ""
    meeting = ids.keyed(arrival.tenant, "escapekit", sent_id) if sent_id else ""
    event = Event(
        tenant=arrival.tenant,
        id=_event_id(meeting, order, arrival),
        dialect="escapekit",
        ts=order // escapekit.NS_PER_MS,
        ingest_ts=arrival.now,
        updated_ts=arrival.now,
        raw=raw.decode(),
        **escapekit.columns(content),
    )
    change = created(event, key=sent_id or arrival.key, content=content)
    return _meeting(change, meeting) if meeting else change


def _event_id(meeting: str, order: int, arrival: Arrival) -> str:
    if meeting:  # what stands for randomness is the client's id: a repeat of the same event is the same row, also after the window
        return ids.uuid7_ns(order, bytes.fromhex(meeting.replace("-", ""))[-10:])
    return ids.keyed(arrival.tenant, arrival.key) if arrival.key else arrival.new_id(order)


def _meeting(change: Change, meeting: str) -> Change:
    return change._replace(record=msgspec.structs.replace(change.record, dedup_key=meeting, correlation_id=meeting))
