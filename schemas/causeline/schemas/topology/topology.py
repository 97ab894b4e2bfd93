"""The graph of a tenant's services: what a name means, who calls whom, and whose files a change touched. Pure.

Names resolve the same way on every server, also where two of them took writes at once: a service's own name comes before an alias, and of
two services with one alias the first in the order of names has it. A name that nobody described is a service too: it has callers.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import Final

from causeline.schemas.topology.file_index import FileIndex, FileOwners
from causeline.schemas.topology.service import Service

MAX_HOPS: Final = 3
"""Beyond that everything of a fleet is reached from everywhere."""


class Topology:
    """A value: the services that were given and what follows from them. It keeps no clock and changes nothing."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        by_name = {service.name: service for service in services}
        self.services: Final[Mapping[str, Service]] = MappingProxyType(dict(sorted(by_name.items())))
        aliases: dict[str, str] = {}
        for service in self.services.values():
            for alias in service.aliases:
                if alias not in by_name:
                    aliases.setdefault(alias, service.name)
        self._aliases: Final = aliases

    def resolve(self, name: str) -> str:
        """Return the service that a name or an alias means; a name that nobody described means itself."""
        return self._aliases.get(name, name)

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return every name that means the same service as this one does, its own first: what events may call it."""
        own = self.resolve(name)
        service = self.services.get(own)
        return (own, *(alias for alias in service.aliases if self._aliases.get(alias) == own)) if service else (own,)

    def callees(self, name: str, hops: int = MAX_HOPS, most: int | None = None) -> dict[str, int]:
        """Return what a service (or alias) depends on, with the fewest hops to it (from 1), nearest first; itself is never among them.

        `most`: no more than so many of them.
        """
        origin = self.resolve(name)
        distances = {origin: 0}
        waiting = deque([origin])
        while waiting and (most is None or len(distances) <= most):
            caller = waiting.popleft()
            if distances[caller] < hops:
                for callee in self._direct_callees.get(caller, ()):
                    if callee not in distances:
                        distances[callee] = distances[caller] + 1
                        waiting.append(callee)
        del distances[origin]
        return distances if most is None else dict(islice(distances.items(), most))

    def callers(self, name: str) -> frozenset[str]:
        """Return the services that depend on this one (or alias) by themselves: one hop, without itself."""
        return self._direct_callers.get(self.resolve(name), frozenset())

    @property
    def has_files(self) -> bool:
        """Whether any service says which files are its own."""
        return self._file_index.is_of_any

    def owners_of_files(self, repo: str, files: Sequence[str]) -> FileOwners:
        """Return the services whose `paths` match files of a change, in bounded steps (`FileIndex.owners`)."""
        return self._file_index.owners(repo, files)

    @cached_property
    def _direct_callees(self) -> Mapping[str, tuple[str, ...]]:
        return {
            name: tuple(dict.fromkeys(callee for callee in map(self.resolve, service.depends_on) if callee != name))
            for name, service in self.services.items()
        }

    @cached_property
    def _direct_callers(self) -> Mapping[str, frozenset[str]]:
        callers: dict[str, set[str]] = {}
        for caller, callees in self._direct_callees.items():
            for callee in callees:
                callers.setdefault(callee, set()).add(caller)
        return {callee: frozenset(names) for callee, names in callers.items()}

    @cached_property
    def _file_index(self) -> FileIndex:
        return FileIndex(self.services.values())
