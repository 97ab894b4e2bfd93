"""Published rankings, read back: which one was the newest at a time, and which one a ranking of now agrees with.

They speak of what everybody of the tenant could see. A change that was restricted since is left out for who may not see it now.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.ranking import Ranking
from causeline.query_api.reading.causes import RankedCauses
from causeline.query_api.reading.reader import Reader
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import in_groups
from causeline.schemas.web.principal import Groups


class PastCauses(NamedTuple):
    """A published ranking, cut to what is shown to the caller, and those of its changes by id that are still there, as they are now."""

    revision: CauseRevision
    events: dict[str, Event]


class RevisionReader:
    """Finds revisions in the store. Its methods raise what the store raises (`EventStore`)."""

    def __init__(self, reader: Reader) -> None:
        self._reader: Final = reader

    async def causes_at(self, problem: Problem, at: int, groups: Groups, limit: int) -> PastCauses | None:
        """Return the newest ranking of a problem that was published up to `at` (ms UTC), its first `limit` causes; None before it."""
        store = await self._reader.lists(problem.tenant)
        revision = await store.cause_revision(problem.tenant, problem.id, at)
        if revision is None:
            return None
        events = await store.events_by_id(problem.tenant, [cause.event_id for cause in revision.causes])
        return _cut_to_visible(revision, events, groups, limit)

    async def newest_of(self, tenant: str, problem_ids: Sequence[str], groups: Groups, limit: int) -> dict[str, PastCauses]:
        """Return the newest published ranking of each problem that has one, by id, of the first few causes those that may be seen.

        Of each ranking only `limit` causes are looked at, so that the answer of many problems stays small.
        """
        store = await self._reader.lists(tenant)
        revisions = await store.cause_revisions(tenant, problem_ids)
        firsts = {key: msgspec.structs.replace(row, causes=row.causes[:limit]) for key, row in revisions.items()}
        events = await store.events_by_id(tenant, list({cause.event_id for row in firsts.values() for cause in row.causes}))
        return {key: _cut_to_visible(row, events, groups, limit) for key, row in firsts.items()}

    async def newest(self, problem: Problem) -> CauseRevision | None:
        """Return the newest published ranking of a problem; None before the first."""
        store = await self._reader.lists(problem.tenant)
        return await store.cause_revision(problem.tenant, problem.id)


def _cut_to_visible(revision: CauseRevision, events: Mapping[str, Event], groups: Groups, limit: int) -> PastCauses:
    hidden_ids = {event.id for event in events.values() if not in_groups(event.allowed_groups, groups)}
    causes = [cause for cause in revision.causes if cause.event_id not in hidden_ids][:limit]
    shown_events = {cause.event_id: events[cause.event_id] for cause in causes if cause.event_id in events}
    return PastCauses(msgspec.structs.replace(revision, causes=causes), shown_events)


def revision_number(newest: CauseRevision | None, answer: RankedCauses, before: int | None) -> int:
    """Return the number of the newest published ranking, or the next one where a ranking of now is news beside it.

    A ranking that nobody publishes never is: of another window (`before`), or with changes that not everybody may see.
    """
    if newest is None:
        return 1
    is_of_all = before is None and not any(event.allowed_groups for event in answer.events.values())
    return newest.revision + 1 if is_of_all and not agrees(newest, answer.ranking) else newest.revision


def agrees(revision: CauseRevision, ranking: Ranking) -> bool:
    """Tell whether a ranking says the same as a published one: the verdict and the first cause."""
    first = ranking.causes[0].event_id if ranking.causes else ""
    return (revision.verdict, revision.first) == (ranking.verdict, first)
