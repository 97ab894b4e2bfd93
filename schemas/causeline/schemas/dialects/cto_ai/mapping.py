"""CTO.ai lifecycle events: how an event fills the normalized columns, which of them speak of problems, and how it is shown again.

`Event.raw` holds the JSON as the client sent it. Any field may be sent; those below have a column, other scalars become tags.

What must change together: `columns` and `query_api.dialects.cto_ai.parameters`, which filters by what stands here; `SIGNALS` and the table
in `docs/problems.md`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import Signal
from causeline.schemas.values import ids
from causeline.schemas.values.commits import COMMITS, columns_of_anything
from causeline.schemas.values.folding import fold_case as folded_column
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import rfc3339

_WITH_COLUMN: Final = frozenset(
    {"event_name", "event_action", "team_id", "commit", "branch", "repo", "service", "environment", "timestamp"}
)
SERVERS_OWN: Final = frozenset({"id", "timestamp"})
"""Fields that the server gives; what a client sent under these names stays in `raw`."""

_SOURCE: Final = "cto_ai"


class Meaning(NamedTuple):
    """What an event says of problems. `problems` names those it may concern, first the one that it opens where none of them is open."""

    signal: Signal
    problems: tuple[str, ...]
    reason: str


SIGNALS: Final[Mapping[tuple[str, str], Meaning]] = MappingProxyType(
    {
        ("change", "failed"): Meaning("open", ("change",), "sent when an incident is created or a pipeline fails"),
        ("change", "recovered"): Meaning("close", ("change",), "sent when that incident is resolved"),
        ("deployment", "succeeded"): Meaning(
            "close", ("change",), "recovery is detected from the next deployment of the same team and repo"
        ),
        ("incident", "initiated"): Meaning("open", ("incident",), "an incident is detected and the response begins"),
        ("incident", "succeeded"): Meaning("close", ("incident",), "the incident is resolved"),
        ("incident", "failed"): Meaning("close", ("incident",), "the incident is abandoned: nobody works on it any more"),
        ("recovery", "succeeded"): Meaning(
            "close", ("incident", "change"), "a pipeline succeeds after a failure, or an incident is resolved"
        ),
        ("recovery", "failed"): Meaning("open", ("incident", "change"), "what was to be recovered from goes on"),
    },
)
"""(event name, action), both as `fold_spelling` says them, to their meaning; every other event speaks of no problem.

`change succeeded` closes nothing: what failed may still be broken by then, and the document detects recovery from deployments only.
`recovery initiated` opens nothing: what it recovers from is already open, or was never reported as broken.
"""


def fold_spelling(text: str) -> str:
    """Return a name or an action as it is compared: without letter case, blanks around it, `_` and `-` (`InProgress` is `in_progress`)."""
    return text.strip().lower().replace("_", "").replace("-", "")


def meaning_of(event: Event) -> Meaning | None:
    """Return what an event says of problems, None where it says nothing of any."""
    return SIGNALS.get((fold_spelling(event.kind), fold_spelling(event.status)))


def correlation_id_of(event: Event, meaning: Meaning) -> str:
    """Return the correlation id of the problems that an event speaks of.

    The problems of one team and repo are one group, so that all their signals meet in one partition, in the order that they were sent.
    An event without a repo speaks of the problems of the team that have none either.
    """
    group = msgspec.json.encode([event.team, event.repo]).decode()
    return f"{ids.uuid5(event.tenant, 'cto_ai problems', group)}/{'+'.join(meaning.problems)}"


def text_or_empty(value: Any) -> str:
    """Return a scalar as text, '' for null, an object or an array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _actor(meta: Any) -> str:
    return text_or_empty(meta.get("user")) if isinstance(meta, dict) else ""


def columns(raw: Mapping[str, Any]) -> Json:
    """Return the normalized columns of a valid object but its times: absent and null stay empty."""
    name, action = raw["event_name"].strip(), (raw.get("event_action") or "").strip()
    repo = text_or_empty(raw.get("repo"))
    return {
        "kind": folded_column(name),
        "status": folded_column(action),
        "title": f"{name} {action}".strip(),
        "service": text_or_empty(raw.get("service")) or repo,
        "repo": repo,
        "environment": text_or_empty(raw.get("environment")),
        "commit": text_or_empty(raw.get("commit")),
        "branch": text_or_empty(raw.get("branch")),
        "team": raw["team_id"],
        "source": _SOURCE,
        "actor": _actor(raw.get("meta")),
        "tags": {
            key: text_or_empty(value) for key, value in raw.items() if key not in _WITH_COLUMN and isinstance(value, str | int | float)
        },
        **columns_of_anything(raw.get(COMMITS)),
    }


def own_fields(event: Event) -> Json:
    """Return the fields that the server gives an event: its id, and its time in RFC 3339, UTC, with milliseconds."""
    return {"id": event.id, "timestamp": rfc3339(event.ts)}


def view(event: Event) -> Json:
    """Return an event as CTO.ai shows it: `id` and `timestamp`, then what was sent, as it was sent."""
    raw: Json = msgspec.json.decode(event.raw)
    return own_fields(event) | {key: value for key, value in raw.items() if key not in SERVERS_OWN}


def post_answer(event: Event) -> Json:
    """Return the answer to a POST: the event's fields at the top beside `message`, and the same event under `data`."""
    document = view(event)
    return document | {"message": "event written", "data": document}
