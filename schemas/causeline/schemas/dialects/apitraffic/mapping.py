"""ApiTraffic event markers: how their JSON fills the normalized columns, how a patch meets an event, and how an event is shown again.

`Event.raw` holds the JSON as the client sent it, with one addition: `environmentSids` where it was left out, since the reading side
filters by it. Input is already validated (`causeline.ingest`): an error here means that the stored JSON is damaged.

What must change together: `columns` and `causeline.query_api.dialects.apitraffic.parameters`, which asks for what it fills.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from causeline.schemas.dialects.apitraffic.sids import sid_of
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.values.commits import COMMITS, columns_of_anything
from causeline.schemas.values.flattening import flatten
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import ms_of, rfc3339

EventType = Literal["deployment", "incident", "config_change", "scale", "custom"]
"""ApiTraffic, "Event Types"."""

ALL: Final = "*"
"""The scope of an event that applies to every bucket, or to every environment (ApiTraffic, "Scoping")."""

ENVIRONMENTS: Final = "environmentSids"
_BUCKETS: Final = "bucketSids"
_SERVERS_OWN: Final = ("sid", "accountSid", "createdAt")


def parse_raw(raw: str) -> Json:
    """Return the object of a stored JSON text. Raises ValueError where it is not an object."""
    value = msgspec.json.decode(raw)  # msgspec.DecodeError is a ValueError
    if not isinstance(value, dict):
        raise ValueError(f"an event marker is a JSON object, not {type(value).__name__}")  # noqa: TRY004 - one error for all damage
    return value


def raw_text(raw: Mapping[str, Any]) -> str:
    """Return the JSON text of an object, its names in the order they were sent."""
    return msgspec.json.encode(raw).decode()


def with_environments(raw: Mapping[str, Any]) -> Json:
    """Return the object with the environments that it applies to, all of them where it names none."""
    return {**raw, ENVIRONMENTS: raw.get(ENVIRONMENTS) or [ALL]}


def columns(raw: Mapping[str, Any], ingest_ts: int) -> Json:
    """Return the normalized columns of a valid, completed object; `ingest_ts` (ms UTC) is its start without a `startedAt`.

    Absent and null are the same. Raises ValueError, TypeError or KeyError for what is no event marker.
    """
    start, end = (None if raw.get(key) is None else ms_of(raw[key]) for key in ("startedAt", "endedAt"))
    start = ingest_ts if start is None else start
    environments = raw[ENVIRONMENTS]
    metadata = raw.get("metadata") or {}
    commits = columns_of_anything(metadata.get(COMMITS))
    # Commits that have columns are no tags too: a long list would leave no room for others.
    tags = flatten({name: value for name, value in metadata.items() if name != COMMITS} if commits[COMMITS] else metadata)
    return {
        "kind": raw["type"],
        "status": ("ongoing" if end is None else "ended") if raw["type"] == PROBLEM_KIND else "",
        "ts": start,
        "start": start,
        "end": end,
        "service": tags.get("service", ""),
        "environment": environments[0] if len(environments) == 1 and environments[0] != ALL else "",
        "title": raw["name"],
        "text": raw.get("description") or "",
        "source": raw.get("source") or "",
        "actor": tags.get("actor", ""),
        "commit": tags.get("commitSha", ""),
        "branch": tags.get("branch", ""),
        "release": tags.get("imageTag", ""),
        "tags": tags,
        "entities": raw.get(_BUCKETS) or [ALL],
        **commits,
    }


def merge(event: Event, patch: Mapping[str, Any]) -> Event:
    """Return the next version of an event under a patch (ApiTraffic, "Update Event"): only what is sent changes.

    `metadata` is replaced as a whole, `endedAt: null` opens an incident again. Id, account and arrival stay, the time follows
    `startedAt`. An end before the start is no error here: two patches that say it together were acknowledged each on its own.
    """
    members = {key: value for key, value in patch.items() if key not in _SERVERS_OWN}
    raw = with_environments({**parse_raw(event.raw), **members})
    return msgspec.structs.replace(
        event,
        version=event.version + 1,
        raw=raw_text(raw),
        **columns(raw, event.ingest_ts),
    )


def view(event: Event) -> Json:
    """Return an event as ApiTraffic shows it ("List Events", Response), fields that it does not know at the end."""
    raw = parse_raw(event.raw)
    own = {
        "sid": sid_of(event.id),
        "accountSid": event.tenant,
        "type": raw["type"],
        "name": raw["name"],
        "description": raw.get("description"),
        "source": raw.get("source"),
        "metadata": raw.get("metadata"),
        "bucketSids": event.entities,
        "environmentSids": raw[ENVIRONMENTS],
        "startedAt": rfc3339(event.ts),
        "endedAt": None if event.end is None else rfc3339(event.end),
        "createdAt": rfc3339(event.ingest_ts),
    }
    return own | {key: value for key, value in raw.items() if key not in own}
