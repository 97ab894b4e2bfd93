"""What is done to subscriptions by forms: make one, test it, pause it, tell it again what died, give it another secret, end it."""

from typing import Any, Final

from causeline.query_api.ui.addresses import join_address
from causeline.query_api.ui.forms import OPENED_FIELD, first_entries, form_view, is_denial, sent_once
from causeline.query_api.ui.pages.subscriptions import SUBSCRIPTION_PAGE, SUBSCRIPTIONS_PAGE, subscription_values
from causeline.query_api.ui.subscription_body import FIRST_TYPED, FOLLOWABLE_STREAMS, SUBSCRIPTION_FIELDS, subscription_body
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.page_addresses import page_address

_NEW_PAGE: Final = f"{SUBSCRIPTIONS_PAGE}/new"
_RETRY_MOST: Final = 1_000
"""Deliveries that one press of the button tells again: as many as the API takes."""


async def visit_new_subscription(visit: Visit) -> PageResult:
    """Show the form of a new subscription; what it should have in it may stand in the address."""
    return _form(visit, {**FIRST_TYPED, **first_entries(visit)})


async def make_subscription(visit: Visit) -> PageResult:
    """Make a subscription and show its secret, this once; where the API refuses it, show the form with what is wrong."""
    fields = visit.form()
    try:
        subscription = await sent_once(visit, fields).send("POST", "/v1/subscriptions", subscription_body(fields))
    except RequestError as error:
        if is_denial(error.status):
            raise
        return _form(visit, fields, error)
    return await _show_secret(visit, subscription)


async def send_test(visit: Visit) -> PageResult:
    """Send a test delivery."""
    answer = await visit.send("POST", "/v1/subscriptions/{id}/test", id=_id(visit))
    return _see(visit, test=answer["delivery_id"])


async def pause_subscription(visit: Visit) -> PageResult:
    """Let what is told wait."""
    return await _set_state(visit, "paused")


async def resume_subscription(visit: Visit) -> PageResult:
    """Deliver again, also where the endpoint had disabled the subscription."""
    return await _set_state(visit, "active")


async def retry_subscription(visit: Visit) -> PageResult:
    """Tell again what died, oldest first; the form says where the last press ended."""
    cursor = visit.form().get("cursor", "")
    body = {"limit": _RETRY_MOST, **({"cursor": cursor} if cursor else {})}
    answer = await visit.send("POST", "/v1/subscriptions/{id}/retry", body, id=_id(visit))
    return _see(visit, retried=str(answer["retried"]), rest=answer["next_cursor"] or "")


async def rotate_subscription(visit: Visit) -> PageResult:
    """Give a webhook another signing secret and show it, this once."""
    return await _show_secret(visit, await visit.send("POST", "/v1/subscriptions/{id}/rotate-secret", {}, id=_id(visit)))


async def end_subscription(visit: Visit) -> PageResult:
    """End a subscription."""
    await visit.send("DELETE", "/v1/subscriptions/{id}", id=_id(visit))
    return See(SUBSCRIPTIONS_PAGE)


def _id(visit: Visit) -> str:
    return visit.request.params["id"]


def _see(visit: Visit, **query: str) -> See:
    address = page_address(f"{SUBSCRIPTIONS_PAGE}/{{id}}", _id(visit))
    return See(join_address(address, [(name, value) for name, value in query.items() if value]))


async def _set_state(visit: Visit, state: str) -> PageResult:
    await visit.send("PATCH", "/v1/subscriptions/{id}", {"state": state}, id=_id(visit))
    return _see(visit)


async def _show_secret(visit: Visit, subscription: dict[str, Any]) -> PageResult:
    """Show the answer itself, not the page it leads to: no other one has the secret."""
    values = await subscription_values(visit, subscription)
    return Show("subscription.html", {**values, "secret": subscription["target"].get("secret", "")}, 201)


def _form(visit: Visit, fields: dict[str, str], error: RequestError | None = None) -> Show:
    form, status = form_view(fields, error, SUBSCRIPTION_FIELDS)
    values = {"page": SUBSCRIPTIONS_PAGE, "form": form, "streams": FOLLOWABLE_STREAMS, "opened": fields.get(OPENED_FIELD, visit.now)}
    return Show("new_subscription.html", values, status)


SUBSCRIPTION_CHANGES: Final = (
    PageRoute("GET", _NEW_PAGE, visit_new_subscription, "admin"),
    PageRoute("POST", SUBSCRIPTIONS_PAGE, make_subscription, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/test", send_test, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/pause", pause_subscription, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/resume", resume_subscription, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/retry", retry_subscription, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/rotate-secret", rotate_subscription, "admin"),
    PageRoute("POST", f"{SUBSCRIPTION_PAGE}/end", end_subscription, "admin"),
)
