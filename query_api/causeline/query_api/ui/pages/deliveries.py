"""`/deliveries`: what became of everything that was told, newest first; and one delivery with its attempts."""

from typing import Final

from causeline.query_api.ui.addresses import join_address
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas.web.page_addresses import page_address

_PATH: Final = "/deliveries"
_ONE: Final = f"{_PATH}/{{id}}"
_TEXTS: Final = ("subscription", "entity", "from", "to")
_CHOICES: Final = {"outcome": ("delivered", "retried", "dead", "cancelled"), "what": ("event", "problem", "causes", "test")}
_ROWS: Final = 50


async def visit_deliveries(visit: Visit) -> PageResult:
    """Show a page of deliveries, each as its newest attempt. Raises as `GET /v1/deliveries` refuses."""
    pairs = [(name, value) for name, value in visit.query if value]
    limit = [] if any(name == "limit" for name, _ in pairs) else [("limit", str(_ROWS))]
    answer = await visit.get("/v1/deliveries", [*pairs, *limit])
    filters = [pair for pair in pairs if pair[0] != "cursor"]
    values, cursor = dict(pairs), answer["next_cursor"]
    return Show(
        "deliveries.html",
        {
            "page": "/subscriptions",
            "deliveries": answer["deliveries"],
            "choices": _CHOICES,
            "filters": {name: values.get(name, "") for name in (*_CHOICES, *_TEXTS)},
            "is_narrowed": bool(set(values) - {"limit"}),
            "next": join_address(_PATH, [*filters, ("cursor", cursor)]) if cursor else "",
        },
    )


async def visit_delivery(visit: Visit) -> PageResult:
    """Show one delivery with all its attempts. Raises NotFound."""
    delivery = await visit.get("/v1/deliveries/{id}", id=visit.request.params["id"])
    values = {"page": "/subscriptions", "delivery": delivery, "may_retry": visit.may("admin") and delivery["outcome"] == "dead"}
    return Show("delivery.html", {**values, "is_repeat": ("retried", "1") in visit.query})


async def retry_delivery(visit: Visit) -> PageResult:
    """Begin a dead delivery again. Raises Conflict where it is not dead."""
    delivery_id = visit.request.params["id"]
    await visit.send("POST", "/v1/deliveries/{id}/retry", id=delivery_id)
    return See(join_address(page_address(_ONE, delivery_id), [("retried", "1")]))


DELIVERY_LIST: Final = (
    PageRoute("GET", _PATH, visit_deliveries),
    PageRoute("GET", _ONE, visit_delivery),
    PageRoute("POST", f"{_ONE}/retry", retry_delivery, "admin"),
)
