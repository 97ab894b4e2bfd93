"""What a rollback says without words: whose rollback ended a problem, that was its cause.

A rollback names what it rolls back (`related_id`), or is marked as one (tag, title) and rolls back the change before it of its service,
kind and environment. It counts if it took effect after the onset, did not fail, and the problem was closed within 15 minutes after it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from causeline.query_api.causes.context import Opinion
from causeline.query_api.causes.kinds import HOUR, MINUTE, lookback_of
from causeline.query_api.causes.outcomes import is_rollback, outcome_of, rolls_back
from causeline.query_api.questions.relation import span_of
from causeline.schemas.records.event import Event

ENDS_WITHIN: Final = 15 * MINUTE
"""ms from a rollback to the end of the problem that it ended."""
ROLLBACK_LOOKBACK: Final = 4 * HOUR
"""How far before the end changes are looked at (ms). Where the onset lies farther back, what is rolled back must be named."""

_NO_NAMES: Mapping[str, str] = {}


def implied_opinions(
    onset: int,
    end: int,
    changes: Mapping[str, Event],
    later: Iterable[Event],
    services: Mapping[str, str] = _NO_NAMES,
    custom_kinds: frozenset[str] = frozenset(),
) -> dict[str, Opinion]:
    """Return which changes, by id, were rolled back to end a problem, as of its end. Times are ms UTC.

    `changes` are the candidates, by id; `later` is what happened between the onset and the end; `services` resolves aliases. Kinds are
    changes as they are of candidates: `custom_kinds` too.
    """
    known_events = {**{event.id: event for event in later}, **changes}
    opinions = {}
    for event in known_events.values():
        if lookback_of(event.kind, custom_kinds) is not None and _is_in_time(event, onset, end):
            whole = _whole_of(event, known_events, services, is_complete=onset >= end - ROLLBACK_LOOKBACK)
            if whole in changes:
                opinions[whole] = Opinion("implied", end)
    return opinions


def _is_in_time(event: Event, onset: int, end: int) -> bool:
    _, effect = span_of(event)
    return outcome_of(event.status) != "failed" and onset < effect <= end <= effect + ENDS_WITHIN


def _whole_of(event: Event, others: Mapping[str, Event], services: Mapping[str, str], *, is_complete: bool) -> str:
    """Return the id of what an event rolls back, empty where it rolls nothing back or that is not known."""
    if event.related_id:
        whole = others.get(event.related_id)
        return whole.id if whole is not None and whole.id != event.id and rolls_back(event, whole) else ""
    if not is_complete or not event.service or not is_rollback(event.title, event.tags):
        return ""
    before = [one for one in others.values() if _is_before(one, event, services)]
    return max(before, key=lambda one: (span_of(one)[0], one.id)).id if before else ""


def _is_before(one: Event, rollback: Event, services: Mapping[str, str]) -> bool:
    def place(event: Event) -> tuple[str, str, str]:
        return services.get(event.service, event.service), event.kind, event.environment

    return place(one) == place(rollback) and span_of(one)[0] < span_of(rollback)[0]
