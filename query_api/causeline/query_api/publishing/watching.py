"""Which problems late changes may concern, and which of them a change did concern. No clock, no I/O.

A change that came in late, ended, moved, or was taken away is a new version of an event: it concerns the watched problems whose window its
span touches. What is ranked again for it is published only where it says something else, so to ask once too often costs time alone. Weights
that changed concern all of them, once.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from causeline.query_api.causes.kinds import CLOCK_ERROR, HOUR, LOOKBACKS, MINUTE, kinds_of_changes
from causeline.query_api.causes.model import DEFAULT_MODEL
from causeline.query_api.publishing.schedule import RankingCourse, is_watched, opened_at
from causeline.query_api.questions.query import ChangeUpdate, UpdateQuery
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import MAX_MS, MIN_MS

MOST_WATCHED: Final = 200
"""Problems of a tenant, the newest."""
_MOST_UPDATES: Final = 1_000
"""Of more at once, every watched problem is ranked again."""
_CALM_MS: Final = MINUTE
"""How often a tenant is asked about whose watched problems are all older than an hour."""
_LATE_MS: Final = 10_000
"""By how much servers' clocks may differ: what arrived so long before everything was seen is asked for again."""
_NO_KINDS: Final[frozenset[str]] = frozenset()
_LONGEST: Final = max(LOOKBACKS.values())


class WatchedTenant(NamedTuple):
    """The problems of a tenant that are looked after now, and the question about what changed.

    `newcomers` are the ids of those that no earlier answer was looked at for: what others have seen already may be new to them.
    `leftovers` are the ids of those that other weights ranked last.
    """

    query: UpdateQuery
    problems: Sequence[Problem]
    newcomers: frozenset[str]
    leftovers: frozenset[str]


class _WatchedRow(NamedTuple):
    """A watched problem, when it opened (ms UTC), and its newest revision."""

    opened: int
    problem: Problem
    last: CauseRevision


class Watch:
    """What was seen of each tenant with watched problems, as long as it has some.

    `kinds_of`: its changes beside those of the table. `model` is the version of the weights that rank now.
    """

    def __init__(self, kinds_of: Callable[[str], frozenset[str]] = lambda _: _NO_KINDS, model: str = DEFAULT_MODEL.version) -> None:
        self._kinds_of: Final = kinds_of
        self._model: Final = model
        self._since: dict[str, int] = {}
        self._looked_at: dict[str, int] = {}
        self._handled_updates: dict[str, frozenset[tuple[str, int]]] = {}
        self._problems: dict[str, frozenset[str]] = {}

    def look(self, courses: Iterable[RankingCourse], now: int, restless: Collection[str] = ()) -> list[WatchedTenant]:
        """Return whom to ask about now (ms UTC), out of the problems of all tenants; those that are restless in any case."""
        rows_of: dict[str, list[_WatchedRow]] = {}
        for course in courses:
            problem, last = course.problem, course.last
            if problem is not None and last is not None and is_watched(problem, now):
                rows_of.setdefault(course.tenant, []).append(_WatchedRow(opened_at(problem), problem, last.bare))
        for memory in (self._since, self._looked_at, self._handled_updates, self._problems):
            for tenant in memory.keys() - rows_of.keys():
                del memory[tenant]
        return [self._ask(tenant, rows, now) for tenant, rows in rows_of.items() if tenant in restless or self._is_time(tenant, rows, now)]

    def _is_time(self, tenant: str, rows: Iterable[_WatchedRow], now: int) -> bool:
        is_calm = all(row.opened < now - HOUR for row in rows)
        return not is_calm or self._looked_at.get(tenant, MIN_MS) <= now - _CALM_MS

    def _ask(self, tenant: str, rows: list[_WatchedRow], now: int) -> WatchedTenant:
        self._looked_at[tenant] = now
        rows = sorted(rows, key=itemgetter(0), reverse=True)[:MOST_WATCHED]
        newcomers = frozenset(row.problem.id for row in rows) - self._problems.get(tenant, frozenset())
        begins = [row.last.as_of - _LATE_MS for row in rows if row.problem.id in newcomers]
        since = max(min((*begins, self._since.get(tenant, MAX_MS))), MIN_MS)
        starts = [row.problem.start for row in rows]
        leftovers = frozenset(row.problem.id for row in rows if row.last.model != self._model)
        query = UpdateQuery(
            tenant=tenant,
            from_ms=max(min(starts) - _LONGEST, MIN_MS),
            to_ms=max(starts) + CLOCK_ERROR + 1,
            since=since,
            kinds=kinds_of_changes(self._kinds_of(tenant)),
            limit=_MOST_UPDATES,
        )
        return WatchedTenant(query, [row.problem for row in rows], newcomers, leftovers)

    def choose(self, tenant: WatchedTenant, updates: Sequence[ChangeUpdate], as_of: int) -> list[str]:
        """Return the ids of the problems that the updates concern, each update once, and of those that other weights ranked.

        `as_of`: up to when (ms UTC) all is in the rows.
        """
        name = tenant.query.tenant
        self._problems[name] = frozenset(problem.id for problem in tenant.problems)
        since = self._since[name] = max(tenant.query.since, as_of - _LATE_MS)
        before = self._handled_updates.get(name, frozenset())
        self._handled_updates[name] = frozenset((update.id, update.updated_ts) for update in updates if update.updated_ts > since)
        if len(updates) == _MOST_UPDATES:
            return [problem.id for problem in tenant.problems]
        fresh = [update for update in updates if (update.id, update.updated_ts) not in before]
        return [
            problem.id
            for problem in tenant.problems
            if problem.id in tenant.leftovers or _is_concerned(problem, updates if problem.id in tenant.newcomers else fresh)
        ]


def _is_concerned(problem: Problem, updates: Iterable[ChangeUpdate]) -> bool:
    return any(_touches_window(update, problem.start) for update in updates)


def _touches_window(update: ChangeUpdate, onset: int) -> bool:
    return update.first <= onset + CLOCK_ERROR and update.last >= onset - LOOKBACKS.get(update.kind, _LONGEST)
