"""Whose ranking is made next: by tenant in turn, what just opened or closed before the rest. Pure."""

from collections import OrderedDict
from typing import Final, NamedTuple


class ProblemPlace(NamedTuple):
    """A problem on a partition."""

    partition: int
    problem_id: str


class _Line:
    """Tenants in the order of their turns, each with its problems in order. Nobody stands there without a problem."""

    def __init__(self) -> None:
        self.tenants: Final[OrderedDict[str, OrderedDict[ProblemPlace, None]]] = OrderedDict()

    def take(self, tenant: str, most: int) -> list[ProblemPlace]:
        places = self.tenants.pop(tenant, OrderedDict())
        batch = [places.popitem(last=False)[0] for _ in range(min(most, len(places)))]
        if places:
            self.tenants[tenant] = places  # at the end: the next turn is another tenant's
        return batch

    def remove(self, tenant: str, place: ProblemPlace) -> None:
        places = self.tenants.get(tenant)
        if places is not None:
            places.pop(place, None)
            if not places:
                del self.tenants[tenant]


class RankingTurns:
    """What waits to be ranked, each problem once."""

    def __init__(self) -> None:
        self._urgent: Final = _Line()
        self._later: Final = _Line()
        self._tenants: Final[dict[ProblemPlace, str]] = {}
        self._busy: Final[set[str]] = set()

    def __len__(self) -> int:
        return len(self._tenants)

    def add(self, tenant: str, place: ProblemPlace, *, is_urgent: bool) -> None:
        """Let a problem wait; one that waits already waits on, and is urgent if it is either time."""
        if place in self._urgent.tenants.get(tenant, ()):
            return
        if is_urgent:
            self._later.remove(tenant, place)
        line = self._urgent if is_urgent else self._later
        line.tenants.setdefault(tenant, OrderedDict())[place] = None
        self._tenants[place] = tenant

    def take(self, most: int) -> tuple[str, list[ProblemPlace]] | None:
        """Return the tenant whose turn it is and at most so many of its problems, the urgent ones first; None where nobody may be served.

        The tenant is busy then, and gets no other turn before `finish`.
        """
        tenant = next((one for line in (self._urgent, self._later) for one in line.tenants if one not in self._busy), None)
        if tenant is None:
            return None
        places = self._urgent.take(tenant, most)
        places += self._later.take(tenant, most - len(places))
        for place in places:
            del self._tenants[place]
        self._busy.add(tenant)
        return tenant, places

    def finish(self, tenant: str) -> None:
        """Say that a tenant's turn is over."""
        self._busy.discard(tenant)

    def drop(self, partition: int) -> None:
        """Forget what waits of a partition."""
        for place, tenant in [each for each in self._tenants.items() if each[0].partition == partition]:
            self._urgent.remove(tenant, place)
            self._later.remove(tenant, place)
            del self._tenants[place]
