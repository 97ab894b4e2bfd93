"""Whose numbers are asked for, and by which columns they can be told apart."""

from typing import Literal, Protocol

import msgspec

from causeline.query_api.dora.dora_facts import ProblemScope

GroupColumn = Literal["service", "team", "repo", "project"]


class ScopedFact(Protocol):
    """What has the columns of a scope."""

    @property
    def service(self) -> str:
        """The service, empty for none."""
        ...

    @property
    def team(self) -> str:
        """The team, empty for none."""
        ...

    @property
    def repo(self) -> str:
        """The repo, empty for none."""
        ...

    @property
    def project(self) -> str:
        """The project, empty for none."""
        ...


class DoraScope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose numbers are asked for: each column one of some values, empty for any. Services by the names that aliases mean."""

    service: frozenset[str] = frozenset()
    team: frozenset[str] = frozenset()
    repo: frozenset[str] = frozenset()
    project: frozenset[str] = frozenset()

    def holds(self, fact: ScopedFact) -> bool:
        """Tell whether something belongs to it."""
        return (
            (not self.service or fact.service in self.service)
            and (not self.team or fact.team in self.team)
            and (not self.repo or fact.repo in self.repo)
            and (not self.project or fact.project in self.project)
        )


def scope_of_fact(fact: ScopedFact) -> ProblemScope:
    """Return where something belongs, as a source of problems."""
    return ProblemScope(service=fact.service, team=fact.team, repo=fact.repo, project=fact.project)
