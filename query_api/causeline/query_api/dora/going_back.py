"""Which deployments of one place go back: they roll back an earlier one, by what they name, by a mark, or by an older version.

Versions are ordered by their first success. Going to an earlier one rolls back what was live before; going forward again does not.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from causeline.query_api.dora.rollouts import Rollout


def rollback_targets_of(rollouts: Sequence[Rollout], by_event: Mapping[str, str], window: int | None) -> dict[str, tuple[str, ...]]:
    """Return the deployments that each one rolls back, by id, where it does. They are those of one place in order of end.

    `by_event` has the deployment of each event. From end to end lie at most `window` ms, None: as many as there are.
    """
    by_rollout = _targets(rollouts, by_event)
    if not by_rollout:
        return {}
    ends = {rollout.id: rollout.end for rollout in rollouts}
    longest = math.inf if window is None else window
    in_time = {id_: tuple(sorted(one for one in targets if 0 <= ends[id_] - ends[one] <= longest)) for id_, targets in by_rollout.items()}
    return {id_: targets for id_, targets in in_time.items() if targets}


def _targets(rollouts: Iterable[Rollout], by_event: Mapping[str, str]) -> dict[str, set[str]]:
    firsts: dict[str, int] = {}
    for rollout in rollouts:
        first = rollout.successes[0]
        if first < firsts.get(rollout.version, first + 1):
            firsts[rollout.version] = first
    targets = {}
    live: Rollout | None = None
    for rollout in rollouts:
        names = [event.target for event in rollout.events if event.target]
        if names:
            # An attempt that failed may be named: then nothing is rolled back.
            targets[rollout.id] = {by_event[name] for name in names if by_event.get(name, rollout.id) != rollout.id}
        elif live is not None and (rollout.is_rollback or _is_older(rollout.version, live.version, firsts)):
            targets[rollout.id] = {live.id}
        live = rollout
    return targets


def _is_older(version: str, live: str, firsts: Mapping[str, int]) -> bool:
    return bool(version and live) and firsts[version] < firsts[live]
