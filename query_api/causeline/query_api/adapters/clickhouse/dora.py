"""What DORA metrics are made of, from ClickHouse. A quarter is some 100,000 rows, so decoding them must not hold the loop.

Rows come as JSON arrays and are decoded in a thread, piece by piece: msgspec keeps the interpreter's lock for as long as a call lasts,
which is 1 to 2 ms for a piece. A row of a change is decoded straight into a fact, whose members are in the order of the columns.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.adapters.clickhouse.rows import COUNTS
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, ProblemFact, ProblemScope
from causeline.query_api.questions.dora_query import MOST_IDS, IncidentQuery, RolloutQuery
from causeline.query_api.questions.problem_ends import EventScope, ProblemRow, may_be_abandoned, problem_fact
from causeline.query_api.sql import dora as sql_dora
from causeline.query_api.sql.statements import Query
from causeline.schemas.migrations import COMPLETE, DORA_BACKFILLED
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.web.principal import Groups

_Row = TypeVar("_Row")

_PIECE: Final = 256 << 10
_MOST_ABSENT: Final = 20 * MOST_IDS
"""Events far from a window that opened its problems: of more the problems are left out, as if nobody could see them."""
_STATE: Final = Query(
    "tables",
    "SELECT count() AS n FROM migration_steps WHERE number = {number:UInt32} AND step = {step:String}",
    {"number": DORA_BACKFILLED, "step": COMPLETE},
)


class _ChangeRow(ChangeFact, frozen=True, kw_only=True, gc=False, array_like=True):
    """A change as an array of its members."""


class _WholeAnswer:
    """Takes an answer as it is, to be decoded elsewhere."""

    def decode_lines(self, data: bytes) -> list[bytes]:
        return [data]


_WHOLE: Final = _WholeAnswer()
_CHANGES: Final = msgspec.json.Decoder(_ChangeRow)
_COMMITS: Final = msgspec.json.Decoder(CommitEvent)
_STATES: Final = msgspec.json.Decoder(ProblemRow)
_EVENTS: Final = msgspec.json.Decoder(EventScope)
_CAUSES: Final = msgspec.json.Decoder(tuple[str, str])
_SCOPES: Final = msgspec.json.Decoder(ProblemScope)


class ClickHouseDora:
    """See DoraStore. `Unavailable` while a migration has still to copy what an older version stored: half of a history is a wrong one."""

    def __init__(self, queries: Queries) -> None:
        self._queries: Final = queries
        self._is_whole = False

    async def changes(self, query: RolloutQuery) -> list[ChangeFact]:
        """See DoraStore."""
        return [*await self._ask(sql_dora.select_rollout_events(query), _CHANGES)]

    async def commit_events(self, query: RolloutQuery, since: int) -> list[CommitEvent]:
        """See DoraStore."""
        return await self._ask(sql_dora.select_commit_events(query, since), _COMMITS)

    async def problems(self, query: IncidentQuery) -> list[ProblemFact]:
        """See DoraStore."""
        if query.ids:
            states, events = await self._ask(sql_dora.select_problem_states(query), _STATES), list[EventScope]()
        else:
            states, events = await asyncio.gather(
                self._ask(sql_dora.select_problem_states(query), _STATES), self._ask(sql_dora.select_problem_events(query), _EVENTS)
            )
        for find in (_absent_openings, _absent_closings):
            absent_ids = await asyncio.to_thread(find, states, events)
            for start in range(0, min(len(absent_ids), _MOST_ABSENT), MOST_IDS):
                question = sql_dora.select_named_events(query, absent_ids[start : start + MOST_IDS])
                events += await self._ask(question, _EVENTS)
        return await asyncio.to_thread(_problem_facts, states, events, query.now)

    async def likely_causes(self, query: IncidentQuery) -> dict[str, str]:
        """See DoraStore."""
        return dict(await self._ask(sql_dora.select_likely_causes(query), _CAUSES))

    async def scopes(self, tenant: str, groups: Groups) -> list[ProblemScope]:
        """See DoraStore."""
        return await self._ask(sql_dora.select_problem_scopes(tenant, groups), _SCOPES)

    async def _ask(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        if not self._is_whole:
            self._is_whole = (await self._queries.rows(_STATE, COUNTS))[0].n > 0
            if not self._is_whole:
                raise Unavailable("deployments that were stored before are still to be copied: `causeline migrate` does that", 30)
        (answer,) = await self._queries.rows(query, _WHOLE)
        return await asyncio.to_thread(_decode, answer, decoder)


def _decode(answer: bytes, decoder: RowDecoder[_Row]) -> list[_Row]:
    rows: list[_Row] = []
    for piece in _pieces(answer):
        rows += decoder.decode_lines(piece)
    return rows


def _pieces(answer: bytes) -> Iterator[bytes]:
    """Yield whole lines, some hundred at a time."""
    start = 0
    while start < len(answer):
        end = answer.find(b"\n", start + _PIECE)
        end = len(answer) if end < 0 else end + 1
        yield answer[start:end]
        start = end


def _absent_openings(states: list[ProblemRow], events: list[EventScope]) -> list[str]:
    """Return the events that opened problems and are not among these."""
    present = {event.id for event in events}
    return [own for own in dict.fromkeys(state.event_id for state in states) if own not in present]


def _absent_closings(states: list[ProblemRow], events: list[EventScope]) -> list[str]:
    """Return the events that closed problems, may say that people gave up on them, and are not among these."""
    scopes = {event.id: event for event in events}
    openings = ((state, scopes.get(state.event_id)) for state in states)
    names = dict.fromkeys(state.cause for state, opening in openings if opening is not None and may_be_abandoned(state, opening))
    return [own for own in names if own and own not in scopes]


def _problem_facts(states: list[ProblemRow], events: list[EventScope], now: int) -> list[ProblemFact]:
    scopes = {event.id: event for event in events}
    facts = (problem_fact(state, scopes, now) for state in states)
    return [fact for fact in facts if fact is not None]
