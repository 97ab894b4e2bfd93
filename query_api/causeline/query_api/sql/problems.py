"""Questions about problems to SQL: pages of the open and the closed ones, and the versions of one.

All reads are of the newest version of a row, by FINAL or by hand. What is open at an instant is stated in `questions/views.py` too, for the
memory store. The two must change together; the contract suite compares them.
"""

from collections.abc import Sequence
from typing import Final

from causeline.query_api.questions.query import Page, ProblemFilter
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.statements import Query, column_list, cursor_condition, order_clause, tag_conditions, word_conditions


def _problem_filter(bind: Binding, where: ProblemFilter) -> list[str]:
    parts = [f"p.tenant = {bind.text(where.tenant)}"]
    if where.to_ms is not None:
        parts.append(f"p.start < {bind.time(where.to_ms)}")
    parts += bind.one_of("p.dialect", where.dialects) + bind.one_of("p.kind", where.kinds)
    parts += bind.one_of("p.service", where.services) + bind.one_of("p.environment", where.environments)
    parts += bind.one_of("p.priority", where.priorities) + bind.one_of("p.correlation_id", where.correlation_ids)
    if where.entities:
        parts.append(f"hasAny(p.entities, {bind.texts(where.entities)})")
    return parts + tag_conditions(bind, "p", where.tags) + word_conditions(bind, "p", where.words)


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
    ends_after = "true" if where.from_ms is None else f"p.`end` >= {bind.time(where.from_ms)}"
    lasting = "true" if where.from_ms is None else f"ifNull(p.deadline >= {bind.time(where.from_ms)}, true)"
    is_open = _open_now(bind, where.now)
    as_open = {"open": is_open, "closed": f"NOT {is_open} AND {lasting}", "": f"({is_open} OR {lasting})"}[where.state]
    branches = [f"p.state = 'open' AND {as_open}"] + ([] if where.state == "open" else [f"p.state = 'closed' AND {ends_after}"])
    sources = [(newest_open, f"p.transition != 'deleted' AND ({' OR '.join(branches)})")]
    if where.state != "open":
        sources.append(("problems_closed", ends_after))
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
