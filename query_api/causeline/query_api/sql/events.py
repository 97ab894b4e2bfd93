"""Questions about events to SQL: look-ups by id, pages, counts, and the changes around an instant.

All reads are FINAL: the newest version of a row, deleted ones gone. What must change together: the span and low-bits expressions are those
of the indexes in `clickhouse/*.sql`, word for word, or the indexes are not used; the ranking is that of `relation.py`.
"""

from collections.abc import Sequence
from typing import Final

from causeline.query_api.questions.query import FOLLOWED_MS, ChangeQuery, CountedBy, Edges, EventFilter, Page, RateQuery, UpdateQuery
from causeline.query_api.reading.walking import WIDTHS_MS
from causeline.query_api.sql import raw_members as sql_raw
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.statements import Query, cursor_condition, order_clause, tag_conditions, word_conditions
from causeline.schemas.migrations import BY_SERVICE_TABLE, BY_TIME_TABLE
from causeline.schemas.values import ids
from causeline.schemas.web.principal import Groups

_SPAN_START: Final = "if(isNull(e.start), e.ts, e.start)"
_SPAN_END: Final = f"if(isNull(e.`end`), {_SPAN_START}, e.`end`)"
_ENDS_BY: Final = "ifNull(e.`end`, ifNull(e.deadline, addYears(e.ts, 30)))"
_LAST_EDGE: Final = f"if(e.dialect = 'desk', greatest(ifNull(e.start, e.ts), {_ENDS_BY}), ifNull(e.start, e.ts))"


_SORTED_LATER: Final = "optimize_read_in_order = 0"
"""Reading in order stops as soon as the page is full, and reads all columns of what it passes. Where hardly any row matches (`_is_sparse`)
it passes the whole window: then finding the rows first, sorting them, and reading the columns of the page alone is faster, and no block of
every part lies in memory, with `raw` where that is filtered: at a million events that was more than the 256 MiB of a query."""


_BY_SERVICE_COLUMNS: Final = frozenset(
    {"tenant", "groups", "from_ms", "to_ms", "dialects", "kinds", "exclude_kinds", "statuses", "services", "environments"}
)
"""What `events_by_service` can be asked: it has no columns for the rest."""
_COUNTED_BY_SERVICE: Final = frozenset({"kind", "service", "status", "environment"})
"""Columns of it that are counted by."""
_PACKED: Final = "e.tenant, e.id, toUnixTimestamp64Milli(e.ts), e.record"
"""What a row is answered from (`adapters/clickhouse/rows.py`)."""


def _select(
    name: str, tenant: str, bind: Binding, where: Sequence[str], rest: str = "LIMIT 1", settings: str = "", table: str = BY_TIME_TABLE
) -> Query:
    """Return the query of whole events."""
    text = f"SELECT {_PACKED} FROM {table} AS e FINAL WHERE {' AND '.join(where)} {rest}"  # noqa: S608 - values are bound
    return Query(name, text, bind.values, settings, tenant, "RowBinary")


def event_at(tenant: str, event_id: str, ts: int, groups: Groups = None) -> Query:
    """Return the look-up of an event where its id says that it lies: by primary key."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(tenant)}", f"e.ts = {bind.time(ts)}", f"e.id = {bind.text(event_id)}"]
    where += _groups(bind, groups)
    return _select("event", tenant, bind, where)


def event_by_key(tenant: str, event_id: str, groups: Groups = None) -> Query:
    """Return the look-up of an event whose id does not tell its time, by way of `event_keys`."""
    bind = Binding()
    owner, key = bind.text(tenant), bind.text(event_id)
    places = f"SELECT k.ts FROM event_keys AS k FINAL WHERE k.tenant = {owner} AND k.id = {key}"  # noqa: S608
    where = [f"e.tenant = {owner}", f"e.id = {key}", f"e.ts IN ({places})", *_groups(bind, groups)]
    return _select("event_by_key", tenant, bind, where)


def event_by_low(tenant: str, low: int, ts: int | None, groups: Groups = None) -> Query:
    """Return the look-up of an event by the low 64 bits of its id."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(tenant)}"]
    if ts is not None:
        where.append(f"e.ts = {bind.time(ts)}")
    where.append(f"substring(e.id, 20) = {bind.text(ids.low_text(low))}")
    where += _groups(bind, groups)
    return _select("event_by_low", tenant, bind, where, "ORDER BY e.ts, e.id LIMIT 1")


def events_by_id(tenant: str, event_ids: Sequence[str], groups: Groups = None) -> Query:
    """Return the look-up of some events: where their ids say that they lie, and where `event_keys` does."""
    bind = Binding()
    owner, keys = bind.text(tenant), bind.texts(event_ids)
    times = bind.several("Int64", [ts for ts in map(ids.ts_of, event_ids) if ts is not None])
    places = (
        f"SELECT fromUnixTimestamp64Milli(arrayJoin({times}), 'UTC') AS ts "  # noqa: S608 - values are bound
        f"UNION ALL SELECT k.ts FROM event_keys AS k FINAL WHERE k.tenant = {owner} AND k.id IN {keys}"
    )
    where = [f"e.tenant = {owner}", f"e.id IN {keys}", f"e.ts IN ({places})", *_groups(bind, groups)]
    return _select("events_by_id", tenant, bind, where, "")


def _groups(bind: Binding, groups: Groups) -> list[str]:
    return [] if groups is None else [f"(empty(e.allowed_groups) OR hasAny(e.allowed_groups, {bind.texts(groups)}))"]


def event_conditions(bind: Binding, where: EventFilter, edges: Edges | None = None) -> list[str]:
    """Return the conditions of a filter on the rows `e`, the tenant's first."""
    parts = [f"e.tenant = {bind.text(where.tenant)}"]
    if where.from_ms is not None:
        parts.append(f"e.ts >= {bind.time(where.from_ms)}")
    if where.to_ms is not None:
        parts.append(f"e.ts < {bind.time(where.to_ms)}")
    if edges is not None:
        first, last, now = bind.time(edges.from_ms), bind.time(edges.to_ms), bind.time(edges.now)
        end = f"coalesce(e.`end`, least(ifNull(e.deadline, {now}), {now}))"
        parts.append(f"({_SPAN_START} BETWEEN {first} AND {last} OR {end} BETWEEN {first} AND {last})")
        if where.dialects == ("desk",):  # implied by the condition above, and answered by the index
            parts.append(f"{_LAST_EDGE} >= {first}")
    parts += _groups(bind, where.groups)
    parts += bind.one_of("e.dialect", where.dialects) + bind.one_of("e.kind", where.kinds)
    parts += bind.one_of("e.kind", where.exclude_kinds, not_="NOT ") + bind.one_of("e.status", where.statuses)
    parts += bind.one_of("e.service", where.services) + bind.one_of("e.environment", where.environments)
    parts += bind.one_of("e.priority", where.priorities) + bind.one_of("e.severity", where.severities)
    parts += bind.one_of("e.source", where.sources) + bind.one_of("e.owner", where.owners)
    parts += bind.one_of("e.team", where.teams) + bind.one_of("e.related_id", where.related_ids)
    if where.entities:
        parts.append(f"hasAny(e.entities, {bind.texts(where.entities)})")
    parts += [sql_raw.condition(bind, "e", test) for test in where.raw]
    return parts + tag_conditions(bind, "e", where.tags) + word_conditions(bind, "e", where.words)


def _is_sparse(where: EventFilter) -> bool:
    """Return whether hardly any row of a window matches, as far as the question tells.

    A service of hundreds is not sparse: in a busy hour its page is full after a moment, and the hour holds millions of rows. But a window
    of more than a day is looked into only after a day that did not fill the page (`walking.py`).
    """
    wide = where.from_ms is None or (where.to_ms is not None and where.to_ms - where.from_ms > WIDTHS_MS[0])
    return wide or any((where.related_ids, where.entities, where.raw))


def filter_fields(where: EventFilter) -> set[str]:
    """Return the names of the fields that a filter sets. Groups of nobody (`()`) are not told from none (None)."""
    return {name for name in where.__struct_fields__ if getattr(where, name) not in ((), "", None)}


def choose_table(where: EventFilter, edges: Edges | None = None, page: Page | None = None) -> str:
    """Return the table that answers: some services have their events in one place each, as long as nothing else is asked of them."""
    if not all(where.services) or edges is not None or (page is not None and page.sort):
        return BY_TIME_TABLE
    return BY_SERVICE_TABLE if where.services and filter_fields(where) <= _BY_SERVICE_COLUMNS else BY_TIME_TABLE


def choose_counting_table(where: EventFilter, by: str) -> str:
    """Return the table that counts events by a column: the one by service lacks some."""
    return choose_table(where) if by in _COUNTED_BY_SERVICE else BY_TIME_TABLE


def _is_indexed(where: EventFilter) -> bool:
    """Return whether a skip index answers a part of the question."""
    return any((where.entities, where.tags, where.related_ids, where.words))


_NO_SKIPPING: Final = "use_skip_indexes_if_final = 0"


def _locate_first(parts: Sequence[str]) -> list[str]:
    """Return the conditions and one more: that the row lies where some version passes them.

    Under FINAL an index may skip only what holds no version of a row that it selects. The engine therefore adds every granule whose keys
    overlap with those of a selected one, and where two tenants meet in a granule its keys span months: of 100 million events a window of
    two hours read 27 million. Versions of a row share its key, so the times found without FINAL are all that FINAL has to look at: to be
    used with `_NO_SKIPPING`, so that it does look at all of them.
    """
    return [*parts, f"e.ts IN (SELECT e.ts FROM {BY_TIME_TABLE} AS e WHERE {' AND '.join(parts)})"]  # noqa: S608 - values are bound


def select_events(where: EventFilter, page: Page, edges: Edges | None = None) -> Query:
    """Return the query of one page of events."""
    bind = Binding()
    parts = event_conditions(bind, where, edges) + cursor_condition(bind, page, "e.ts", "e.id")
    table = choose_table(where, edges, page)
    settings = [_SORTED_LATER] if _is_sparse(where) and table == BY_TIME_TABLE else []
    if where.from_ms is None and _is_indexed(where):
        parts = _locate_first(parts)
        settings.append(_NO_SKIPPING)
    return _select("events", where.tenant, bind, parts, order_clause(bind, page, "e.ts", "e.id"), ", ".join(settings), table)


def select_oldest_event(tenant: str, from_ms: int | None) -> Query:
    """Return the query of where a tenant's rows begin, as `n` (ms): a time not after the first event. One granule of every part is read."""
    bind = Binding()
    since = f"AND e.ts >= {bind.time(from_ms)} " if from_ms is not None else ""
    where = f"e.tenant = {bind.text(tenant)} {since}"
    text = f"SELECT toUnixTimestamp64Milli(e.ts) AS n FROM {BY_TIME_TABLE} AS e WHERE {where}ORDER BY e.ts LIMIT 1"  # noqa: S608 - values are bound
    return Query("oldest", text, bind.values, tenant=tenant)


def count(where: EventFilter, edges: Edges | None = None) -> Query:
    """Return the query that counts matching events, as `n`."""
    bind = Binding()
    parts = event_conditions(bind, where, edges)
    table = choose_table(where, edges)
    return Query("count", f"SELECT count() AS n FROM {table} AS e FINAL WHERE {' AND '.join(parts)}", bind.values, "", where.tenant)  # noqa: S608


def select_histogram(where: EventFilter, step_ms: int, by: CountedBy) -> Query:
    """Return the query of non-empty buckets: rows of `bucket` (ms), `label` and `n`, in order."""
    bind = Binding()
    table = choose_counting_table(where, by)
    parts = event_conditions(bind, where)
    ms, step = "toUnixTimestamp64Milli(e.ts)", bind.number(step_ms)
    text = (
        f"SELECT {ms} - positiveModulo({ms}, {step}) AS bucket, toString(e.{by}) AS label, count() AS n "  # noqa: S608 - `by` is a closed set
        f"FROM {table} AS e FINAL WHERE {' AND '.join(parts)} GROUP BY bucket, label ORDER BY bucket, label"
    )
    return Query("histogram", text, bind.values, tenant=where.tenant)


def select_changes(query: ChangeQuery) -> Query:
    """Return the query of a correlation window, ranked as `relation.closeness` does."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(query.tenant)}"]
    where += [f"{_SPAN_START} <= {bind.time(query.to_ms)}", f"{_SPAN_END} >= {bind.time(query.from_ms)}"]
    where += _kind_windows(bind, query)
    if query.lasting_ms:
        where.append(f"toUnixTimestamp64Milli({_SPAN_END}) - toUnixTimestamp64Milli({_SPAN_START}) >= {bind.number(query.lasting_ms)}")
    where += _groups(bind, query.groups)
    where += bind.one_of("e.kind", query.exclude_kinds, not_="NOT ")
    at = bind.number(query.at)
    ranks = [f"hasAny(e.entities, {bind.texts(query.entities)}), 0"] if query.entities else []
    ranks += [f"e.service = {bind.text(query.service)}, 1"] if query.service else []
    ranks += [f"{tag}, 2" for tag in tag_conditions(bind, "e", query.tags)]
    ranks += [f"e.environment = {bind.text(query.environment)}, 3"] if query.environment else []
    rank = f"multiIf({', '.join(ranks)}, 4)" if ranks else "4"
    closeness = f"{rank}, abs(toUnixTimestamp64Milli(e.ts) - {at}), e.id"
    rest = f"ORDER BY {closeness} LIMIT {bind.number(query.limit)}"
    # As a function: `NOT IN` on a column of the key is looked for among its marks, one by one, where the tenant alone is found by halving.
    others = [f"NOT has({bind.texts(query.exclude_ids)}, e.id)"] if query.exclude_ids else []
    return _select("changes", query.tenant, bind, [*_locate_first(where), *others], rest, _NO_SKIPPING)


def _kind_windows(bind: Binding, query: ChangeQuery) -> list[str]:
    windows = [f"e.kind IN {bind.texts(kinds)} AND {_SPAN_END} >= {bind.time(from_ms)}" for kinds, from_ms in query.windows]
    return [f"({' OR '.join(windows)})"] if windows else []


def select_rates(query: RateQuery) -> Query:
    """Return the query of how often changes of services were followed by problems of theirs: a range of the key of each service."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(query.tenant)}", *bind.one_of("e.service", query.services)]
    where += [f"e.ts >= {bind.time(query.from_ms)}", f"e.ts < {bind.time(query.to_ms)}"]
    where += [*bind.one_of("e.kind", query.kinds), *_groups(bind, query.groups)]
    starts: dict[str, list[int]] = {}
    for service, start in query.problems:
        starts.setdefault(service, []).append(start)
    # A row looks at the problems of its own service alone; one without problems finds the empty list before the first.
    own_starts = f"{bind.several('Array(Int64)', [[], *starts.values()])}[indexOf({bind.texts(list(starts))}, toString(e.service)) + 1]"
    ms = "toUnixTimestamp64Milli(e.ts)"
    follows = f"arrayExists(t -> t >= {ms} AND t < {ms} + {FOLLOWED_MS}, {own_starts})"
    text = (
        f"SELECT toString(e.service) AS service, toString(e.kind) AS kind, count() AS changes, countIf({follows}) AS followed "  # noqa: S608 - values are bound
        f"FROM {BY_SERVICE_TABLE} AS e FINAL WHERE {' AND '.join(where)} GROUP BY service, kind ORDER BY service, kind"
    )
    return Query("rates", text, bind.values, tenant=query.tenant)


def select_updates(query: UpdateQuery) -> Query:
    """Return the query of which changes got a version lately. Not FINAL, which would hide what was deleted: the newest is found by hand."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(query.tenant)}", f"e.ts >= {bind.time(query.from_ms)}", f"e.ts < {bind.time(query.to_ms)}"]
    where += [f"e.updated_ts > {bind.time(query.since)}", *bind.one_of("e.kind", query.kinds)]
    newest = (
        f"SELECT e.id AS id, toString(argMax(e.kind, e.version)) AS kind, argMax({_SPAN_START}, e.version) AS span_start, "  # noqa: S608 - values are bound
        f"argMax({_SPAN_END}, e.version) AS span_end, argMax(e.updated_ts, e.version) AS updated "
        f"FROM {BY_TIME_TABLE} AS e WHERE {' AND '.join(where)} GROUP BY e.id, e.ts"
    )
    text = (
        "SELECT id, kind, toUnixTimestamp64Milli(span_start) AS first, toUnixTimestamp64Milli(span_end) AS last, "  # noqa: S608 - as above
        f"toUnixTimestamp64Milli(updated) AS updated_ts FROM ({newest}) "
        f"ORDER BY updated DESC, id, span_start LIMIT {bind.number(query.limit)}"
    )
    return Query("updates", text, bind.values, tenant=query.tenant)
