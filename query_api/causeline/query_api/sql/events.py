"""Questions to SQL. Every value a client can choose is a bound parameter; what is text here is ours.

All reads are FINAL: the newest version of a row, deleted ones gone. The columns are those of the locked Avro schemas, so a new column is
read as soon as its schema and migration exist. What must change together: the span, words and low-bits expressions are those of the
indexes in `clickhouse/*.sql`, word for word, or the indexes are not used; ranking and windows are those of `relation.py` and `views.py`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from causeline.query_api.questions.query import ChangeQuery, CountedBy, Edges, EventFilter, Page, ProblemFilter
from causeline.query_api.reading.walking import WIDTHS_MS
from causeline.query_api.sql import raw_members as sql_raw
from causeline.query_api.sql.binding import Binding
from causeline.schemas.values import ids
from causeline.schemas.values.words import WORD_PATTERN, words_of
from causeline.schemas.web.principal import Groups
from causeline.schemas.wire import codec

_SPAN_START: Final = "if(isNull(e.start), e.ts, e.start)"
_SPAN_END: Final = f"if(isNull(e.`end`), {_SPAN_START}, e.`end`)"
_ENDS_BY: Final = "ifNull(e.`end`, ifNull(e.deadline, addYears(e.ts, 30)))"
_LAST_EDGE: Final = f"if(e.dialect = 'desk', greatest(ifNull(e.start, e.ts), {_ENDS_BY}), ifNull(e.start, e.ts))"
_WORD: Final = WORD_PATTERN.replace("\\", "\\\\")
"""The pattern within quotes of SQL."""


class Query(NamedTuple):
    """One statement: the metric label that names it, its text without settings and format, its parameters, own settings, whose it is."""

    name: str
    text: str
    parameters: dict[str, Any]
    settings: str = ""
    tenant: str = ""


_SORTED_LATER: Final = "optimize_read_in_order = 0"
"""Reading in order stops as soon as the page is full, and reads all columns of what it passes. Where hardly any row matches (`_is_sparse`)
it passes the whole window: then finding the rows first, sorting them, and reading the columns of the page alone is faster, and no block of
every part lies in memory, with `raw` where that is filtered: at a million events that was more than the 256 MiB of a query."""


@cache
def column_list(subject: str, alias: str, without: str = "") -> str:
    """Return the columns of a record (but one) under their names, times as ms and flags as booleans."""

    def column(field: dict[str, Any]) -> str:
        name = f"{alias}.`{field['name']}`"
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        if any(isinstance(kind, dict) and kind.get("logicalType") == "timestamp-millis" for kind in kinds):
            name = f"toUnixTimestamp64Milli({name})"
        elif kinds == ["boolean"]:
            name = f"toBool({name})"
        return f"{name} AS `{field['name']}`"

    return ", ".join(column(field) for field in codec.latest(subject).definition["fields"] if field["name"] != without)


def _events(where: Sequence[str], rest: str) -> str:
    return f"SELECT {column_list('event', 'e')} FROM events AS e FINAL WHERE {' AND '.join(where)} {rest}"  # noqa: S608 - values are bound


_WHOLE: Final = "date_time_output_format = 'unix_timestamp'"


def _whole(name: str, tenant: str, bind: Binding, where: Sequence[str], rest: str = "LIMIT 1") -> Query:
    """Return a look-up of one event: a whole row, its times as text (see `clickhouse/rows.py`)."""
    return Query(name, f"SELECT * FROM events AS e FINAL WHERE {' AND '.join(where)} {rest}", bind.values, _WHOLE, tenant)  # noqa: S608 - values are bound


def event_at(tenant: str, event_id: str, ts: int, groups: Groups = None) -> Query:
    """Return the look-up of an event where its id says that it lies: by primary key."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(tenant)}", f"e.ts = {bind.time(ts)}", f"e.id = {bind.text(event_id)}"]
    where += _groups(bind, groups)
    return _whole("event", tenant, bind, where)


def event_by_key(tenant: str, event_id: str, groups: Groups = None) -> Query:
    """Return the look-up of an event whose id does not tell its time, by way of `event_keys`."""
    bind = Binding()
    owner, key = bind.text(tenant), bind.text(event_id)
    places = f"SELECT k.ts FROM event_keys AS k FINAL WHERE k.tenant = {owner} AND k.id = {key}"  # noqa: S608
    where = [f"e.tenant = {owner}", f"e.id = {key}", f"e.ts IN ({places})", *_groups(bind, groups)]
    return _whole("event_by_key", tenant, bind, where)


def event_by_low(tenant: str, low: int, ts: int | None, groups: Groups = None) -> Query:
    """Return the look-up of an event by the low 64 bits of its id."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(tenant)}"]
    if ts is not None:
        where.append(f"e.ts = {bind.time(ts)}")
    where.append(f"substring(e.id, 20) = {bind.text(ids.low_text(low))}")
    where += _groups(bind, groups)
    return _whole("event_by_low", tenant, bind, where, "ORDER BY e.ts, e.id LIMIT 1")


def _groups(bind: Binding, groups: Groups) -> list[str]:
    return [] if groups is None else [f"(empty(e.allowed_groups) OR hasAny(e.allowed_groups, {bind.texts(groups)}))"]


def _tags(bind: Binding, alias: str, tags: Sequence[tuple[str, str]]) -> list[str]:
    def tag(key: str, value: str) -> str:
        name = bind.text(key)
        return f"(mapContains({alias}.tags, {name}) AND {alias}.tags[{name}] = {bind.text(value)})"

    return [f"({' OR '.join(tag(key, value) for key, value in tags)})"] if tags else []


def _word_conditions(bind: Binding, alias: str, words: str) -> list[str]:
    if not words.strip():
        return []
    wanted = sorted(set(words_of(words)))
    said = words_sql(f"concat({alias}.title, ' ', {alias}.text)")
    return [f"hasAllTokens({said}, {bind.texts(wanted)})" if wanted else "false"]


def words_sql(text: str) -> str:
    """Return the words of a text (SQL) as one text: in lower case, a blank between them."""
    return f"lowerUTF8(arrayStringConcat(extractAll({text}, '{_WORD}'), ' '))"


def _event_filter(bind: Binding, where: EventFilter, edges: Edges | None = None) -> list[str]:
    parts = [f"e.tenant = {bind.text(where.tenant)}"]
    if where.from_ms is not None:
        parts.append(f"e.ts >= {bind.time(where.from_ms)}")
    if where.to_ms is not None:
        parts.append(f"e.ts < {bind.time(where.to_ms)}")
    if edges is not None:
        first, last, now = bind.time(edges.from_ms), bind.time(edges.to_ms), bind.time(edges.now)
        ended = f"coalesce(e.`end`, least(ifNull(e.deadline, {now}), {now}))"
        parts.append(f"({_SPAN_START} BETWEEN {first} AND {last} OR {ended} BETWEEN {first} AND {last})")
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
    return parts + _tags(bind, "e", where.tags) + _word_conditions(bind, "e", where.words)


def _is_sparse(where: EventFilter) -> bool:
    """Return whether hardly any row of a window matches, as far as the question tells.

    A service of hundreds is not sparse: in a busy hour its page is full after a moment, and the hour holds millions of rows. But a window
    of more than a day is looked into only after a day that did not fill the page (`walking.py`).
    """
    wide = where.from_ms is None or (where.to_ms is not None and where.to_ms - where.from_ms > WIDTHS_MS[0])
    return wide or any((where.related_ids, where.entities, where.raw))


def _is_indexed(where: EventFilter) -> bool:
    """Return whether a skip index answers a part of the question."""
    return any((where.entities, where.tags, where.related_ids, where.words))


_NO_SKIPPING: Final = "use_skip_indexes_if_final = 0"


def _found_first(parts: Sequence[str]) -> list[str]:
    """Return the conditions and one more: that the row lies where some version passes them.

    Under FINAL an index may skip only what holds no version of a row that it selects. The engine therefore adds every granule whose keys
    overlap with those of a selected one, and where two tenants meet in a granule its keys span months: of 100 million events a window of
    two hours read 27 million. Versions of a row share its key, so the times found without FINAL are all that FINAL has to look at: to be
    used with `_NO_SKIPPING`, so that it does look at all of them.
    """
    return [*parts, f"e.ts IN (SELECT e.ts FROM events AS e WHERE {' AND '.join(parts)})"]  # noqa: S608 - values are bound


def cursor_condition(bind: Binding, page: Page, ts: str, row_id: str) -> list[str]:
    """Return the condition that starts after the page's key. The plain comparison is there for the primary key."""
    if page.after is None:
        return []
    sign = "<" if page.order == "desc" else ">"
    at = bind.time(page.after.ts)
    return [f"{ts} {sign}= {at}", f"({ts}, {row_id}) {sign} ({at}, {bind.text(page.after.id)})"]


def order_clause(bind: Binding, page: Page, ts: str, row_id: str) -> str:
    """Return the order and the limit of a page."""
    sorts = "".join(f"{sql_raw.order(bind, 'e', sort)}, " for sort in page.sort)
    skipped = f" OFFSET {bind.number(page.offset)}" if page.offset else ""
    return f"ORDER BY {sorts}{ts} {page.order}, {row_id} {page.order} LIMIT {bind.number(page.limit)}{skipped}"


def select_events(where: EventFilter, page: Page, edges: Edges | None = None) -> Query:
    """Return the query of one page of events."""
    bind = Binding()
    parts = _event_filter(bind, where, edges) + cursor_condition(bind, page, "e.ts", "e.id")
    settings = [_SORTED_LATER] if _is_sparse(where) else []
    if where.from_ms is None and _is_indexed(where):
        parts = _found_first(parts)
        settings.append(_NO_SKIPPING)
    return Query("events", _events(parts, order_clause(bind, page, "e.ts", "e.id")), bind.values, ", ".join(settings), where.tenant)


def select_oldest_event(tenant: str, from_ms: int | None) -> Query:
    """Return the query of where a tenant's rows begin, as `n` (ms): a time not after the first event. One granule of every part is read."""
    bind = Binding()
    since = f"AND e.ts >= {bind.time(from_ms)} " if from_ms is not None else ""
    text = f"SELECT toUnixTimestamp64Milli(e.ts) AS n FROM events AS e WHERE e.tenant = {bind.text(tenant)} {since}ORDER BY e.ts LIMIT 1"  # noqa: S608
    return Query("oldest", text, bind.values, tenant=tenant)


def count(where: EventFilter, edges: Edges | None = None) -> Query:
    """Return the query that counts matching events, as `n`."""
    bind = Binding()
    parts = _event_filter(bind, where, edges)
    return Query("count", f"SELECT count() AS n FROM events AS e FINAL WHERE {' AND '.join(parts)}", bind.values, "", where.tenant)  # noqa: S608


def select_histogram(where: EventFilter, step_ms: int, by: CountedBy) -> Query:
    """Return the query of non-empty buckets: rows of `bucket` (ms), `label` and `n`, in order."""
    bind = Binding()
    parts = _event_filter(bind, where)
    ms, step = "toUnixTimestamp64Milli(e.ts)", bind.number(step_ms)
    text = (
        f"SELECT {ms} - positiveModulo({ms}, {step}) AS bucket, toString(e.{by}) AS label, count() AS n "  # noqa: S608 - `by` is a closed set
        f"FROM events AS e FINAL WHERE {' AND '.join(parts)} GROUP BY bucket, label ORDER BY bucket, label"
    )
    return Query("histogram", text, bind.values, tenant=where.tenant)


def select_changes(query: ChangeQuery) -> Query:
    """Return the query of a correlation window, ranked as `relation.closeness` does."""
    bind = Binding()
    where = [f"e.tenant = {bind.text(query.tenant)}"]
    where += [f"{_SPAN_START} <= {bind.time(query.to_ms)}", f"{_SPAN_END} >= {bind.time(query.from_ms)}"]
    where += _groups(bind, query.groups)
    where += bind.one_of("e.kind", query.exclude_kinds, not_="NOT ") + bind.one_of("e.id", query.exclude_ids, not_="NOT ")
    at = bind.number(query.at)
    ranks = [f"hasAny(e.entities, {bind.texts(query.entities)}), 0"] if query.entities else []
    ranks += [f"e.service = {bind.text(query.service)}, 1"] if query.service else []
    ranks += [f"{tag}, 2" for tag in _tags(bind, "e", query.tags)]
    ranks += [f"e.environment = {bind.text(query.environment)}, 3"] if query.environment else []
    rank = f"multiIf({', '.join(ranks)}, 4)" if ranks else "4"
    closeness = f"{rank}, abs(toUnixTimestamp64Milli(e.ts) - {at}), e.id"
    text = _events(_found_first(where), f"ORDER BY {closeness} LIMIT {bind.number(query.limit)}")
    return Query("changes", text, bind.values, _NO_SKIPPING, query.tenant)


def _problem_filter(bind: Binding, where: ProblemFilter) -> list[str]:
    parts = [f"p.tenant = {bind.text(where.tenant)}"]
    if where.to_ms is not None:
        parts.append(f"p.start < {bind.time(where.to_ms)}")
    parts += bind.one_of("p.dialect", where.dialects) + bind.one_of("p.kind", where.kinds)
    parts += bind.one_of("p.service", where.services) + bind.one_of("p.environment", where.environments)
    parts += bind.one_of("p.priority", where.priorities)
    if where.entities:
        parts.append(f"hasAny(p.entities, {bind.texts(where.entities)})")
    return parts + _tags(bind, "p", where.tags) + _word_conditions(bind, "p", where.words)


def _open_now(bind: Binding, now: int) -> str:
    return f"ifNull(p.deadline > {bind.time(now)}, true)"


def select_problems(where: ProblemFilter, page: Page) -> Query:
    """Return the query of one page of problems, from the open and the closed ones.

    A closing is two rows in two tables, and a reader may come between. The closing row in `problems_open` is marked deleted, which FINAL
    would hide; so the highest version of an id is taken there by hand, and tells the closing even before `problems_closed` has it. Each
    table gives a whole page, so whatever falls to the other table's row, a page is left.
    """
    bind = Binding()
    parts = _problem_filter(bind, where) + cursor_condition(bind, page, "p.start", "p.id")
    whole_page = order_clause(bind, Page(limit=page.limit + page.offset, order=page.order), "p.start", "p.id")
    tenant = bind.text(where.tenant)
    newest_open = f"(SELECT * FROM problems_open WHERE tenant = {tenant} ORDER BY version DESC LIMIT 1 BY id)"  # noqa: S608
    ended = "true" if where.from_ms is None else f"p.`end` >= {bind.time(where.from_ms)}"
    lasting = "true" if where.from_ms is None else f"ifNull(p.deadline >= {bind.time(where.from_ms)}, true)"
    is_open = _open_now(bind, where.now)
    as_open = {"open": is_open, "closed": f"NOT {is_open} AND {lasting}", "": f"({is_open} OR {lasting})"}[where.state]
    branches = [f"p.state = 'open' AND {as_open}"] + ([] if where.state == "open" else [f"p.state = 'closed' AND {ended}"])
    sources = [(newest_open, f"p.transition != 'deleted' AND ({' OR '.join(branches)})")]
    if where.state != "open":
        sources.append(("problems_closed", ended))
    union = " UNION ALL ".join(
        f"(SELECT * FROM {table} AS p {'FINAL' if table == 'problems_closed' else ''} WHERE {' AND '.join([*parts, only])} {whole_page})"  # noqa: S608
        for table, only in sources
    )
    newest = f"SELECT * FROM ({union}) ORDER BY version DESC LIMIT 1 BY id"  # noqa: S608
    text = f"SELECT {column_list('problem', 'p')} FROM ({newest}) AS p {order_clause(bind, page, 'p.start', 'p.id')}"  # noqa: S608
    return Query("problems", text, bind.values, tenant=where.tenant)


def select_transitions(tenant: str, problem_id: str) -> Query:
    """Return the query of all versions of a problem, in order."""
    bind = Binding()
    where = f"p.tenant = {bind.text(tenant)} AND p.id = {bind.text(problem_id)}"
    text = f"SELECT {column_list('problem', 'p')} FROM problem_transitions AS p FINAL WHERE {where} ORDER BY p.version"  # noqa: S608
    return Query("problem", text, bind.values, tenant=tenant)


_LOOK: Final = "p.dialect, p.kind, p.service, p.environment, p.priority, p.title, p.text, toString(p.tags), p.entities"


def looks(tenant: str, problem_ids: Sequence[str], most: int) -> Query:
    """Return the query of the first version of each look of some problems.

    It has a share of the handles of its own, the one of no tenant: the live streams of all tenants wait for it, so it must not queue behind
    the heavy questions of the one that it is about.
    """
    bind = Binding()
    where = f"p.tenant = {bind.text(tenant)} AND p.id IN {bind.texts(problem_ids)}"
    first = f"SELECT * FROM problem_transitions AS p FINAL WHERE {where} ORDER BY p.version LIMIT 1 BY p.id, {_LOOK}"  # noqa: S608 - values are bound
    text = f"SELECT {column_list('problem', 'p')} FROM ({first}) AS p ORDER BY p.id, p.version LIMIT {most} BY p.id"  # noqa: S608 - as above
    return Query("looks", text, bind.values)


def select_reopening(tenant: str, problem_id: str) -> Query:
    """Return the query of the first problem, not deleted, that reopened a problem, as `id`."""
    bind = Binding()
    where = f"p.tenant = {bind.text(tenant)} AND p.previous_id = {bind.text(problem_id)}"
    text = (
        f"SELECT p.id AS id FROM problem_transitions AS p FINAL WHERE {where} "  # noqa: S608 - values are bound
        "GROUP BY p.id HAVING NOT argMax(p.is_deleted, p.version) ORDER BY min(p.start), id LIMIT 1"
    )
    return Query("reopened_by", text, bind.values, tenant=tenant)


def select_open_problem(tenant: str, correlation_id: str, now: int) -> Query:
    """Return the query of the newest problem of a correlation id that is open at `now`."""
    bind = Binding()
    where = f"p.tenant = {bind.text(tenant)} AND p.correlation_id = {bind.text(correlation_id)} AND {_open_now(bind, now)}"
    text = f"SELECT {column_list('problem', 'p')} FROM problems_open AS p FINAL WHERE {where} ORDER BY p.start DESC, p.id DESC LIMIT 1"  # noqa: S608
    return Query("open_problem", text, bind.values, tenant=tenant)
