"""EscapeKit's `POST /internal/create-event`: bytes in, the events that will be and their ingest records out. Pure; time and ids come in.

The first event of an array that breaks a rule refuses the request: nothing of it is stored.

An `id` that the client sends is the idempotency key: a repeat is dropped, the same id with other content is set aside. It is shown again
as it was sent, but it is not the event's own id, which carries the time: events of one millisecond are ordered by it, to the
nanosecond. A header beside it, or before several events, is the key of the request as a whole.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast

from causeline.ingest.acknowledged import First
from causeline.ingest.bodies.fast_json import item_object
from causeline.ingest.bodies.models import validate
from causeline.ingest.changes import Change, create_event
from causeline.ingest.dialects.escapekit.items import element, items_of
from causeline.ingest.idempotency import HEADER, fingerprint_of, fingerprint_of_request, id_of_key, item_id
from causeline.schemas.dialects.escapekit import mapping as escapekit
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids


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


class RequestArrival(NamedTuple):
    """What a request cannot say of itself: whose it is, its key, when it came (ms UTC), and where ids (of a time in ns) come from."""

    tenant: str
    key: str
    now: int
    new_id: Callable[[int], str]


class Creation(NamedTuple):
    """The changes of a request, in the order sent; `is_list` if an array was sent, so that an array is answered.

    `key_fields` are the fields, or the header, that gave them their own keys.
    """

    changes: list[Change]
    is_list: bool
    key_fields: list[str]

    @property
    def records(self) -> list[IngestRecord]:
        """Return the records of the changes."""
        return [change.record for change in self.changes]

    def key_field(self, position: int) -> str:
        """Return what gave a record its own key."""
        return self.key_fields[position]


class _Item(NamedTuple):
    """A valid element: what it says, what of it a repeat must say again, and its own key ('' without one)."""

    raw: bytes
    content: dict[str, Any]
    fingerprint: int
    key: str


def creation(body: bytes, arrival: RequestArrival, firsts: Mapping[int, First]) -> Creation:
    """Return what a request asks for; `firsts` are elements that were acknowledged before, which keep their ids and arrivals.

    Raises Malformed, Invalid or TooLarge, naming the element of an array (`[3].type`).
    """
    items = items_of(body)
    elements: list[_Item] = []
    for index, text in enumerate(items.texts):
        with element(items, index):
            elements.append(_item(text, arrival))
    is_whole = bool(arrival.key) and (items.is_list or any(item.key for item in elements))
    request = fingerprint_of_request((item.key, item.fingerprint) for item in elements) if is_whole else 0
    changes = [_change_of(item, arrival, index, firsts.get(index), request) for index, item in enumerate(elements)]
    fields = [(f"[{index}].id" if items.is_list else "id") if item.key else HEADER for index, item in enumerate(elements)]
    return Creation(changes, items.is_list, fields)


def _item(raw: bytes, arrival: RequestArrival) -> _Item:
    content = item_object(raw)
    validate(EscapeKitEvent, content)
    sent_id = content["id"] if escapekit.is_said(content.get("id")) else ""
    # An id that is the request's key says nothing beside it.
    key = sent_id if sent_id != arrival.key else ""
    effective_key = key or arrival.key
    return _Item(raw, content, fingerprint_of(escapekit.normalize_content(content)) if effective_key else 0, key)


def _change_of(item: _Item, arrival: RequestArrival, index: int, first: First | None, request: int) -> Change:
    now = arrival.now if first is None else first.arrival
    at = escapekit.nanoseconds(item.content.get("timestamp"))
    # Events of one request that say no time keep their order: each id is a nanosecond later than the one before.
    order = now * escapekit.NS_PER_MS + index if at is None else at
    own = id_of_key(arrival.tenant, ESCAPEKIT.name, item.key) if item.key else ""
    event = Event(
        tenant=arrival.tenant,
        id=first.id if own and first is not None and first.id else _event_id(own, order, arrival, index if request else None),
        dialect=ESCAPEKIT.name,
        ts=order // escapekit.NS_PER_MS,
        ingest_ts=now,
        updated_ts=now,
        raw=item.raw.decode(),
        **escapekit.columns(item.content),
    )
    change = create_event(ESCAPEKIT, event, fingerprint=item.fingerprint)
    keys: dict[str, Any] = {"dedup_key": own} if own or request else {}
    if request:
        whole = id_of_key(arrival.tenant, ESCAPEKIT.name, arrival.key)
        keys |= {"request_key": whole, "request_fingerprint": request, "position": index}
    return change._replace(record=msgspec.structs.replace(change.record, **keys)) if keys else change


def _event_id(own: str, order: int, arrival: RequestArrival, position: int | None) -> str:
    if own:  # what stands for randomness is the client's id: a repeat of the same event is the same row, also after the window
        return ids.uuid7_ns(order, bytes.fromhex(own.replace("-", ""))[-10:])
    if not arrival.key:
        return arrival.new_id(order)
    tenant, key = arrival.tenant, arrival.key
    return id_of_key(tenant, ESCAPEKIT.name, key) if position is None else item_id(tenant, ESCAPEKIT.name, key, position)
