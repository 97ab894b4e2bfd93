"""`POST /v1/deliveries/{id}/retry` and `POST /v1/subscriptions/{id}/retry`: what is read from the store is written to the log."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from causeline.deploy.server.redelivery import RETRY_BATCH, demand_dead, repeat
from causeline.ingest.app import IngestService
from causeline.ingest.subscriptions.subscribing import Subscribing, find_subscription
from causeline.query_api.ports import DeliveryStore
from causeline.query_api.questions import native
from causeline.query_api.questions.query import EventPosition
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.web.errors import Answer, Conflict, FieldError, Invalid, Malformed, NotFound
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer, without_query

DELIVERY_RETRY_PATH: Final = "/v1/deliveries/{id}/retry"
SUBSCRIPTION_RETRY_PATH: Final = "/v1/subscriptions/{id}/retry"
_MAX_BODY: Final = 16 << 10


class Redelivery:
    """The handlers."""

    def __init__(self, service: IngestService, store: DeliveryStore, subscribing: Subscribing) -> None:
        self._service = service
        self._store = store
        self._subscribing = subscribing

    async def one(self, request: HttpRequest) -> Answer:
        """Begin a dead delivery again."""
        attempts = await self._store.attempts(request.tenant, request.params["id"])
        if not attempts:
            raise NotFound(f"there is no delivery {request.params['id'][:100]}")
        dead = attempts[-1]
        demand_dead(dead, is_subscribed=await self._is_subscribed(request.tenant, dead.subscription_id))
        if not await self._repeat([dead], request.received_at):
            raise Conflict(f"what the delivery {dead.id} carried is no longer kept")
        return json_answer(202, {"delivery_id": dead.id, "subscription_id": dead.subscription_id})

    async def many(self, request: HttpRequest) -> Answer:
        """Begin the dead deliveries of a subscription again, oldest first; those of one page."""
        subscription = request.params["id"]
        if not await self._is_subscribed(request.tenant, subscription):
            raise NotFound(f"there is no subscription {subscription[:100]}")
        try:
            where, paging = native.redeliveries(_members(request.body), request.tenant, subscription, request.received_at)
        except Invalid as error:
            raise Invalid(error.message, error.fields) from error
        page, cursor = paging.cut(await self._store.newest(where, paging.page), lambda dead: EventPosition(dead.received, dead.id))
        count = 0
        queue = sorted(page, key=_order_key)
        for at in range(0, len(queue), RETRY_BATCH):
            count += await self._repeat(queue[at : at + RETRY_BATCH], request.received_at)
        return json_answer(202, {"retried": count, "next_cursor": cursor})

    async def _is_subscribed(self, tenant: str, subscription: str) -> bool:
        return find_subscription(await self._subscribing.view(), tenant, subscription) is not None

    async def _repeat(self, dead: Sequence[Delivery], now: int) -> int:
        records = await self._store.records(dead[0].tenant, [delivery.id for delivery in dead])
        repeats = [repeat(delivery, records[delivery.id], now) for delivery in dead if delivery.id in records]
        await self._service.forward(repeats)
        return len(repeats)


def _order_key(dead: Delivery) -> tuple[int, int, int]:
    """Return where a delivery belongs among others: what happened in one millisecond was given up in its order, or is of one record."""
    return dead.received, dead.at, dead.version


def _members(body: bytes) -> native.Pairs:
    """Return the members of a JSON object, or of nothing, as the parameters that they are. Raises Malformed or Invalid."""
    try:
        members = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not a JSON object: {error}") from error
    values = {name: value for name, value in members.items() if value is not None}
    wrong = [name[:100] for name, value in values.items() if isinstance(value, bool) or not isinstance(value, str | int)]
    if wrong:
        raise Invalid.naming([FieldError(name, "must be a text or a number") for name in wrong])
    return [(name, str(value)) for name, value in values.items()]


def routes(service: IngestService, store: DeliveryStore, subscribing: Subscribing) -> list[HttpRoute]:
    """Return the routes that repeat deliveries. They send a tenant's data out, so they need the scope that subscribing needs."""
    handlers = Redelivery(service, store, subscribing)
    return [
        HttpRoute("POST", DELIVERY_RETRY_PATH, NATIVE, without_query(handlers.one), scope="admin"),
        HttpRoute("POST", SUBSCRIPTION_RETRY_PATH, NATIVE, without_query(handlers.many), JSON_MEDIA, _MAX_BODY, scope="admin"),
    ]
