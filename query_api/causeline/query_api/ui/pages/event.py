"""`/events/{id}`: one event whole: its fields, what it changed from what to what, what it broke, and what its client sent.

`problem` says from whose page a visitor comes, and `effects=all` to wait for what it broke as long as that takes.
"""

import asyncio
import shlex
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from causeline.query_api.ui.client_json import lay_out
from causeline.query_api.ui.event_facts import fields_of_event, links_of_event
from causeline.query_api.ui.old_new import MOST_DIFFERENCES, find_differences
from causeline.query_api.ui.verdicts import say_probability
from causeline.query_api.ui.visits import PageResult, PageRoute, Show, Visit
from causeline.schemas.web.errors import NotFound, OverQuota, Unavailable
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

_WITHIN_S: Final = 1.5
"""How long a page waits for what a change broke, which is up to fifty rankings; whoever wants it waits for all of it."""
_MOST_TAGS: Final = 200


async def visit_event(visit: Visit) -> PageResult:
    """Show an event. Raises as `GET /v1/events/{id}` does, but for what is not there, which is a page that says why that may be."""
    ident = visit.request.params["id"]
    query = dict(visit.query)
    origin = page_address(PROBLEM_PAGE, query["problem"]) if query.get("problem") else ""
    try:
        body = await visit.body("/v1/events/{id}", id=ident)
    except NotFound as error:
        return Show("absent.html", {"page": "", "error": error, "ident": ident, "what": "event"}, 404)
    event = msgspec.json.decode(body)
    effects, refusal = await _effects(visit, event, is_patient=query.get("effects") == "all")
    tags = list(event["tags"].items())
    differences = find_differences(event)
    return Show(
        "event.html",
        {
            "page": "",
            "event": event,
            "facts": fields_of_event(event),
            "links": links_of_event(event),
            "tags": tags[:_MOST_TAGS],
            "tags_left_out": max(len(tags) - _MOST_TAGS, 0),
            "differences": differences,
            "are_differences_cut": len(differences) == MOST_DIFFERENCES,
            "effects": effects,
            "effects_refusal": refusal,
            "say_probability": say_probability,
            "document": lay_out(body),
            "origin": origin,
            "address": page_address(EVENT_PAGE, ident),
            "curl": _curl(event["id"]),
        },
    )


async def _effects(visit: Visit, event: Mapping[str, Any], *, is_patient: bool) -> tuple[Mapping[str, Any] | None, str]:
    """Return what an event broke, or None and why that is not known."""
    try:
        async with asyncio.timeout(None if is_patient else _WITHIN_S):
            return await visit.get("/v1/events/{id}/effects", [("limit", "20")], id=event["id"]), ""
    except TimeoutError:
        return None, ""
    except (NotFound, OverQuota, Unavailable) as error:
        return None, error.message


def _curl(event_id: str) -> str:
    """Return the command that gets this event; the server and the token are the reader's own."""
    return f'curl -H "Authorization: Bearer $CAUSELINE_TOKEN" "$CAUSELINE_URL"{shlex.quote(f"/v1/events/{event_id}")}'


EVENT_PAGES: Final = (PageRoute("GET", EVENT_PAGE, visit_event),)
