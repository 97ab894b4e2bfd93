"""What became of deliveries, over HTTP: `/v1/deliveries`."""

from causeline.query_api.ports import DeliveryStore
from causeline.query_api.questions import native
from causeline.query_api.questions.query import EventPosition
from causeline.query_api.questions.views import deliveries_view, delivery_view
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer, without_query


def routes(store: DeliveryStore) -> list[HttpRoute]:
    """Return the routes that show deliveries."""

    async def many(request: HttpRequest) -> Answer:
        where, paging = native.deliveries(request.query(), request.tenant, request.received_at)
        deliveries, cursor = paging.cut(
            await store.newest(where, paging.page), lambda delivery: EventPosition(delivery.received, delivery.id)
        )
        return json_answer(200, {"deliveries": [delivery_view(delivery) for delivery in deliveries], "next_cursor": cursor})

    async def one(request: HttpRequest) -> Answer:
        attempts = await store.attempts(request.tenant, request.params["id"])
        if not attempts:
            raise NotFound(f"there is no delivery {request.params['id'][:100]}")
        return json_answer(200, deliveries_view(attempts))

    return [
        HttpRoute("GET", "/v1/deliveries", NATIVE, many),
        HttpRoute("GET", "/v1/deliveries/{id}", NATIVE, without_query(one)),
    ]
