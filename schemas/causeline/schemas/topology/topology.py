"""The graph of a tenant's services: what a name means, who calls whom, and whose files a change touched. Pure.

Names resolve the same way on every server, also where two of them took writes at once: a service's own name comes before an alias, and of
two services with one alias the first in the order of names has it. A name that nobody described is a service too: it has callers.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from causeline.schemas.topology.paths import MAX_FILE_PATH, FilePatterns, is_same_repo
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

    def callees(self, name: str, hops: int = MAX_HOPS) -> dict[str, int]:
        """Return what a service (or alias) depends on, with the fewest hops to it (from 1), nearest first; itself is never among them."""
        origin = self.resolve(name)
        distances = {origin: 0}
        waiting = deque([origin])
        while waiting:
            caller = waiting.popleft()
            if distances[caller] < hops:
                for callee in self._direct_callees.get(caller, ()):
                    if callee not in distances:
                        distances[callee] = distances[caller] + 1
                        waiting.append(callee)
        del distances[origin]
        return distances

    def callers(self, name: str) -> frozenset[str]:
        """Return the services that depend on this one (or alias) by themselves: one hop, without itself."""
        return self._direct_callers.get(self.resolve(name), frozenset())

    def services_of_files(self, repo: str, files: Iterable[str]) -> tuple[str, ...]:
        """Return the services whose `paths` match one of the files, in the order of names.

        Where the change and the service both name a repository, it must be the same one (`is_same_repo`).
        """
        looked_at = [path for path in dict.fromkeys(file.removeprefix("./") for file in files) if 0 < len(path) <= MAX_FILE_PATH]
        return tuple(
            name
            for name, patterns in self._patterns.items()
            if is_same_repo(repo, self.services[name].repo or "") and any(map(patterns.match, looked_at))
        )

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
    def _patterns(self) -> Mapping[str, FilePatterns]:
        return {name: FilePatterns(service.paths) for name, service in self.services.items() if service.paths}
