"""Insights to SQL: which kinds of events there are, then three questions, each one pass over the narrow columns of a window.

Runs are paired with arrays: the marks of a key in order, each beside the one before and the one after it. What must change together: this
and `insights/pairing.py`, `insights/tallies.py`, which say the same in Python; a property test compares them.

What is grouped are numbers, by numbers: a stage is its place in a list (`StageNumbers`), a key two hashes of 64 bits (of a million commits
of a repository two are taken for one with a probability of 3e-8), a mark its time and code. That is a third of the time and of the memory
of texts and pairs. Rows of merged days are read without FINAL (`merged_days.py`).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from causeline.query_api.causes.kinds import HOUR
from causeline.query_api.insights.query import ABANDONED, LONGEST, REPEAT, InsightQuery
from causeline.query_api.insights.stages import BEGINS, COMMIT, DEPLOYMENT, ENDS, GOOD_ENDS, STAGE_OF, stage_of
from causeline.query_api.insights.tallies import HOURS, LEVELS, MONDAY
from causeline.query_api.questions.query import EventFilter
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.events import event_conditions
from causeline.query_api.sql.merged_days import MergedDay, TimeSpan, merged_spans, other_spans
from causeline.query_api.sql.statements import Query
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.migrations import BY_TIME_TABLE

_Days = Collection[MergedDay]

MOST_KINDS: Final = 1_000
"""Names of events, custom ones included, that a question may meet."""
_STAGES: Final = 1_024
"""A time times this, and the number of a stage, is one number."""
_CODES: Final = 16
"""A mark is its time times this, and its code; so marks are sorted as `pairing.py` sorts them."""
_NOTHING: Final = 255
"""The code before the first mark and after the last one."""

_MS: Final = "toUnixTimestamp64Milli(e.ts)"
_FOLDED: Final = "replaceRegexpAll(e.kind, '[-_ ]', '')"

_TIMED, _BARE, _ABANDONED, _OPEN = 1, 2, 3, 4
"""What a mark makes: an end of a known begin, or of none, a begin whose run never finished for certain, or is open. 0: nothing."""


class StageNumbers:
    """The kinds that lifecycle events have, and the stages that they are of: a stage's number is its place in `stages`."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self._stage_of: Final = {kind: stage_of(kind) for kind in sorted(kinds)}
        self.stages: Final = sorted({COMMIT, DEPLOYMENT, *self._stage_of.values()})

    def number(self, stage: str) -> int:
        """Return the number of a stage."""
        return self.stages.index(stage)

    def column(self, bind: Binding) -> str:
        """Return the number of a row's stage."""
        numbers = [self.number(stage) for stage in self._stage_of.values()]
        return f"transform(e.kind, {bind.texts(list(self._stage_of))}, {bind.several('UInt16', numbers)}, toUInt16(0))"

    def condition(self, bind: Binding) -> str:
        """Return the condition that a row is a lifecycle event: of CTO.ai any, of the native API one of a kind that CTO.ai knows."""
        native_kinds = [kind for kind, stage in self._stage_of.items() if stage in STAGE_OF.values()]
        own = f"e.dialect = '{CTO_AI.name}' AND e.kind IN {bind.texts(list(self._stage_of))}"
        return f"(({own}) OR (e.dialect = '{NATIVE.name}' AND e.kind IN {bind.texts(native_kinds)}))"


def insight_events(query: InsightQuery) -> EventFilter:
    """Return which events are looked at: those of the window, and those near it that tell what its runs are."""
    return EventFilter(tenant=query.tenant, groups=query.groups, teams=query.teams, from_ms=query.read_from, to_ms=query.read_to)


def insight_kinds(query: InsightQuery) -> Query:
    """Return the query of the kinds of lifecycle events, each once, one more than there may be. Not FINAL: what is gone does no harm."""
    bind = Binding()
    is_lifecycle = f"(e.dialect = '{CTO_AI.name}' OR (e.dialect = '{NATIVE.name}' AND {_FOLDED} IN {bind.texts(list(STAGE_OF))}))"
    where = " AND ".join([*event_conditions(bind, insight_events(query)), is_lifecycle, *_repos(bind, query.repos)])
    text = f"SELECT DISTINCT toString(e.kind) AS kind FROM {BY_TIME_TABLE} AS e WHERE {where} LIMIT {MOST_KINDS + 1}"  # noqa: S608 - values are bound
    return Query("insight_kinds", text, bind.values, tenant=query.tenant)


def insight_actions(query: InsightQuery, numbers: StageNumbers, days: _Days = ()) -> Query:
    """Return the query of how many events a stage (its number) had of an action in a bucket."""
    bind = Binding()
    columns = f"{numbers.column(bind)} AS stage, e.status AS status, {_bucket(bind, query, _MS)} AS bucket"
    where = msgspec.structs.replace(insight_events(query), from_ms=query.from_ms, to_ms=query.to_ms)
    rows = _rows(bind, where, days, columns, [numbers.condition(bind), *bind.one_of("e.repo", query.repos)])
    text = f"SELECT stage, toString(status) AS action, bucket, count() AS n FROM ({rows}) GROUP BY stage, status, bucket"  # noqa: S608 - values are bound
    return Query("insight_actions", text, bind.values, tenant=query.tenant)


def insight_runs(query: InsightQuery, numbers: StageNumbers, days: _Days = ()) -> Query:
    """Return the query of runs by stage: in all, again by bucket, and again by hour of the week. What a row is not of is -1 in it."""
    bind = Binding()
    code = f"indexOf({bind.texts(ENDS)}, toString(e.status))"
    columns = (
        f"{numbers.column(bind)} AS stage, cityHash64(e.team, e.repo, if(e.commit = '', e.run_id, '')) AS place, "
        f"cityHash64(e.commit) AS commit, {_MS} * {_CODES} + {code} AS mark"
    )
    conditions = [numbers.condition(bind), *bind.one_of("e.repo", query.repos), *bind.one_of("e.status", (*BEGINS, *ENDS))]
    rows = _rows(bind, insight_events(query), days, columns, conditions)
    marks = f"SELECT stage, arraySort(groupArray(mark)) AS marks FROM ({rows}) GROUP BY stage, place, commit"  # noqa: S608 - values are bound
    is_inside = f"at >= {bind.number(query.from_ms)} AND at < {bind.number(query.to_ms)}"
    runs = f"SELECT *, if(state <= {_BARE}, ms, began) AS at FROM ({_pair(marks)}) WHERE state > 0 AND {is_inside}"  # noqa: S608 - as above
    places = f"{_bucket(bind, query, 'at')} + 1 AS bucket_1, toInt64({_hour(bind, query, 'at')}) + 1 AS hour_1"
    is_old = f"{bind.number(query.now)} - began >= {ABANDONED}"
    levels = ", ".join(map(str, LEVELS))
    text = (
        f"SELECT stage, bucket_1 - 1 AS bucket, hour_1 - 1 AS hour, countIf(state <= {_BARE}) AS ended, "  # noqa: S608 - as above
        f"countIf(state <= {_BARE} AND code <= {len(GOOD_ENDS)}) AS good, countIf(state = {_TIMED}) AS timings, "
        f"quantilesExactInclusiveIf({levels})(ms - began, state = {_TIMED}) AS quantiles, "
        f"countIf(state = {_OPEN} AND NOT {is_old}) AS running, "
        f"countIf(state = {_ABANDONED} OR (state = {_OPEN} AND {is_old})) AS never_finished "
        f"FROM (SELECT *, {places} FROM ({runs})) GROUP BY GROUPING SETS ((stage), (stage, bucket_1), (stage, hour_1))"
    )
    return Query("insight_runs", text, bind.values, tenant=query.tenant)


def insight_flow(query: InsightQuery, numbers: StageNumbers, days: _Days = ()) -> Query:
    """Return the query of how many commits a stage (its number) ended well for, and the median of how long (ms) after their first event."""
    bind = Binding()
    is_good = bind.one_of("e.status", GOOD_ENDS)[0]
    is_asked = " AND ".join(bind.one_of("e.repo", query.repos)) or "1"
    commit = "arrayJoin(if(empty(e.commits), [e.commit], arrayDistinct(arrayPushBack(e.commits, e.commit))))"
    columns = f"{numbers.column(bind)} AS stage, {commit} AS id, {_MS} AS ms, {is_good} AS is_good, {is_asked} AS is_asked"
    conditions = [numbers.condition(bind), "(e.commit != '' OR notEmpty(e.commits))", *_repos(bind, query.repos)]
    rows = _rows(bind, msgspec.structs.replace(insight_events(query), to_ms=query.to_ms), days, columns, conditions)
    is_commit = f"stage = {numbers.number(COMMIT)}"
    is_deployed = f"stage = {numbers.number(DEPLOYMENT)} AND is_good AND is_asked AND ms >= {bind.number(query.from_ms)}"
    commits = (
        f"SELECT minIf(ms, {is_commit}) AS began, arrayReverseSort(groupArrayIf(ms * {_STAGES} + stage, is_good)) AS ends "  # noqa: S608 - values are bound
        f"FROM ({rows}) WHERE id != '' GROUP BY cityHash64(id) HAVING countIf({is_deployed}) > 0 AND countIf({is_commit}) > 0"
    )
    last_ends = (
        f"SELECT began, end FROM ({commits}) "  # noqa: S608 - as above
        f"ARRAY JOIN ends AS end, arrayEnumerateUniq(arrayMap(x -> x % {_STAGES}, ends)) AS turn WHERE turn = 1"
    )
    text = (
        f"SELECT end % {_STAGES} AS stage, count() AS n, "  # noqa: S608 - as above
        f"quantileExactInclusive(0.5)(intDiv(end, {_STAGES}) - began) AS p50 FROM ({last_ends}) GROUP BY stage"
    )
    return Query("insight_flow", text, bind.values, tenant=query.tenant)


def _repos(bind: Binding, repos: Sequence[str]) -> list[str]:
    """Return the condition that a row is of a repository, or of none that it names, as events of commits are."""
    return bind.one_of("e.repo", (*repos, "")) if repos else []


def _rows(bind: Binding, where: EventFilter, days: _Days, columns: str, conditions: Sequence[str]) -> str:
    """Return columns of the events of a window: of the merged days among its days as they lie, of the rest with FINAL."""
    always = [*event_conditions(bind, msgspec.structs.replace(where, from_ms=None, to_ms=None)), *conditions]
    low, high = where.from_ms or 0, where.to_ms or 0
    spans = [TimeSpan(max(span.from_ms, low), min(span.to_ms, high)) for span in merged_spans(days)]
    spans = [span for span in spans if span.from_ms < span.to_ms]
    halves = []
    for final, parts in ((" FINAL", other_spans(where, spans)), ("", spans)):
        if parts:
            times = [f"(e.ts >= {bind.time(first)} AND e.ts < {bind.time(last)})" for first, last in parts]
            of_half = [*always, f"({' OR '.join(times)})", *(() if final else ("e.is_deleted = 0",))]
            halves.append(f"SELECT {columns} FROM {BY_TIME_TABLE} AS e{final} WHERE {' AND '.join(of_half)}")  # noqa: S608 - values are bound
    return " UNION ALL ".join(halves)


def _bucket(bind: Binding, query: InsightQuery, ms: str) -> str:
    return f"toInt64(roundDown({ms}, {bind.several('Int64', query.edges)}))"


def _hour(bind: Binding, query: InsightQuery, ms: str) -> str:
    """Return the hour of the week, by the clocks of the zone."""
    since = bind.several("Int64", [offset.since for offset in query.offsets])
    offsets = bind.several("Int64", [offset.offset for offset in query.offsets])
    return f"intDiv({ms} + transform(toInt64(roundDown({ms}, {since})), {since}, {offsets}, toInt64(0)) + {MONDAY}, {HOUR}) % {HOURS}"


def _pair(marks: str) -> str:
    """Return every mark of `marks` (SQL: a stage, and its sorted marks of one key) with when its run began, and what it makes."""
    columns = (
        f"stage, arrayMap(m -> intDiv(m, {_CODES}), marks) AS times, arrayMap(m -> toUInt8(m % {_CODES}), marks) AS codes, "
        "arrayPushFront(arrayPopBack(times), toInt64(0)) AS times_before, arrayPushBack(arrayPopFront(times), toInt64(0)) AS times_after, "
        f"arrayPushFront(arrayPopBack(codes), toUInt8({_NOTHING})) AS codes_before, "
        f"arrayPushBack(arrayPopFront(codes), toUInt8({_NOTHING})) AS codes_after, "
        f"arrayMap((c, d, t, u) -> c = 0 AND NOT (d = 0 AND t - u <= {REPEAT}), codes, codes_before, times, times_before) AS are_first, "
        "arrayFill((t, f) -> f, times, are_first) AS begins, "
        "arrayMap((c, d, a, t, b, u) -> toUInt8(multiIf("
        f"c > 0 AND d = 0 AND t - b <= {LONGEST}, {_TIMED}, c > 0 AND c != d, {_BARE}, c > 0, 0, "
        f"a = {_NOTHING}, {_OPEN}, a = 0 AND u - t <= {REPEAT}, 0, a > 0 AND u - b <= {LONGEST}, 0, {_ABANDONED})), "
        "codes, codes_before, codes_after, times, begins, times_after) AS states"
    )
    pairs = f"SELECT {columns} FROM ({marks})"  # noqa: S608 - values are bound
    each = "times AS ms, codes AS code, begins AS began, states AS state"
    return f"SELECT stage, ms, code, began, state FROM ({pairs}) ARRAY JOIN {each}"  # noqa: S608 - as above
