"""The Ranker over the store: what was on the log when a problem opened is seen, where that takes no longer than a second."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from causeline.query_api.ports import Frontier
from causeline.query_api.publishing.ports import RankedBatch
from causeline.query_api.questions.query import ChangeUpdate, UpdateQuery
from causeline.query_api.reading.causes import CauseReader, RankedCauses
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.sharing import RecentAnswers
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.principal import Groups

_log = structlog.get_logger(__name__)

_WAIT_S: Final = 1.0
_SILENCE_S: Final = 5.0
"""After a wait in vain the rows are behind by more than is waited for: for so long nobody waits."""
EVERYBODY: Final[Groups] = ()
"""Of no group: what is published is what everybody of the tenant may see."""


class SharedRanker:
    """See Ranker. `partitions` of the log; `clock` gives seconds that never go back."""

    def __init__(self, reader: Reader, causes: CauseReader, partitions: int, clock: Callable[[], float]) -> None:
        self._reader: Final = reader
        self._causes: Final = causes
        self._frontier: Final[Frontier] = reader.frontier
        self._partitions: Final = partitions
        self._clock: Final = clock
        self._recent: Final = RecentAnswers(clock)
        self._silent_until = float("-inf")

    async def rank(self, problems: Sequence[Problem], now: int) -> RankedBatch:
        """See Ranker."""
        as_of = await self._catch_up(now)
        return RankedBatch(await self._rank(problems, now), as_of)

    async def updates(self, query: UpdateQuery, now: int) -> tuple[Sequence[ChangeUpdate], int]:
        """See Ranker. It waits for nothing: what is not there yet is there at the next look."""
        as_of = self._as_of(now)
        store = await self._reader.lists(query.tenant)
        return await store.updates(query), as_of

    async def problem(self, tenant: str, problem_id: str, now: int) -> Problem | None:
        """See Ranker."""
        history = await self._reader.problem(tenant, problem_id, now)
        return None if history is None else history.problem

    async def _rank(self, problems: Sequence[Problem], now: int) -> Sequence[RankedCauses | Exception]:
        try:
            return await self._causes.causes_of_all(problems, EVERYBODY, now, recent=self._recent)
        except RequestError as error:
            return [error] * len(problems)
        except Exception as error:  # noqa: BLE001 - one problem's fault is not to hold up the others
            if len(problems) == 1:
                return [error]
            _log.warning("problems cannot be ranked together", problems=len(problems), reason=repr(error))
        return [answer for problem in problems for answer in await self._rank([problem], now)]

    async def _catch_up(self, now: int) -> int:
        """Return up to when (ms UTC) what was on the log is in the rows, after a wait for all of it."""
        if self._clock() >= self._silent_until:
            try:
                async with asyncio.timeout(_WAIT_S):
                    if await self._frontier.reach():
                        return now
            except TimeoutError:
                pass
            self._silent_until = self._clock() + _SILENCE_S
        return self._as_of(now)

    def _as_of(self, now: int) -> int:
        behind_s = max(map(self._frontier.behind, range(self._partitions)))
        return max(now - int(behind_s * 1_000), 0) if behind_s < now / 1_000 else 0
