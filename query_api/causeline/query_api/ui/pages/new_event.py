"""`/events/new`: an event by hand, with the API's own validation, and the call that it equals."""

from typing import Final

import msgspec

from causeline.query_api.ui.curl import curl_line, server_address
from causeline.query_api.ui.event_body import EVENT_FIELDS, event_body
from causeline.query_api.ui.forms import OPENED_FIELD, first_entries, form_view, is_denial, sent_once
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas.web.errors import Invalid, RequestError
from causeline.schemas.web.page_addresses import EVENT_PAGE, page_address
from causeline.schemas.web.principal import DEFAULT_TENANT

_PATH: Final = "/events/new"


async def visit_new_event(visit: Visit) -> PageResult:
    """Show the form; what it should have in it may stand in the address."""
    return _form(visit, first_entries(visit))


async def make_event_by_hand(visit: Visit) -> PageResult:
    """Send the event and go to its page; where the API refuses it, show the form with what is wrong."""
    fields = visit.form()
    try:
        event = await sent_once(visit, fields).send("POST", "/v1/events", event_body(fields))
    except RequestError as error:
        if is_denial(error.status):
            raise
        return _form(visit, fields, error)
    return See(page_address(EVENT_PAGE, event["id"]))


def _form(visit: Visit, fields: dict[str, str], error: RequestError | None = None) -> Show:
    form, status = form_view(fields, error, EVENT_FIELDS)
    values = {"page": "", "form": form, "curl": _curl(visit, fields), "opened": fields.get(OPENED_FIELD, visit.now)}
    return Show("new_event.html", values, status)


def _curl(visit: Visit, fields: dict[str, str]) -> str:
    """Return the call that the form equals, '' while nothing is typed or a line of it cannot be read."""
    try:
        body = event_body(fields)
    except Invalid:
        return ""
    headers = {"Content-Type": "application/json"}
    if visit.request.tenant != DEFAULT_TENANT:
        headers["Causeline-Tenant"] = visit.request.tenant
    address = f"{server_address(visit.request)}/v1/events"
    return curl_line("POST", address, headers, msgspec.json.encode(body).decode()) if body else ""


NEW_EVENT: Final = (
    PageRoute("GET", _PATH, visit_new_event, "ingest"),
    PageRoute("POST", _PATH, make_event_by_hand, "ingest"),
)
