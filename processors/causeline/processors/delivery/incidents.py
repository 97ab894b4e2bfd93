"""Broken endpoints as problems of the product itself: an event that opens one, and an event that closes it.

They are ordinary native events of the subscription's tenant, so whoever follows problems hears of them. A subscription that takes them too
tells of itself at most once for each time that it broke and recovered: only a change of `incident` writes one.
"""

from typing import Final

from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.runtime.ports import Output
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import INGEST
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of

_SERVICE: Final = "causeline"
_SOURCE: Final = "causeline/deliveries"


def incident_correlation_id(subscription: str) -> str:
    """Return what all events about a subscription speak of. Without a slash: that would name a group of problems."""
    return f"subscription-{subscription}"


def open_incident(fold: DeliveryFold, draft: StateDraft, text: str) -> None:
    """Say that deliveries fail, unless that was said since they last succeeded. `text` holds no URL and no secret."""
    if draft.course.incident or draft.now.rule is None:
        return
    draft.set(incident=True, incidents=draft.course.incidents + 1)
    _write(fold, draft, draft.now.rule, text, is_open=True)
    fold.say("deliveries_fail", draft, reason=text)


def close_incident(fold: DeliveryFold, draft: StateDraft, text: str) -> None:
    """Say that it is over, where it was said that deliveries fail."""
    if not draft.course.incident or draft.now.rule is None:
        return
    draft.set(incident=False)
    _write(fold, draft, draft.now.rule, text, is_open=False)
    fold.say("deliveries_recovered", draft, reason=text)


def _write(fold: DeliveryFold, draft: StateDraft, rule: Rule, text: str, *, is_open: bool) -> None:
    status = "open" if is_open else "closed"
    event_id = ids.uuid5("delivery incident", draft.id, str(rule.created_at), str(draft.course.incidents), status)
    name = rule.name or draft.id
    event = Event(
        tenant=rule.tenant,
        id=event_id,
        dialect="native",
        kind=PROBLEM_KIND,
        status=status,
        ts=fold.now,
        start=fold.now if is_open else None,
        end=None if is_open else fold.now,
        ingest_ts=fold.now,
        updated_ts=fold.now,
        service=_SERVICE,
        title=f"Deliveries to {name} fail" if is_open else f"Deliveries to {name} succeed again",
        text=text,
        source=_SOURCE,
        tags={"subscription": draft.id, "breaker": draft.course.breaker.state},
        related_id=draft.id,
        allowed_groups=list(rule.groups or ()),
    )
    record = IngestRecord(
        op="create",
        tenant=rule.tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=fold.now,
        correlation_id=incident_correlation_id(draft.id),
        signal="open" if is_open else "close",
        event=codec.encode_record(event),
    )
    fold.out.append(Output(INGEST, record.key, codec.encode_record(record), partition_of(record.key, fold.partitions)))
