"""Which events are one rollout: retries and steps of one way into production count once.

By an explicit id; else by what it is a step of; else events of one place and version that begin within six hours of the end of the one
before, unless another version succeeded between; without a version those that began at the same instant.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from causeline.query_api.dora.rollout_events import RolloutEvent

PAUSE: Final = 6 * 3_600_000
"""ms between the end of one part of a rollout and the beginning of the next one, at most."""

_Key = tuple[str, str | int, bool]
_ORDER: Final = attrgetter("begin", "end", "id")


class Rollout(msgspec.Struct, frozen=True, gc=False):
    """Events of one place that are one, in order. `successes` are the ends of those that succeeded, in order; `end` is the last of them.

    `id` is the first event that succeeded, else the first one; `version` what succeeded, empty where nobody says.
    """

    id: str
    events: Sequence[RolloutEvent]
    successes: tuple[int, ...]
    version: str
    is_rollback: bool
    end: int = 0


class _Growing:
    """A rollout as it is gathered."""

    __slots__ = ("end", "events")

    def __init__(self, event: RolloutEvent) -> None:
        self.events = [event]
        self.end = event.end

    def add(self, event: RolloutEvent) -> None:
        self.events.append(event)
        self.end = max(self.end, event.end)


def gather_rollouts(events: Iterable[RolloutEvent]) -> list[Rollout]:
    """Return the rollouts of one place."""
    order = sorted(events, key=_ORDER)
    if _are_apart(order):
        return [lone_rollout(event) for event in order]
    return [_rollout(sorted(group.events, key=_ORDER)) for group in _gather(order)]


def _are_apart(events: Sequence[RolloutEvent]) -> bool:
    """Tell whether each event is a rollout of its own, as is most common: none is a step, and no two have one key."""
    keys = {(event.version or event.begin, event.is_rollback) for event in events if not event.whole and not event.deployment_id}
    return len(keys) == len(events)


def lone_rollout(event: RolloutEvent) -> Rollout:
    """Return the rollout of an event that is one by itself."""
    ends = (event.end,) if event.outcome == "success" else ()
    return Rollout(event.id, [event], ends, event.version, event.is_rollback, event.end)


def _rollout(events: Sequence[RolloutEvent]) -> Rollout:
    if len(events) == 1:
        return lone_rollout(events[0])
    successes = [event for event in events if event.outcome == "success"]
    return Rollout(
        (successes or events)[0].id,
        events,
        tuple(sorted(event.end for event in successes)),
        next((event.version for event in successes if event.version), ""),
        any(event.is_rollback for event in events),
        max((event.end for event in successes), default=0),
    )


def _gather(order: Sequence[RolloutEvent]) -> list[_Growing]:
    roots = _roots(order)
    versions = _Versions(order, roots)
    rollouts: list[_Growing] = []
    newest: dict[_Key, _Growing] = {}
    by_event: dict[str, _Growing] = {}
    steps: list[RolloutEvent] = []
    for event in order:
        root = roots.get(event.id)
        if root is not None:
            whole = by_event.get(root)
            if whole is None:
                steps.append(event)  # it began before what it is a step of
            else:
                whole.add(event)
            continue
        key = _key(event)
        rollout = newest.get(key)
        if rollout is not None and (key[0] == "id" or not versions.ends(key, rollout.end, event.begin)):
            rollout.add(event)
        else:
            rollout = newest[key] = _Growing(event)
            rollouts.append(rollout)
        by_event[event.id] = rollout
    for event in steps:
        by_event[roots[event.id]].add(event)
    return rollouts


def _key(event: RolloutEvent) -> _Key:
    if event.deployment_id:
        return "id", event.deployment_id, False
    if event.version:
        return "version", event.version, event.is_rollback
    return "start", event.begin, event.is_rollback


def _roots(events: Sequence[RolloutEvent]) -> dict[str, str]:
    """Return which event each step belongs to in the end. Steps that name each other in a circle, or have an id of their own, are none."""
    wholes = {event.id: event.whole for event in events if event.whole and not event.deployment_id}
    roots: dict[str, str] = {}
    for step in wholes:
        path: dict[str, None] = {}
        at = step
        while at in wholes and at not in roots and at not in path:
            path[at] = None
            at = wholes[at]
        root = "" if at in path else roots.get(at, at)
        roots.update(dict.fromkeys(path, root))
    return {step: root for step, root in roots.items() if root}


class _Versions:
    """What succeeded when in one place: whether a version was still the newest one as its next part began."""

    def __init__(self, order: Sequence[RolloutEvent], roots: dict[str, str]) -> None:
        successes = [
            (event.end, (event.version, event.is_rollback))
            for event in order
            if event.outcome == "success" and event.id not in roots and (event.version or event.is_rollback)
        ]
        successes.sort()
        self._ends: Final = [end for end, _ in successes]
        self._versions: Final = [version for _, version in successes]

    def ends(self, key: _Key, end: int, begin: int) -> bool:
        """Tell whether a rollout of a key that went on until `end` was over before `begin`."""
        if begin - end > PAUSE:
            return True
        first = bisect_right(self._ends, end)
        last = bisect_right(self._ends, begin, lo=first) if begin > end else first
        return any(self._versions[number] != key[1:] for number in range(first, last))
