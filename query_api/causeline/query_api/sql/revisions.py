"""Questions about published rankings to SQL."""

from collections.abc import Sequence

from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.statements import Query, column_list


def select_revision(tenant: str, problem_id: str, at: int | None = None) -> Query:
    """Return the query of the newest ranking of a problem, of those that were made up to a time (ms UTC): by primary key."""
    bind = Binding()
    where = f"r.tenant = {bind.text(tenant)} AND r.id = {bind.text(problem_id)}"
    if at is not None:
        where += f" AND r.computed_at <= {bind.time(at)}"
    text = f"SELECT {column_list('causes', 'r')} FROM cause_revisions AS r FINAL WHERE {where} ORDER BY r.revision DESC LIMIT 1"  # noqa: S608 - values are bound
    return Query("cause_revision", text, bind.values, tenant=tenant)


def select_revisions(tenant: str, problem_ids: Sequence[str]) -> Query:
    """Return the query of the newest ranking of each of some problems: by primary key."""
    bind = Binding()
    where = f"r.tenant = {bind.text(tenant)} AND r.id IN {bind.texts(problem_ids)}"
    newest = f"SELECT * FROM cause_revisions AS r FINAL WHERE {where} ORDER BY r.revision DESC LIMIT 1 BY r.id"  # noqa: S608 - values are bound
    return Query("cause_revisions", f"SELECT {column_list('causes', 'r')} FROM ({newest}) AS r", bind.values, tenant=tenant)  # noqa: S608
