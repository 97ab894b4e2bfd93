"""The deployments of each place in order of time: what came next, and what was the last one before.

Few places have problems, so what is asked of one is worked out as it is asked.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Final, NamedTuple

from causeline.query_api.dora.deployments import Deployment


class _Line(NamedTuple):
    """Deployments, and the instants that they are in order of."""

    deployments: list[Deployment]
    instants: list[int]

    def until(self, at: int) -> int:
        """Return how many came by an instant."""
        return bisect_right(self.instants, at)


class Timelines:
    """Deployments, given in order of their ends, by service and environment; without an environment those of the service."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        places: dict[str, dict[str, list[Deployment]]] = {}
        for deployment in deployments:
            place = places.setdefault(deployment.service, {})
            if deployment.environment in place:
                place[deployment.environment].append(deployment)
            else:
                place[deployment.environment] = [deployment]
        self._places: Final = places
        self._line = cache(self._make_line)
        self._steps = cache(self._make_steps)

    def _of(self, service: str, environment: str) -> list[Deployment]:
        places = self._places.get(service, {})
        if environment:
            return places.get(environment, [])
        return sorted((one for place in places.values() for one in place), key=attrgetter("end", "id"))

    def _make_line(self, service: str, environment: str) -> _Line:
        own = self._of(service, environment)
        return _Line(own, [one.end for one in own])

    def _make_steps(self, service: str, environment: str) -> _Line:
        steps = sorted(((end, one.id, one) for one in self._of(service, environment) for end in one.successes), key=lambda step: step[:2])
        return _Line([one for _, _, one in steps], [end for end, _, _ in steps])

    def last_until(self, service: str, environment: str, at: int) -> Deployment | None:
        """Return the last one that ended by an instant."""
        line = self._line(service, environment)
        number = line.until(at)
        return line.deployments[number - 1] if number else None

    def next_after(self, service: str, environment: str, at: int) -> Deployment | None:
        """Return the first one that ended after an instant."""
        line = self._line(service, environment)
        number = line.until(at)
        return line.deployments[number] if number < len(line.instants) else None

    def steps_until(self, service: str, environment: str, at: int) -> Iterator[tuple[int, Deployment]]:
        """Yield the successes by an instant, also those of deployments that went on, the newest first."""
        line = self._steps(service, environment)
        for number in reversed(range(line.until(at))):
            yield line.instants[number], line.deployments[number]


class Beginnings:
    """Deployments of each place in order of their starts."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._lines: Final[dict[tuple[str, str], _Line]] = {}
        for deployment in sorted(deployments, key=attrgetter("start", "end", "id")):
            line = self._lines.setdefault((deployment.service, deployment.environment), _Line([], []))
            line.deployments.append(deployment)
            line.instants.append(deployment.start)

    def first_end(self, like: Deployment, since: int, until: int | None) -> int | None:
        """Return the earliest end after that of a deployment, of those of its place that began in [since, until); else None."""
        line = self._lines.get((like.service, like.environment), _NOTHING)
        earliest: int | None = None
        for number in range(bisect_left(line.instants, since), len(line.instants)):
            limits = [limit for limit in (until, earliest) if limit is not None]
            if limits and line.instants[number] >= min(limits):
                break
            end = line.deployments[number].end
            if end > like.end and (earliest is None or end < earliest):
                earliest = end
        return earliest


_NOTHING: Final = _Line([], [])
