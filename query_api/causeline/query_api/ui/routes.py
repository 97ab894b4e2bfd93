"""All pages as routes: each asks as its visitor, is rendered, and refuses as a page."""

from collections.abc import Iterable
from typing import Any, Final

from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.assets import ASSETS_PATH, serve_asset
from causeline.query_api.ui.packing import make_page
from causeline.query_api.ui.pages import (
    deliveries,
    dora,
    event,
    insights,
    new_event,
    planned,
    problem,
    problems,
    service,
    services,
    subscription_changes,
    subscriptions,
    timeline,
)
from causeline.query_api.ui.rendering import page_answer
from causeline.query_api.ui.visits import FORM_MEDIA, MAX_FORM, PageRoute, See, Show, Visit
from causeline.schemas.web.calls import AskApi
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import Demand, Handler, HttpRequest, HttpRoute

ALL_PAGES: Final[tuple[PageRoute, ...]] = (
    *timeline.TIMELINE_PAGES,
    *planned.PLANNED_PAGES,
    *problems.PROBLEM_LIST,
    *problem.PROBLEM_PAGES,
    *event.EVENT_PAGES,
    *subscriptions.SUBSCRIPTION_LIST,
    *subscription_changes.SUBSCRIPTION_CHANGES,
    *deliveries.DELIVERY_LIST,
    *new_event.NEW_EVENT,
    *services.SERVICE_LIST,
    *service.ONE_SERVICE,
    *dora.DORA_OVERVIEW,
    *insights.INSIGHT_OVERVIEW,
)


def routes(ask: AskApi, demand: Demand, pages: Iterable[PageRoute] = ALL_PAGES) -> list[HttpRoute]:
    """Return the routes of the pages and their assets. `ask` calls the API's routes, `demand` refuses who lacks a scope."""
    return [
        *(_route(page, ask, demand) for page in pages),
        HttpRoute("GET", ASSETS_PATH, PAGES_API, serve_asset, scope="public"),
    ]


def _route(page: PageRoute, ask: AskApi, demand: Demand) -> HttpRoute:
    is_form = page.method == "POST"
    return HttpRoute(
        page.method,
        page.path,
        PAGES_API,
        _handler(page, ask, demand),
        media=FORM_MEDIA if is_form else (),
        max_body=MAX_FORM,
        scope=page.scope,
        log="configuration",  # a form is a person: it neither waits for the events of fleets nor says that their log is slow
    )


def _handler(page: PageRoute, ask: AskApi, demand: Demand) -> Handler:
    def visitor_values(request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows of its visitor: of nobody where anybody may look."""
        return {"now": request.received_at} if page.scope == "public" else {"request": request, "now": request.received_at}

    async def handle(request: HttpRequest) -> Answer:
        outcome = await page.visit(Visit(request, ask, demand))
        match outcome:
            case Show(template, values, status):
                shown_values = {**visitor_values(request), **values}
                return await make_page(lambda: page_answer(template, shown_values, status), request.headers)
            case See(address, headers):
                return Answer(303, {"Location": address, "Cache-Control": "no-store", **headers}, b"")
            case Answer():
                return outcome

    return handle
