"""What answers about DORA metrics are made of: who reads a tenant's history, and the versions of its definition."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from causeline.query_api.dora.columns.history_columns import HistoryColumns
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.questions.dora import DefinitionVersions
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.schemas.dora.view import TenantDefinitions

_Shown = TypeVar("_Shown")


class DoraHistories(Protocol):
    """What follows from the rows of a tenant."""

    async def dora(self, question: DoraQuestion, show: Callable[[DoraHistory], _Shown]) -> _Shown:
        """Return what `show` makes of the history behind a question. Raises what `DoraReader.dora` raises."""
        ...

    async def sums(self, question: DoraQuestion, show: Callable[[HistoryColumns], _Shown]) -> _Shown:
        """Return what `show` makes of the same history where it only sums. Raises what `DoraReader.dora` raises."""
        ...


DefinitionsOf = Callable[[str], Awaitable[DefinitionVersions]]
"""The versions of a tenant's definition; raises Unavailable while they are not known."""


async def first_definition(_: str) -> DefinitionVersions:
    """Return the version that holds where nobody said anything."""
    return TenantDefinitions()


class DoraParts(NamedTuple):
    """What the handlers ask."""

    histories: DoraHistories
    definitions: DefinitionsOf = first_definition
