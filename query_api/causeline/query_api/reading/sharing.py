"""Several questions of one tenant that overlap, answered by one: each answer is what the store would have said to that question alone.

    share_changes, share_problems    one question for the union of all, cut to each in memory; of too many rows each is asked for itself
    share_rates                      a rate is of one name, a span and that name's problems: what several ask for is asked once

That in memory the same is chosen and in the same order is what the memory store promises too: `closest_changes`, `matches_problem` and
`cut_page` are its own. One question alone is passed on as it is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from causeline.query_api.ports import EventStore
from causeline.query_api.questions.matching import matches_problem
from causeline.query_api.questions.paging import cut_page
from causeline.query_api.questions.query import (
    ChangeQuery,
    ChangeRate,
    EventPosition,
    KindWindow,
    Page,
    ProblemFilter,
    RateQuery,
    RelatedChange,
)
from causeline.query_api.questions.relation import closest_changes
from causeline.schemas.records.problem import Problem

MOST_SHARED: Final = 2_000
"""Rows that one question may give for several: of more each is asked for itself, which reads them again and keeps fewer at once."""
MOST_SHARED_NAMES: Final = 1_000
_RATE_NAMES: Final = 200
_REMEMBERED_S: Final = 5.0
_MOST_REMEMBERED: Final = 10_000
"""Rates and counts of words, some hundred bytes each but for those of words (500 documents a tenant and minute)."""


class RecentAnswers:
    """What was asked within the last seconds, by question. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._answers: Final[OrderedDict[Hashable, tuple[float, Any]]] = OrderedDict()

    def get(self, question: Hashable) -> Any:
        """Return the answer to a question, None where it was not asked lately."""
        at, answer = self._answers.get(question, (float("-inf"), None))
        return answer if at > self._clock() - _REMEMBERED_S else None

    def put(self, question: Hashable, answer: Any) -> None:
        """Remember an answer; the oldest give way."""
        self._answers[question] = self._clock(), answer
        self._answers.move_to_end(question)
        while len(self._answers) > _MOST_REMEMBERED or next(iter(self._answers.values()))[0] <= self._clock() - _REMEMBERED_S:
            self._answers.popitem(last=False)


async def share_changes(store: EventStore, queries: Sequence[ChangeQuery]) -> list[list[RelatedChange]]:
    """Return `store.changes` of each question; they are of one tenant, and of the same groups and kinds left out."""
    if len(queries) > 1:
        union = _union_of_changes(queries)
        rows = await store.changes(union)
        if len(rows) < union.limit:
            events = [row.event for row in rows]
            return [await asyncio.to_thread(closest_changes, events, query) for query in queries]
    return [await store.changes(query) for query in queries]


def _union_of_changes(queries: Sequence[ChangeQuery]) -> ChangeQuery:
    first = queries[0]
    return ChangeQuery(
        tenant=first.tenant,
        groups=first.groups,
        at=first.at,
        from_ms=min(query.from_ms for query in queries),
        to_ms=max(query.to_ms for query in queries),
        exclude_kinds=first.exclude_kinds,
        windows=_union_of_windows(queries) if all(query.windows for query in queries) else (),
        limit=MOST_SHARED + 1,
    )


def _union_of_windows(queries: Iterable[ChangeQuery]) -> tuple[KindWindow, ...]:
    begins: dict[str, int] = {}
    for window in (window for query in queries for window in query.windows):
        for kind in window.kinds:
            begins[kind] = min(window.from_ms, begins.get(kind, window.from_ms))
    kinds: dict[int, list[str]] = {}
    for kind, begin in sorted(begins.items()):
        kinds.setdefault(begin, []).append(kind)
    return tuple(KindWindow(tuple(group), begin) for begin, group in sorted(kinds.items()))


async def share_problems(store: EventStore, wheres: Sequence[ProblemFilter], page: Page) -> list[list[Problem]]:
    """Return `store.problems` of each filter, a first page; they differ in nothing but the span and the services."""
    names = {name for where in wheres for name in where.services}
    if len(wheres) > 1 and len(names) <= MOST_SHARED_NAMES:
        union = msgspec.structs.replace(
            wheres[0],
            from_ms=_least(where.from_ms for where in wheres),
            to_ms=_most(where.to_ms for where in wheres),
            services=tuple(sorted(names)) if all(where.services for where in wheres) else (),
        )
        rows = await store.problems(union, Page(limit=MOST_SHARED + 1))
        if len(rows) <= MOST_SHARED:
            return [await asyncio.to_thread(_page_of, rows, where, page) for where in wheres]
    return [await store.problems(where, page) for where in wheres]


def _page_of(rows: Iterable[Problem], where: ProblemFilter, page: Page) -> list[Problem]:
    services = frozenset(where.services)
    rest = msgspec.structs.replace(where, services=())
    own = (row for row in rows if (not services or row.service in services) and matches_problem(row, rest))
    return cut_page(own, page, lambda row: EventPosition(row.start, row.id))


def _least(bounds: Iterable[int | None]) -> int | None:
    numbers = list(bounds)
    return None if None in numbers else min(number for number in numbers if number is not None)


def _most(bounds: Iterable[int | None]) -> int | None:
    numbers = list(bounds)
    return None if None in numbers else max(number for number in numbers if number is not None)


class _NameQuery(NamedTuple):
    """What the rates of one name depend on, but for the tenant's rows."""

    query: RateQuery
    name: str
    starts: tuple[int, ...]


async def share_rates(store: EventStore, queries: Sequence[RateQuery], recent: RecentAnswers) -> list[list[ChangeRate]]:
    """Return `store.rates` of each question, in no order, but for what came in since a part of it was asked some seconds ago."""
    parts = [_by_name(query) for query in queries]
    answers: dict[_NameQuery, tuple[ChangeRate, ...]] = {}
    pending: list[_NameQuery] = []
    for part in dict.fromkeys(part for group in parts for part in group):
        rates = recent.get(part)
        if rates is None:
            pending.append(part)
        else:
            answers[part] = rates
    for batch in _batches(pending):
        query = msgspec.structs.replace(
            batch[0].query,
            services=tuple(part.name for part in batch),
            problems=tuple((part.name, start) for part in batch for start in part.starts),
        )
        rates_of: dict[str, list[ChangeRate]] = {}
        for rate in await store.rates(query):
            rates_of.setdefault(rate.service, []).append(rate)
        for part in batch:
            answers[part] = tuple(rates_of.get(part.name, ()))
            recent.put(part, answers[part])
    return [[rate for part in group for rate in answers[part]] for group in parts]


def _by_name(query: RateQuery) -> list[_NameQuery]:
    starts: dict[str, list[int]] = {}
    for name, start in query.problems:
        starts.setdefault(name, []).append(start)
    bare = msgspec.structs.replace(query, services=(), problems=())
    return [_NameQuery(bare, name, tuple(starts.get(name, ()))) for name in query.services]


def _batches(parts: Iterable[_NameQuery]) -> list[list[_NameQuery]]:
    """Return the parts in groups that one question can ask: of one span, each name once, few enough."""
    batches: list[dict[str, _NameQuery]] = []
    for part in parts:
        for batch in batches:
            if len(batch) < _RATE_NAMES and part.name not in batch and next(iter(batch.values())).query == part.query:
                batch[part.name] = part
                break
        else:
            batches.append({part.name: part})
    return [list(batch.values()) for batch in batches]
