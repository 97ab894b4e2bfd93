"""Breadth: other problems that opened within ten minutes, and which of them the same change reaches."""

import math
from typing import Final

from causeline.query_api.causes.context import Context, Neighbour
from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.questions.relation import EVERYTHING


def weigh_breadth(change: Candidate, context: Context) -> Evidence | None:
    """Return the logarithm of how many it reaches. What names neither service nor entity reaches all and says nothing."""
    if not context.neighbours or change.is_unscoped:
        return None
    count = _reach_of(context.neighbours).count(change)
    if not count:
        return None
    others = "other problem" if len(context.neighbours) == 1 else "other problems"
    text = f"reaches {count} of {len(context.neighbours)} {others} that opened within 10 min"
    return Evidence((Term("breadth", math.log1p(count)),), text)


class _Reach:
    """Which of some neighbours a change reaches, by service and by entity: a thousand changes ask, of two hundred neighbours each."""

    def __init__(self, neighbours: tuple[Neighbour, ...]) -> None:
        self.neighbours: Final = neighbours
        self._by_service: Final[dict[str, set[int]]] = {}
        self._by_entity: Final[dict[str, set[int]]] = {}
        for number, neighbour in enumerate(neighbours):
            for service in {neighbour.service, *neighbour.callees} - {""}:
                self._by_service.setdefault(service, set()).add(number)
            for entity in neighbour.entities - {EVERYTHING, ""}:
                self._by_entity.setdefault(entity, set()).add(number)

    def count(self, change: Candidate) -> int:
        """Return how many it reaches."""
        by_service = self._by_service.get(change.service, _NOBODY)
        by_entity = [self._by_entity[entity] for entity in change.entities if entity in self._by_entity]
        return len(by_service.union(*by_entity)) if by_entity else len(by_service)


_NOBODY: Final = frozenset[int]()
_newest = _Reach(())


def _reach_of(neighbours: tuple[Neighbour, ...]) -> _Reach:
    """Return what is made once for all changes of a ranking. Of two threads that rank at once each may make it anew: it is the same."""
    global _newest  # noqa: PLW0603 - a memory of one: the same neighbours come a thousand times on end
    reach = _newest
    if reach.neighbours is not neighbours:
        reach = _newest = _Reach(neighbours)
    return reach
