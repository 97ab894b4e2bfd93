"""`/v1/subscriptions`: make, show, change, test and end subscriptions; each change is told to the processors before it is answered."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog

from causeline.ingest.bodies.fast_json import body_object
from causeline.ingest.idempotency import idempotency_key
from causeline.ingest.ports import RandomBytes
from causeline.ingest.subscriptions import requests as writes
from causeline.ingest.subscriptions import views
from causeline.ingest.subscriptions.subscribing import Subscribing, behind, find_subscription
from causeline.ingest.subscriptions.targets import NEW_SECRET_BYTES, signing_secret
from causeline.ingest.subscriptions.views import StoredSubscription
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records import delivery_work
from causeline.schemas.records.config import HOOKS, ConfigView
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import GONE, Rule, Subscription, end_rule, has_ended, hook_key
from causeline.schemas.values import ids
from causeline.schemas.values.mask import MASK
from causeline.schemas.web.errors import Answer, FieldError, Invalid, NotFound
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer, without_query
from causeline.schemas.web.listing import read_listing_question

_log: Final = structlog.get_logger(__name__)
_T = TypeVar("_T")

SUBSCRIPTIONS_PATH: Final = "/v1/subscriptions"
SUBSCRIPTION_PATH: Final = f"{SUBSCRIPTIONS_PATH}/{{id}}"
TEST_PATH: Final = f"{SUBSCRIPTION_PATH}/test"
ROTATE_PATH: Final = f"{SUBSCRIPTION_PATH}/rotate-secret"
PATCH_MEDIA: Final = ("application/merge-patch+json", "application/json")


class NativeSubscriptions:
    """The handlers. A subscription is seen by who may see everything that it tells: its groups are among the caller's."""

    def __init__(self, parts: Subscribing, random: RandomBytes) -> None:
        self._parts, self._random = parts, random

    async def create(self, request: HttpRequest) -> Answer:
        """Make a subscription (201 with its signing secret); a repeat under one key answers the same."""
        key = idempotency_key(request.headers)
        content = body_object(request.body)
        caller = self._caller(request)
        draft = await self._judge(request, writes.template_in(content), lambda: writes.draft_of(content, caller))
        new = ids.uuid5(request.tenant, "subscription", key) if key else self._parts.service.new_id(request.received_at)
        place = hook_key(request.tenant, new)
        async with self._parts.changing(place):
            view = await self._parts.view()
            if (value := view.get(HOOKS, place)) is not None:
                return await self._answer_repeat(
                    request, content, find_subscription(view, request.tenant, new) if not has_ended(value) else None
                )
            with self._parts.making(view, request.tenant, (HOOKS, place), 1):
                secret = draft.target.secret or signing_secret(self._random(NEW_SECRET_BYTES))
                subscription = writes.first_revision(draft, caller, new, secret, self._parts.seal)
                sealed_fingerprint = self._parts.seal(writes.content_fingerprint(content)) if key else ""
                await self._store("subscription created", subscription, sealed_fingerprint)
        return self._answer_created(StoredSubscription(subscription, None, sealed_fingerprint), secret)

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of what the caller may see, in the order of ids."""
        listing = read_listing_question(request.query(), "subscriptions", {"state": views.STATES})
        state = listing.first("state")
        view = await self._parts.view()
        documents: list[dict[str, Any]] = []
        for entry in behind(view, request.tenant, listing.after):
            health = self._parts.health.of(entry.subscription.rule.id)
            if not _may_see(entry.subscription.rule, request) or state not in (
                "",
                views.subscription_state(entry.subscription.rule, health),
            ):
                continue
            if len(documents) == listing.limit:
                return json_answer(200, {"subscriptions": documents, "next_cursor": listing.cursor(documents[-1]["id"])})
            documents.append(views.subscription_view(entry, health))
        return json_answer(200, {"subscriptions": documents, "next_cursor": None})

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with one subscription."""
        entry = self._find(request, await self._parts.view())
        return self._answer(entry)

    async def patch(self, request: HttpRequest) -> Answer:
        """Change a subscription by a merge patch; answer with its next revision."""
        content = body_object(request.body)
        async with self._parts.changing(_place(request)):
            entry = self._own(request, await self._parts.view())
            subscription, caller = entry.subscription, self._caller(request)
            revision = await self._judge(
                request,
                writes.template_in(content) or bool(subscription.target.template),
                lambda: writes.patch_subscription(subscription, content, caller, self._parts.seal, self._parts.unseal),
            )
            await self._store("subscription changed", revision, entry.sealed_fingerprint)
        return self._answer(StoredSubscription(revision, None, entry.sealed_fingerprint))

    async def delete(self, request: HttpRequest) -> Answer:
        """End a subscription; what waits for it is not delivered any more."""
        async with self._parts.changing(_place(request)):
            entry = self._own(request, await self._parts.view())
            end = end_rule(entry.subscription.rule, request.received_at)
            await self._parts.store(HOOKS, _place(request), {GONE: [end]}, [end.rule])
        _log.info("subscription deleted", tenant=request.tenant, subscription=end.rule.id)
        return Answer(204, {}, b"")

    async def test(self, request: HttpRequest) -> Answer:
        """Send a test through everything that a real record goes through; answer with the id of its delivery."""
        rule = self._find(request, await self._parts.view()).subscription.rule
        key, now = idempotency_key(request.headers), request.received_at
        entity = ids.uuid5(request.tenant, "test", rule.id, key) if key else self._parts.service.new_id(now)
        test = delivery_work.Notification(subscriptions=(rule.id,), what="test", entity=entity, version=1, received=now, at=now)
        record = IngestRecord(
            op="notify", tenant=rule.tenant, id=rule.id, record_id=entity, ingest_ts=now, event=delivery_work.encode_delivery_work(test)
        )
        await self._parts.service.forward([record])
        return json_answer(202, {"delivery_id": delivery_work.delivery_id(rule.id, "test", entity, 1)})

    async def rotate(self, request: HttpRequest) -> Answer:
        """Give a webhook a new signing secret and show it; the old one signs beside it for a while."""
        content = body_object(request.body or b"{}")
        new_secret = signing_secret(self._random(NEW_SECRET_BYTES))
        async with self._parts.changing(_place(request)):
            entry = self._own(request, await self._parts.view())
            revision, secret = writes.rotate_secret(entry.subscription, content, request.received_at, new_secret, self._parts.seal)
            await self._store("signing secret rotated", revision, entry.sealed_fingerprint)
        return self._answer(StoredSubscription(revision, None, entry.sealed_fingerprint), secret)

    def _caller(self, request: HttpRequest) -> writes.Caller:
        return writes.Caller(request.tenant, request.groups, request.received_at, self._parts.allow_list)

    async def _judge(self, request: HttpRequest, has_template: bool, judge: Callable[[], _T]) -> _T:  # noqa: FBT001 - says how heavy it is
        return await self._parts.judging.run(request.tenant, judge) if has_template else judge()

    async def _store(self, what: str, subscription: Subscription, sealed_fingerprint: str) -> None:
        rule = subscription.rule
        await self._parts.store(HOOKS, hook_key(rule.tenant, rule.id), writes.subscription_value(subscription, sealed_fingerprint), [rule])
        _log.info(what, tenant=rule.tenant, subscription=rule.id, revision=rule.revision)

    async def _answer_repeat(self, request: HttpRequest, content: dict[str, Any], entry: StoredSubscription | None) -> Answer:
        """Answer as the first time, if it said the same and what it made is still there."""
        if entry is None or not _may_see(entry.subscription.rule, request):
            message = "was used for a subscription that is deleted"
        elif self._parts.unseal(entry.sealed_fingerprint) != writes.content_fingerprint(content):
            message = "came with other content before"
        else:
            await self._parts.tell([entry.subscription.rule])
            keys = entry.subscription.target.keys
            return self._answer_created(entry, self._parts.unseal(keys[0].secret) if keys else MASK)
        raise Invalid(f"the same Idempotency-Key {message}", (FieldError("Idempotency-Key", message),))

    def _answer_created(self, entry: StoredSubscription, secret: str) -> Answer:
        document = views.subscription_view(entry, self._parts.health.of(entry.subscription.rule.id), secret)
        return json_answer(201, document, {"Location": f"{SUBSCRIPTIONS_PATH}/{document['id']}"})

    def _answer(self, entry: StoredSubscription, secret: str = MASK) -> Answer:
        return json_answer(200, views.subscription_view(entry, self._parts.health.of(entry.subscription.rule.id), secret))

    def _find(self, request: HttpRequest, view: ConfigView) -> StoredSubscription:
        entry = find_subscription(view, request.tenant, request.params["id"])
        if entry is None or not _may_see(entry.subscription.rule, request):
            raise NotFound(f"there is no subscription {request.params['id'][:100]}")
        return entry

    def _own(self, request: HttpRequest, view: ConfigView) -> StoredSubscription:
        """Return a subscription that this API may change: one of its own."""
        entry = self._find(request, view)
        if entry.project is not None:
            message = "belongs to the set of an EscapeKit project: change it there"
            raise Invalid(f"the subscription {message}", (FieldError("project", message),))
        return entry


def _place(request: HttpRequest) -> str:
    return hook_key(request.tenant, request.params["id"])


def _may_see(rule: Rule, request: HttpRequest) -> bool:
    return request.groups is None or (rule.groups is not None and set(rule.groups) <= set(request.groups))


def routes(parts: Subscribing, random: RandomBytes) -> list[HttpRoute]:
    """Return the routes. Who makes or changes a subscription sends the tenant's events elsewhere: that takes `admin`."""
    handlers = NativeSubscriptions(parts, random)
    return [
        HttpRoute("POST", SUBSCRIPTIONS_PATH, NATIVE, without_query(handlers.create), media=JSON_MEDIA, scope="admin"),
        HttpRoute("GET", SUBSCRIPTIONS_PATH, NATIVE, handlers.list),
        HttpRoute("GET", SUBSCRIPTION_PATH, NATIVE, without_query(handlers.get)),
        HttpRoute("PATCH", SUBSCRIPTION_PATH, NATIVE, without_query(handlers.patch), media=PATCH_MEDIA, scope="admin"),
        HttpRoute("DELETE", SUBSCRIPTION_PATH, NATIVE, without_query(handlers.delete), scope="admin"),
        HttpRoute("POST", TEST_PATH, NATIVE, without_query(handlers.test), scope="admin"),
        HttpRoute("POST", ROTATE_PATH, NATIVE, without_query(handlers.rotate), media=JSON_MEDIA, scope="admin"),
    ]
