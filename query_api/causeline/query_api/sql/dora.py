"""Questions of the DORA metrics to SQL: from `dora_events`, which has what they look at and nothing else, and from the problems.

What must change together: the columns are those of `ChangeFact` in their order (`adapters/clickhouse/dora.py` decodes them by it);
`_END` is the index of `clickhouse/0013_dora_events.sql`, word for word; which problems there are is stated in `problems.py` too.
"""

from collections.abc import Sequence
from typing import Final

from causeline.query_api.causes.facts import MOST_TEXT
from causeline.query_api.dora.dora_facts import DEPLOYMENT_KINDS
from causeline.query_api.questions.dora_query import COMMIT_KINDS, MOST_FACTS, OPENING_KINDS, IncidentQuery, RolloutQuery
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.statements import Query
from causeline.schemas.migrations import DORA_TABLE, REVISIONS_TABLE
from causeline.schemas.values.times import MAX_MS, MIN_MS
from causeline.schemas.web.principal import Groups

_ROWS: Final = "JSONCompactEachRow"
_NEAR_MS: Final = 86_400_000
"""How long before a window what opened its problems is read with it."""
_END: Final = "ifNull(e.`end`, e.ts)"
_CHANGE: Final = (
    "e.id, e.kind, toUnixTimestamp64Milli(e.ts), e.dialect, e.status, toUnixTimestamp64Milli(e.start), toUnixTimestamp64Milli(e.`end`), "
    "e.service, e.environment, e.release, e.commit, arrayMap((c, t) -> (c, nullIf(t, 0)), e.commits, e.commit_times), e.branch, "
    f"substringUTF8(e.title, 1, {MOST_TEXT}), e.team, e.repo, e.project, "
)
_UNTIMED: Final = (
    "arrayConcat(arrayFilter((c, t) -> t = 0, e.commits, e.commit_times), "
    "if(arrayExists((c, t) -> c = e.commit AND t != 0, e.commits, e.commit_times), [], [e.commit]))"
)
"""The commits of an event for which its list has no time."""
_V7_TIME: Final = (
    "if(substring(id, 15, 1) = '7', reinterpretAsInt64(reverse(unhex(concat('0000', substring(id, 1, 8), substring(id, 10, 4))))), 0)"
)
"""When an event lies whose id tells it (ms), as `causeline.schemas.values.ids.ts_of` has it."""


def _is_visible(bind: Binding, groups: Groups) -> str:
    return "true" if groups is None else f"toBool(empty(e.allowed_groups) OR hasAny(e.allowed_groups, {bind.texts(groups)}))"


def _places(tenant: str, own_ids: str) -> str:
    """Return where the events of some ids lie: by what their ids tell, and by `event_keys`."""
    return (
        f"SELECT fromUnixTimestamp64Milli({_V7_TIME}, 'UTC') AS ts FROM ({own_ids}) "  # noqa: S608 - values are bound
        f"UNION ALL SELECT k.ts FROM event_keys AS k FINAL WHERE k.tenant = {tenant} AND k.id IN ({own_ids})"
    )


def _rollout_conditions(bind: Binding, query: RolloutQuery) -> str:
    """Return the conditions of what may be a deployment."""
    where = [f"e.tenant = {bind.text(query.tenant)}", *(_by_ids(bind, query) if query.ids else _in_window(bind, query))]
    where += [_is_visible(bind, query.groups), *bind.one_of("e.kind", DEPLOYMENT_KINDS)]
    where += bind.one_of("e.service", ("", *query.services)) if query.services else []
    if query.environments:
        is_asked = f"lower(e.environment) IN {bind.texts(('', *query.environments))}"
        where.append(f"({is_asked} OR NOT isValidASCII(e.environment))")
    return " AND ".join(where)


def _by_ids(bind: Binding, query: RolloutQuery) -> list[str]:
    own_ids = f"SELECT arrayJoin({bind.texts(query.ids)}) AS id"
    return [f"e.id IN ({own_ids})", f"e.ts IN ({_places(bind.text(query.tenant), own_ids)})"]


def _in_window(bind: Binding, query: RolloutQuery) -> list[str]:
    """Return that an event lies or ends in the window. Where those lie that only end in it is found first, by the index of ends."""
    first, last = bind.time(query.from_ms), bind.time(query.to_ms)
    lies, ends = f"(e.ts >= {first} AND e.ts < {last})", f"({_END} >= {first} AND {_END} < {last})"
    others = f"SELECT e.ts FROM {DORA_TABLE} AS e WHERE e.tenant = {bind.text(query.tenant)} AND {ends} AND NOT {lies}"  # noqa: S608 - values are bound
    return [f"({lies} OR e.ts IN ({others}))", f"({lies} OR {ends})"]


def select_rollout_events(query: RolloutQuery) -> Query:
    """Return the query of the events that may be deployments, as the members of `ChangeFact`."""
    bind = Binding()
    tags = f"mapFilter((k, v) -> has({bind.texts(query.tags)}, k), e.tags)" if query.tags else "map()"
    where = _rollout_conditions(bind, query)
    text = f"SELECT {_CHANGE}{tags}, e.related_id FROM {DORA_TABLE} AS e FINAL WHERE {where}"  # noqa: S608 - values are bound
    return Query("rollout_events", text, bind.values, "", query.tenant, _ROWS, MOST_FACTS)


def select_commit_events(query: RolloutQuery, since: int) -> Query:
    """Return the query of when commits of these events were whose lists have no time, as the members of `CommitEvent`.

    Of each commit, kind and status the earliest.
    """
    bind = Binding()
    deployed_commits = (
        f"SELECT arrayJoin({_UNTIMED}) FROM {DORA_TABLE} AS e FINAL "  # noqa: S608 - values are bound
        f"WHERE {_rollout_conditions(bind, query)}"
    )
    where = [f"e.tenant = {bind.text(query.tenant)}", f"e.ts >= {bind.time(since)}", f"e.ts < {bind.time(query.to_ms)}"]
    where += [*bind.one_of("e.kind", COMMIT_KINDS), "e.commit != ''", _is_visible(bind, query.groups), f"e.commit IN ({deployed_commits})"]
    text = (
        f"SELECT e.commit, toUnixTimestamp64Milli(min(e.ts)), e.kind, e.status FROM {DORA_TABLE} AS e FINAL "  # noqa: S608 - as above
        f"WHERE {' AND '.join(where)} GROUP BY e.commit, e.kind, e.status"
    )
    return Query("commit_events", text, bind.values, "", query.tenant, _ROWS, MOST_FACTS)


_PROBLEM: Final = "id, version, event_id, cause, start, `end`, deadline, state, transition"


def _problems(bind: Binding, query: IncidentQuery) -> str:
    """Return the newest rows of the problems of a question. A closing may be in one of the tables only: the highest version counts."""
    own = f"tenant = {bind.text(query.tenant)}"
    if query.ids:
        own += f" AND id IN {bind.texts(query.ids)}"
        is_open = is_closed = "true"
    else:
        first, last, now = bind.time(query.from_ms), bind.time(query.to_ms), bind.time(query.now)
        is_closed = f"start < {last} AND `end` >= {first}"
        lasting = f"(ifNull(deadline > {now}, true) OR ifNull(deadline >= {first}, true))"
        is_open = f"start < {last} AND (state = 'open' AND {lasting} OR state = 'closed' AND `end` >= {first})"
    newest = f"SELECT {_PROBLEM} FROM problems_open WHERE {own} ORDER BY version DESC LIMIT 1 BY id"  # noqa: S608 - values are bound
    opens = f"SELECT {_PROBLEM} FROM ({newest}) WHERE transition != 'deleted' AND {is_open}"  # noqa: S608 - as above
    closes = f"SELECT {_PROBLEM} FROM problems_closed FINAL WHERE {own} AND {is_closed}"  # noqa: S608 - as above
    return f"SELECT {_PROBLEM} FROM ({opens} UNION ALL {closes}) ORDER BY version DESC LIMIT 1 BY id"  # noqa: S608 - as above


def select_problem_states(query: IncidentQuery) -> Query:
    """Return the query of problems: id, event_id, cause, start, end, deadline (ms), state, transition."""
    bind = Binding()
    times = ", ".join(f"toUnixTimestamp64Milli({name})" for name in ("start", "`end`", "deadline"))
    text = f"SELECT id, event_id, cause, {times}, state, transition FROM ({_problems(bind, query)})"  # noqa: S608 - values are bound
    return Query("problem_states", text, bind.values, "", query.tenant, _ROWS)


def select_problem_events(query: IncidentQuery) -> Query:
    """Return the query of the events that opened or closed these problems and lie near the window: see `EventScope` for its columns.

    Most of them do, so the window is read as it lies; `select_named_events` finds the others.
    """
    bind = Binding()
    own = f"SELECT arrayJoin([event_id, cause]) FROM ({_problems(bind, query)})"  # noqa: S608 - values are bound
    first, last = bind.time(max(query.from_ms - _NEAR_MS, MIN_MS)), bind.time(query.to_ms)
    return _scopes_of_events(bind, query, [f"e.ts >= {first}", f"e.ts < {last}", f"e.id IN ({own})"])


def select_named_events(query: IncidentQuery, event_ids: Sequence[str]) -> Query:
    """Return the query of some events by their ids, as `select_problem_events` has them. Ask for `MOST_IDS` at once at most."""
    bind = Binding()
    own = f"SELECT arrayJoin({bind.texts(event_ids)}) AS id"
    return _scopes_of_events(bind, query, [f"e.ts IN ({_places(bind.text(query.tenant), own)})", f"e.id IN ({own})"])


def _scopes_of_events(bind: Binding, query: IncidentQuery, where: Sequence[str]) -> Query:
    where = [f"e.tenant = {bind.text(query.tenant)}", *bind.one_of("e.kind", OPENING_KINDS), *where]
    columns = f"e.id, {_is_visible(bind, query.groups)}, e.dialect, e.kind, e.status, e.service, e.environment, e.team, e.repo, e.project"
    text = f"SELECT {columns} FROM {DORA_TABLE} AS e FINAL WHERE {' AND '.join(where)}"  # noqa: S608 - values are bound
    return Query("problem_events", text, bind.values, "", query.tenant, _ROWS, MOST_FACTS)


def select_likely_causes(query: IncidentQuery) -> Query:
    """Return the query of the first cause of each of these problems whose newest published ranking finds it likely: problem, event.

    Not FINAL: a row that comes again is the same row.
    """
    bind = Binding()
    where = f"r.tenant = {bind.text(query.tenant)} AND r.id IN (SELECT id FROM ({_problems(bind, query)}))"  # noqa: S608 - values are bound
    newest = "argMax((toString(r.verdict), r.is_deleted, r.causes.event_id[1]), r.revision)"
    rows = f"SELECT r.id AS id, {newest} AS newest FROM {REVISIONS_TABLE} AS r WHERE {where} GROUP BY r.id"  # noqa: S608 - as above
    text = f"SELECT id, newest.3 FROM ({rows}) WHERE newest.1 = 'likely' AND newest.2 = 0 AND newest.3 != ''"  # noqa: S608 - as above
    return Query("likely_causes", text, bind.values, "", query.tenant, _ROWS)


def select_problem_scopes(tenant: str, groups: Groups) -> Query:
    """Return the query of where there ever was a problem, as the members of `ProblemScope`."""
    bind = Binding()
    ever = IncidentQuery(tenant=tenant, from_ms=MIN_MS, to_ms=MAX_MS, now=MIN_MS)
    where = [f"e.tenant = {bind.text(tenant)}", *bind.one_of("e.kind", OPENING_KINDS), _is_visible(bind, groups)]
    where.append(f"e.id IN (SELECT event_id FROM ({_problems(bind, ever)}))")  # noqa: S608 - values are bound
    columns = "e.service, e.environment, e.team, e.repo, e.project, e.dialect"
    text = f"SELECT DISTINCT {columns} FROM {DORA_TABLE} AS e FINAL WHERE {' AND '.join(where)}"  # noqa: S608 - as above
    return Query("problem_scopes", text, bind.values, "", tenant, _ROWS)
