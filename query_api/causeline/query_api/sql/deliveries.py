"""Questions about deliveries to SQL, a delivery as its newest attempt or all of them; FINAL where versions of a row are told apart."""

from collections.abc import Sequence

from causeline.query_api.questions.query import DeliveryFilter, Page
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.statements import Query, column_list, cursor_condition, order_clause


def select_deliveries(where: DeliveryFilter, page: Page) -> Query:
    """Return the query of one page of deliveries, each as its newest attempt."""
    bind = Binding()
    parts = [f"d.tenant = {bind.text(where.tenant)}"]
    if where.from_ms is not None:
        parts.append(f"d.received >= {bind.time(where.from_ms)}")
    if where.to_ms is not None:
        parts.append(f"d.received < {bind.time(where.to_ms)}")
    parts += bind.one_of("d.subscription_id", where.subscriptions) + bind.one_of("d.outcome", where.outcomes)
    parts += bind.one_of("d.what", where.whats) + bind.one_of("d.entity", where.entities)
    parts += cursor_condition(bind, page, "d.received", "d.id")
    text = (
        f"SELECT {column_list('delivery', 'd', 'record')} FROM deliveries_newest AS d FINAL "  # noqa: S608 - values are bound
        f"WHERE {' AND '.join(parts)} {order_clause(bind, page, 'd.received', 'd.id')}"
    )
    return Query("deliveries", text, bind.values, tenant=where.tenant)


def select_oldest_delivery(tenant: str) -> Query:
    """Return the query of where a tenant's deliveries begin, as `n` (ms)."""
    bind = Binding()
    where = f"d.tenant = {bind.text(tenant)} ORDER BY d.received LIMIT 1"
    text = f"SELECT toUnixTimestamp64Milli(d.received) AS n FROM deliveries_newest AS d WHERE {where}"  # noqa: S608 - values are bound
    return Query("oldest_delivery", text, bind.values, tenant=tenant)


def select_attempts(tenant: str, delivery_id: str) -> Query:
    """Return the query of all attempts of a delivery, in the order of time: by primary key."""
    bind = Binding()
    where = f"d.tenant = {bind.text(tenant)} AND d.id = {bind.text(delivery_id)} ORDER BY d.at, d.attempt"
    text = f"SELECT {column_list('delivery', 'd', 'record')} FROM deliveries AS d FINAL WHERE {where}"  # noqa: S608 - values are bound
    return Query("delivery", text, bind.values, tenant=tenant)


def select_records(tenant: str, delivery_ids: Sequence[str]) -> Query:
    """Return the query of `id` and `record` (base64) of these deliveries, of each as it died last: by primary key."""
    bind = Binding()
    where = f"d.tenant = {bind.text(tenant)} AND {bind.one_of('d.id', delivery_ids)[0]} AND d.outcome = 'dead'"
    last = "ORDER BY d.id, d.at DESC, d.attempt DESC LIMIT 1 BY d.id"
    text = f"SELECT d.id AS id, base64Encode(d.record) AS record FROM deliveries AS d FINAL WHERE {where} {last}"  # noqa: S608
    return Query("delivery_records", text, bind.values, tenant=tenant)
