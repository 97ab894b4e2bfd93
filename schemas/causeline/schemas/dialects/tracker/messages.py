"""Tracker's events as protobuf messages: the third way, beside the two REST profiles, to say the same.

A request becomes the JSON object that a client of the profile `released` would have sent, so that everything after the door is REST's.
proto3 cannot tell a default value from an absent one, hence what is default was not sent.
"""

import re
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.codes import CodeField, has_impact, number_of
from causeline.schemas.dialects.tracker.metadata import elapsed_ms
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.records.event import Event
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import event_time
from causeline.schemas.web.errors import FieldError, Invalid

SERVICE: Final = "tracker.event.v1alpha1.EventService"
_FRACTION: Final = re.compile(r"[.,](\d+)")
_NANO_DIGITS: Final = 9
_MS_PER_S: Final = 1_000
_NANOS_PER_MS: Final = 1_000_000


def _time_text(moment: Timestamp, path: str) -> str:
    try:
        text: str = moment.ToJsonString()
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{path}: {error}", (FieldError(path, str(error)),)) from error
    return text


def rest_object(message: Message, path: str = "") -> Json:
    """Return a message as JSON values: camelCase names, enums as numbers, times as RFC 3339; only what is not default.

    Raises Invalid for a time that is none.
    """
    members: Json = {}
    for field, value in message.ListFields():
        name, place = field.json_name, f"{path}{field.json_name}"
        if isinstance(value, Timestamp):
            members[name] = _time_text(value, place)
        elif isinstance(value, Message):
            members[name] = rest_object(value, f"{place}.")
        else:
            members[name] = list(value) if field.is_repeated else value
    return members


def event_reference(event_id: str, slack_id: str = "") -> str:
    """Return the name of an event that a message carries, its id or else its Slack id. Raises Invalid where it carries none.

    Over REST the name is a part of the path, which is never empty.
    """
    if not event_id and not slack_id:
        raise Invalid.naming([FieldError("id", "must not be empty")])
    return event_id or slack_id


def _timestamp(ms: int) -> Timestamp:
    seconds, rest = divmod(ms, _MS_PER_S)
    return Timestamp(seconds=seconds, nanos=rest * _NANOS_PER_MS)


def _sent_timestamp(text: str | None) -> Timestamp | None:
    """Return a time as it was sent, to the nanosecond."""
    if text is None:
        return None
    fraction = _FRACTION.search(text)
    digits = fraction.group(1)[:_NANO_DIGITS] if fraction else "0"
    return Timestamp(seconds=event_time(text) // _MS_PER_S, nanos=int(digits.ljust(_NANO_DIGITS, "0")))


def _number(field: CodeField, name: str) -> Any:
    return number_of(field, name, "released") if name else 0


def _attributes(event: Event, attributes: Json) -> pb.EventAttributes:
    return pb.EventAttributes(
        message=event.text,
        source=event.source,
        type=_number("type", event.kind),
        priority=_number("priority", event.priority),
        related_id=event.related_id,
        service=event.service,
        status=_number("status", event.status),
        environment=_number("environment", event.environment),
        impact=has_impact(event.severity),
        start_date=_sent_timestamp(attributes.get("startDate")),
        end_date=_sent_timestamp(attributes.get("endDate")),
        owner=event.owner,
        stake_holders=attributes.get("stakeHolders") or [],
        notification=attributes.get("notification") or False,
        notifications=attributes.get("notifications") or [],
    )


def proto_entry(entry: changelog.StoredEntry) -> pb.ChangelogEntry:
    """Return an entry of a changelog as the message that Tracker's clients know."""
    return pb.ChangelogEntry(
        timestamp=_sent_timestamp(entry.timestamp),
        user=entry.user,
        change_type=entry.change_type,
        field=entry.field,
        old_value=entry.old_value,
        new_value=entry.new_value,
        comment=entry.comment,
    )


def proto_event(event: Event) -> pb.Event:
    """Return an event as the message that Tracker's clients know. Fields that the proto does not have are left out."""
    raw = tracker.parse_canonical(event.raw)
    took = elapsed_ms(event)
    return pb.Event(
        title=event.title,
        attributes=_attributes(event, raw.get("attributes") or {}),
        links=pb.EventLinks(pull_request_link=event.links.get("pullRequestLink", ""), ticket=event.links.get("ticket", "")),
        metadata=pb.EventMetadata(
            created_at=_timestamp(event.ingest_ts),
            duration=None if took is None else Duration(seconds=took // _MS_PER_S, nanos=took % _MS_PER_S * _NANOS_PER_MS),
            id=event.id,
            slack_id=event.tags.get(tracker.SLACK_TAG, ""),
        ),
        changelog=[proto_entry(entry) for entry in changelog.entries(raw)],
    )
