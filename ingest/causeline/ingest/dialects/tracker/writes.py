"""Tracker's writes: bytes in, the event that will be and its ingest record out. Pure: time and ids come in as arguments.

What a repeat with an `Idempotency-Key` is answered with stands in `causeline.ingest.changes`. A body in the numbers of the profile
`released` (gRPC always speaks them) is stored in names, since numbers that are stored are the document's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from causeline.ingest import changes
from causeline.ingest.bodies.models import validate
from causeline.ingest.bodies.strict_json import json_object
from causeline.ingest.changes import Change
from causeline.ingest.dialects.tracker.body import ChangelogBody, CreateBody, Patch, SlackBody, UpdateBody
from causeline.ingest.idempotency import fingerprint_of, id_of_key
from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.changelog import StoredEntry
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.times import as_rfc3339
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid

_ENTRY: Final = frozenset(field.encode_name for field in msgspec.structs.fields(StoredEntry))
_ENTRY_SPELLINGS: Final = {"change_type": "changeType", "old_value": "oldValue", "new_value": "newValue"}


class Update(NamedTuple):
    """The body of a PUT: which event, by its id or else its Slack id, and the canonical patch without the name."""

    id: str
    slack_id: str
    patch: dict[str, Any]


def _canonical(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the text of a body and its canonical object, without a changelog: only the server writes that."""
    text, raw = json_object(body)
    try:
        canonical = tracker.canonicalize(raw)
    except ValueError as error:
        raise Invalid(str(error)) from error
    if changelog.CHANGELOG_MEMBER in canonical:
        del canonical[changelog.CHANGELOG_MEMBER]
        text = msgspec.json.encode(canonical).decode()
    return text, canonical


def create(
    body: bytes,
    *,
    tenant: str,
    key: str,
    now: int,
    new_id: Callable[[int], str],
    profile: Profile = "document",
) -> Change:
    """Return the new event of a POST (Tracker, "Create Event"); `now` is its arrival. Raises Malformed or Invalid."""
    text, raw = _canonical(body)
    validate(CreateBody, raw, profile)
    if profile != "document":
        raw = tracker.with_code_names(raw, profile)
        text = msgspec.json.encode(raw).decode()
    columns = tracker.columns(raw, now)
    event_id = id_of_key(tenant, TRACKER.name, key) if key else new_id(columns["ts"])
    event = Event(
        tenant=tenant,
        id=event_id,
        dialect=TRACKER.name,
        ingest_ts=now,
        updated_ts=now,
        raw=text,
        **columns,
    )
    return changes.create_event(
        TRACKER, event, fingerprint=fingerprint_of(tracker.normalize_content(raw), "attributes", "links") if key else 0
    )


def update_of(body: bytes, profile: Profile = "document") -> Update:
    """Return what a PUT asks for (Tracker, "Update Event"). Raises Malformed or Invalid."""
    _, raw = _canonical(body)
    by_slack = "id" not in raw and bool(raw.get("slackId"))
    validate(Patch if by_slack else UpdateBody, raw, profile)
    patch = tracker.with_code_names(raw, profile)
    return Update("", patch.pop("slackId"), patch) if by_slack else Update(patch.pop("id"), "", patch)


def slack(body: bytes) -> dict[str, Any]:
    """Return the patch of a `POST …/slack`. Raises Malformed or Invalid."""
    _, raw = _canonical(body)
    validate(SlackBody, raw)
    return {"slackId": raw["slackId"]}


def changelog_entry(body: bytes, now: int) -> StoredEntry:
    """Return the entry of a `POST …/changelog`; `now` (ms UTC) is its arrival. Raises Malformed or Invalid."""
    _, raw = json_object(body)
    if isinstance(raw.get("entry"), dict):
        raw = {**raw, "entry": _camel(raw["entry"])}
    validate(ChangelogBody, raw)
    fields = {name: value for name, value in raw["entry"].items() if name in _ENTRY and value is not None}
    kind = changelog.change_type(fields.pop("changeType", "commented"))
    at = as_rfc3339(fields.pop("timestamp", None) or rfc3339(now))
    return msgspec.convert({**fields, "timestamp": at, "changeType": kind}, StoredEntry)


def _camel(entry: dict[str, Any]) -> dict[str, Any]:
    try:
        return tracker.rename_members(entry, _ENTRY_SPELLINGS, "entry.")
    except ValueError as error:
        raise Invalid(str(error)) from error


def update(patch: Mapping[str, Any], current: Event, *, key: str, now: int, record_id: str, entry: StoredEntry | None = None) -> Change:
    """Return the next version of the current event under a patch, its changelog included. `now` (ms UTC) is the arrival.

    `entry` is one of the changelog that the client wrote itself.
    """
    stamped_patch = {**patch, changelog.CHANGELOG_MEMBER: changelog.stamp(now, entry=entry)}
    content = tracker.normalize_content(patch)
    if entry is not None:  # its time may be that of the arrival, which is another when it is repeated
        content["entry"] = msgspec.to_builtins(msgspec.structs.replace(entry, timestamp=""))
    return changes.patch_event(TRACKER, current, stamped_patch, key=key, now=now, record_id=record_id, content=content)
