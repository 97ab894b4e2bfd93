"""Which events are one rollout, as columns. Nearly all are one by themselves: their place has no retries, steps, marks or names.

The events of any other place go through `rollouts_of_place`, one place after the other; what is one event all the same is a row again.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from causeline.query_api.causes.facts import MOST_TEXT
from causeline.query_api.causes.outcomes import is_rollback, may_say_rollback
from causeline.query_api.dora.columns.arrays import Bits, Numbers, code, numbers, starts_of
from causeline.query_api.dora.columns.fact_columns import FAILURE, SUCCESS, FactColumns
from causeline.query_api.dora.deployments import FailedAttempt, rollouts_of_place
from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.query_api.dora.rollout_events import (
    DEPLOYMENT_ID_TAG,
    ROLLBACK_TAG,
    RolloutPlace,
    read_event,
    relate_events,
)
from causeline.query_api.dora.rollouts import Rollout

_NO_TAGS: Final[dict[str, str]] = {}


class LargeRollout(NamedTuple):
    """A rollout of several events, or one that goes back or is rolled back: what cannot be read off one row."""

    place: RolloutPlace
    rollout: Rollout
    targets: tuple[str, ...]


class RolloutColumns(NamedTuple):
    """Rows of events that succeeded, or failed, and are a rollout by themselves; and everything else, as objects."""

    successes: Numbers
    failures: Numbers
    large: Sequence[LargeRollout]
    attempts: Sequence[FailedAttempt]


def gather_columns(columns: FactColumns, window: int | None) -> RolloutColumns:
    """Return the rollouts of all places. `window` is how far a rollback reaches, in ms; None: any distance."""
    rows = np.flatnonzero(columns.place >= 0)
    place = columns.place[rows]
    is_special: Bits = np.zeros(len(columns.places), np.bool_)
    is_special[place[_is_marked([columns.facts[row] for row in rows.tolist()])]] = True
    is_special[_places_of_repeats(columns, rows, place)] = True
    is_plain = ~is_special[place]
    plain, outcome = rows[is_plain], columns.outcome[rows[is_plain]]
    singles: list[int] = []
    large: list[LargeRollout] = []
    attempts: list[FailedAttempt] = []
    for own_place, own_rows in _by_place(columns, rows[~is_plain]):
        events = [read_event(columns.facts[row]) for row in own_rows]
        relate_events(events)
        own = rollouts_of_place(own_place, events, window)
        attempts += own.attempts
        involved_ids = {*own.targets, *(target for targets in own.targets.values() for target in targets)}
        for one in own.successes:
            if len(one.events) == 1 and not one.is_rollback and one.id not in involved_ids:
                singles.append(columns.rows[one.id])
            else:
                large.append(LargeRollout(own_place, one, own.targets.get(one.id, ())))
    is_placed: Bits = np.array([bool(each.environment) for each in columns.places], np.bool_)
    failures = plain[(outcome == FAILURE) & is_placed[columns.place[plain]]]
    return RolloutColumns(np.concatenate((plain[outcome == SUCCESS], numbers(singles))), failures, large, attempts)


def _is_marked(facts: Sequence[ChangeFact]) -> Bits:
    """Tell of which events it matters what they name, or that they are marked as rollbacks."""
    marks = np.fromiter((bool(fact.related_id or (fact.tags and _says_more(fact))) for fact in facts), np.bool_, len(facts))
    if may_say_rollback("\n".join([fact.title for fact in facts])):
        marks |= np.fromiter((is_rollback(fact.title[:MOST_TEXT], _NO_TAGS) for fact in facts), np.bool_, len(facts))
    return marks


def _says_more(fact: ChangeFact) -> bool:
    return ROLLBACK_TAG in fact.tags or bool(fact.tags.get(DEPLOYMENT_ID_TAG))


def _places_of_repeats(columns: FactColumns, rows: Numbers, place: Numbers) -> Numbers:
    """Return the places where two events are of one version, or have none and begin at one instant."""
    version = code([fact.release or fact.commit for fact in (columns.facts[row] for row in rows.tolist())])
    nameless = version.by_text.get("", -1)
    has_version = version.codes != nameless
    keys = np.sort(place[has_version] * len(version.by_text) + version.codes[has_version])
    repeats = keys[1:][keys[1:] == keys[:-1]] // max(len(version.by_text), 1)
    begin, others = columns.begin[rows[~has_version]], place[~has_version]
    order = np.lexsort((begin, others))
    begin, others = begin[order], others[order]
    return np.concatenate((repeats, others[1:][(begin[1:] == begin[:-1]) & (others[1:] == others[:-1])]))


def _by_place(columns: FactColumns, rows: Numbers) -> Iterator[tuple[RolloutPlace, list[int]]]:
    place = columns.place[rows]
    order = np.argsort(place, kind="stable")
    rows, place = rows[order], place[order]
    starts = starts_of(place)
    for own_rows, start in zip(np.split(rows, starts[1:]), starts, strict=False):
        yield columns.places[place[start]], own_rows.tolist()
