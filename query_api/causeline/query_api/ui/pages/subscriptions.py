"""`/subscriptions`: who is told, and how each of them fares; and one of them with its newest deliveries and what can be done to it."""

from typing import Any, Final

from causeline.query_api.ui.addresses import join_address
from causeline.query_api.ui.visits import PageResult, PageRoute, Show, Visit

SUBSCRIPTIONS_PAGE: Final = "/subscriptions"
SUBSCRIPTION_PAGE: Final = f"{SUBSCRIPTIONS_PAGE}/{{id}}"
_STATES: Final = ("active", "paused", "disabled", "backfilling")
_ROWS: Final = 50
_NEWEST: Final = 10


async def visit_subscriptions(visit: Visit) -> PageResult:
    """Show a page of subscriptions. Raises as `GET /v1/subscriptions` refuses."""
    pairs = [(name, value) for name, value in visit.query if value]
    limit = [] if any(name == "limit" for name, _ in pairs) else [("limit", str(_ROWS))]
    answer = await visit.get("/v1/subscriptions", [*pairs, *limit])
    rest = [pair for pair in pairs if pair[0] != "cursor"]
    cursor = answer["next_cursor"]
    return Show(
        "subscriptions.html",
        {
            "page": SUBSCRIPTIONS_PAGE,
            "subscriptions": answer["subscriptions"],
            "may_make": visit.may("admin"),
            "state": dict(pairs).get("state", ""),
            "states": _STATES,
            "is_narrowed": bool(rest or cursor) or len(rest) < len(pairs),
            "next": join_address(SUBSCRIPTIONS_PAGE, [*rest, ("cursor", cursor)]) if cursor else "",
        },
    )


async def visit_subscription(visit: Visit) -> PageResult:
    """Show one subscription; the query says what was just done to it. Raises NotFound."""
    subscription = await visit.get("/v1/subscriptions/{id}", id=visit.request.params["id"])
    return Show("subscription.html", await subscription_values(visit, subscription))


async def subscription_values(visit: Visit, subscription: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of a subscription shows: with its newest deliveries, and what was just done."""
    query = dict(visit.query)
    newest = await visit.get("/v1/deliveries", [("subscription", subscription["id"]), ("limit", str(_NEWEST))])
    return {
        "page": SUBSCRIPTIONS_PAGE,
        "subscription": subscription,
        "deliveries": newest["deliveries"],
        "may_change": visit.may("admin") and not subscription["project"],
        "test": query.get("test", ""),
        "retry_count": int(query["retried"]) if query.get("retried", "").isdecimal() and len(query["retried"]) < len("10000000") else None,
        "retry_rest": query.get("rest", ""),
        "secret": "",
    }


SUBSCRIPTION_LIST: Final = (
    PageRoute("GET", SUBSCRIPTIONS_PAGE, visit_subscriptions),
    PageRoute("GET", SUBSCRIPTION_PAGE, visit_subscription),
)
