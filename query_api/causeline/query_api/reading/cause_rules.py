"""What an operator says of rankings: how late sources notice, which kinds of their own tenants mean as changes, and the weights."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from causeline.query_api.causes.facts import NOTICING_DELAY
from causeline.query_api.causes.kinds import kinds_of_changes
from causeline.query_api.causes.model import DEFAULT_MODEL, Model
from causeline.schemas.records.problem import Problem

_NOBODY: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
_AT_ONCE: Final[Mapping[str, int]] = MappingProxyType({})
EVERY_TENANT: Final = ""


class CauseRules(NamedTuple):
    """`delays` are by dialect, in ms: how long its sources take to notice what they say the beginning of.

    `kinds` are by tenant, those of all under `EVERY_TENANT`: kinds that are changes though no table names them. `model` are the weights.
    """

    delays: Mapping[str, int] = _AT_ONCE
    kinds: Mapping[str, frozenset[str]] = _NOBODY
    model: Model = DEFAULT_MODEL

    def delay_of(self, problem: Problem) -> int:
        """Return how long (ms) before its start a problem began to go wrong.

        Where nobody sent a start it is the moment of arrival, and so that of noticing: by a minute, whatever the dialect.
        """
        return NOTICING_DELAY if problem.start == problem.ingest_ts else self.delays.get(problem.dialect, 0)

    @property
    def most_delay(self) -> int:
        """Return the longest delay (ms) of any problem."""
        return max((NOTICING_DELAY, *self.delays.values()))

    def kinds_of(self, tenant: str) -> frozenset[str]:
        """Return the kinds that a tenant means as changes beside those of the table."""
        return self.kinds.get(EVERY_TENANT, frozenset()) | self.kinds.get(tenant, frozenset())

    def all_kinds_of(self, tenant: str) -> tuple[str, ...]:
        """Return every kind that a tenant's rankings look for."""
        return kinds_of_changes(self.kinds_of(tenant))
