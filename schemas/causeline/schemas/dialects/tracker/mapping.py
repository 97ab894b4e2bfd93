"""Tracker: how its JSON fills the normalized columns, how a patch meets an event, and how an event is shown again.

`Event.raw` holds the JSON as the client sent it; both spellings of a field (`startDate`, `start_date`) may stand in it. Everything here
works on the camelCase form (`canonicalize`), which is also what goes out. Input is already validated (`causeline.ingest`): an error
here means that the stored JSON is damaged.

What must change together: `columns` and the filters of `causeline.query_api.dialects.tracker.parameters`, which ask for what it fills.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.dialects.tracker import changelog, metadata
from causeline.schemas.dialects.tracker.codes import CODE_FIELDS, CodeField, Profile, has_impact, name_of, number_of
from causeline.schemas.dialects.tracker.times import as_rfc3339
from causeline.schemas.records.event import Event
from causeline.schemas.values.commits import COMMITS, columns_of_anything
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import event_time, rfc3339

_TOP: Final = {"slack_id": "slackId"}
_ATTRIBUTES: Final = {
    "related_id": "relatedId",
    "start_date": "startDate",
    "end_date": "endDate",
    "stake_holders": "stakeHolders",
}
_LINKS: Final = {"pull_request_link": "pullRequestLink"}
_NESTED: Final = {"attributes": _ATTRIBUTES, "links": _LINKS}
_MERGED: Final = (*_NESTED, metadata.METADATA_MEMBER)
_SERVERS_OWN: Final = ("id", "createdAt", "event", changelog.CHANGELOG_MEMBER)
_TIMES: Final = ("startDate", "endDate")

SLACK_TAG: Final = "slackId"
"""The tag that holds an event's Slack id, the second name that clients may call it by."""
LONGEST_SLACK_ID: Final = 255
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse_event_id(text: str) -> str | None:
    """Return the id that a client names, None for what no event can have (an ObjectId of another Tracker, any other text)."""
    lower = text.lower()
    return lower if _ID.fullmatch(lower) else None


def slack_id(text: str) -> str | None:
    """Return the Slack id that a client names an event by, None for what cannot be one: blank, unprintable or too long."""
    return text if text.strip() and text.isprintable() and len(text) <= LONGEST_SLACK_ID else None


def rename_members(raw: Mapping[str, Any], names: Mapping[str, str], path: str) -> Json:
    """Return an object with its members by these names; `path` is where it stands. Raises ValueError for one in both spellings."""
    if not any(name in raw for name in names):
        return dict(raw)
    members: Json = {}
    for key, value in raw.items():
        name = names.get(key, key)
        if name in members:
            raise ValueError(f"{path}{name} is given in both spellings")
        members[name] = value
    return members


def canonicalize(raw: Mapping[str, Any]) -> Json:
    """Return the object with Tracker's own fields in camelCase; others stay. Raises ValueError for a field in both spellings."""
    top = rename_members(raw, _TOP, "")
    for key, names in _NESTED.items():
        if isinstance(top.get(key), dict):
            top[key] = rename_members(top[key], names, f"{key}.")
    return top


def parse_canonical(raw: str) -> Json:
    """Return the canonical object of a stored JSON text. Raises ValueError where it is not an object."""
    value = msgspec.json.decode(raw)  # msgspec.DecodeError is a ValueError
    if not isinstance(value, dict):
        raise ValueError(f"a Tracker event is a JSON object, not {type(value).__name__}")  # noqa: TRY004 - one error for all damage
    return canonicalize(value)


def columns(raw: Mapping[str, Any], ingest_ts: int) -> Json:
    """Return the normalized columns of a canonical, valid object; `ingest_ts` (ms UTC) is its time without a `startDate`.

    Absent and null stay empty. Raises ValueError for a code or time that is none.
    """
    attributes = raw.get("attributes") or {}
    links = raw.get("links") or {}

    def text(key: str) -> str:
        return attributes.get(key) or ""

    def code(field: CodeField) -> str:
        value = attributes.get(field)
        return "" if value is None else name_of(field, value)

    start, end = (event_time(attributes[key]) if attributes.get(key) is not None else None for key in _TIMES)
    stake_holders = attributes.get("stakeHolders") or [""]
    return {
        "kind": code("type"),
        "status": code("status"),
        "ts": ingest_ts if start is None else start,
        "start": start,
        "end": end,
        "service": text("service"),
        "environment": code("environment"),
        "priority": code("priority"),
        "severity": code("impact"),
        "title": raw["title"],
        "text": text("message"),
        "source": text("source"),
        "owner": text("owner"),
        "team": stake_holders[0],
        "links": {key: value for key, value in links.items() if isinstance(value, str) and value},
        "tags": {SLACK_TAG: raw[SLACK_TAG]} if raw.get(SLACK_TAG) else {},
        "related_id": text("relatedId"),
        **columns_of_anything(attributes.get(COMMITS)),
    }


def with_code_names(raw: Json, profile: Profile) -> Json:
    """Return a canonical, valid object in which the codes of another profile than the document's stand as names, which all read alike."""
    attributes = raw.get("attributes")
    if profile == "document" or not isinstance(attributes, dict):
        return raw
    read: Json = {field: name_of(field, attributes[field], profile) for field in CODE_FIELDS if attributes.get(field) is not None}
    if isinstance(attributes.get("impact"), bool):
        del read["impact"]
    elif "impact" in read:
        read["impact"] = number_of("impact", read["impact"])
    return {**raw, "attributes": {**attributes, **read}}


def normalize_content(raw: Mapping[str, Any]) -> Json:
    """Return a canonical, valid object with its codes as names and its times in ms UTC: what two spellings of one content agree in."""
    attributes = raw.get("attributes")
    if not isinstance(attributes, dict):
        return dict(raw)
    read: Json = {field: name_of(field, attributes[field]) for field in CODE_FIELDS if attributes.get(field) is not None}
    times = {key: event_time(attributes[key]) for key in _TIMES if attributes.get(key) is not None}
    return {**raw, "attributes": {**attributes, **read, **times}}


def _applicable(patch: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Return the members of a patch that change an event: those of the server do not, also where an event is sent back whole."""
    for key, value in canonicalize(patch).items():
        if key == metadata.METADATA_MEMBER:
            if own := metadata.foreign(value):
                yield key, own
        elif key not in _SERVERS_OWN:
            yield key, value


def _keep_level(old: Json, new: Json) -> Json:
    """Return the new attributes without an impact of true where the old ones have a level of it, which says more."""
    has_level = new.get("impact") is True and old.get("impact") is not None and has_impact(name_of("impact", old["impact"]))
    return {key: value for key, value in new.items() if key != "impact"} if has_level else new


def merge(event: Event, patch: Mapping[str, Any]) -> Event:
    """Return the next version of an event under a patch: what is absent stays, explicit null, false, 0 and [] apply.

    `attributes`, `links` and what is a client's own of `metadata` merge key by key, everything else (arrays, unknown objects) is replaced.
    An impact of true says that there is one: a level that is known stays. Id, tenant and arrival stay, the
    time follows `startDate`. Nothing that two patches say only together (an end before the start) is an error: each was
    acknowledged on its own. A patch with a stamp (see `changelog`) adds what it changed to the changelog.
    Raises an error of `patches.DAMAGED`.
    """
    raw = parse_canonical(event.raw)
    before = dict(raw)
    for key, value in _applicable(patch):
        old = raw.get(key)
        raw[key] = {**old, **_keep_level(old, value)} if key in _MERGED and isinstance(old, dict) and isinstance(value, dict) else value
    if changelog.CHANGELOG_MEMBER in patch:
        raw[changelog.CHANGELOG_MEMBER] = changelog.extend_changelog(before, raw, patch[changelog.CHANGELOG_MEMBER])
    return msgspec.structs.replace(
        event,
        version=event.version + 1,
        raw=msgspec.json.encode(raw).decode(),
        **columns(raw, event.ingest_ts),
    )


def _shown_attributes(attributes: Mapping[str, Any]) -> Json:
    out = dict(attributes)
    for field in CODE_FIELDS:
        if out.get(field) is not None and not isinstance(out[field], bool):
            out[field] = number_of(field, name_of(field, out[field]))
    for key in _TIMES:
        if out.get(key) is not None:
            out[key] = as_rfc3339(out[key])
    return out


def view(event: Event) -> Json:
    """Return an event as Tracker shows it: flat, camelCase, unknown fields where they stood.

    Codes are the document's integers, an impact that was sent as a boolean is that boolean.
    """
    raw = parse_canonical(event.raw)
    own = {
        "id": event.id,
        "title": event.title,
        "createdAt": rfc3339(event.ingest_ts),
        "attributes": _shown_attributes(raw.get("attributes") or {}),
        "links": raw.get("links") or {},
        metadata.METADATA_MEMBER: metadata.metadata_view(event, raw),
    }
    return own | {key: value for key, value in raw.items() if key not in own and key not in _SERVERS_OWN}


def view_one(event: Event) -> Json:
    """Return the answer about one event: the event flat at the top, and the same under `event`."""
    flat = view(event)
    return {**flat, "event": flat}


def view_many(events: Iterable[Event], total: int) -> Json:
    """Return the answer about many events; `total` counts all matches, not the page."""
    return {"events": [view(event) for event in events], "totalCount": total}
