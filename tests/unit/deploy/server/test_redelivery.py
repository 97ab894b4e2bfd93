"""Deliveries that died are told again: over a whole server in memory, as far as the log."""

import json
from typing import Any

import msgspec
import pytest

from causeline.deploy.server.redelivery import RETRY_BATCH
from causeline.schemas.records import delivery_work
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Rule, Subscription, SubscriptionEnd, Target, hook_key
from tests.access_server import TENANT, AccessServer, Sent
from tests.contract.delivery_rows import RECEIVED, delivery


@pytest.fixture
async def server() -> AccessServer:
    access_server = AccessServer()
    await subscribe(access_server)
    return access_server


async def subscribe(server: AccessServer, subscription: str = "s1", *, tenant: str = TENANT, gone: bool = False) -> None:
    rule = Rule(id=subscription, tenant=tenant, revision=1, created_at=0, gone=gone)
    registration = Subscription(rule=rule, target=Target(type="webhook"), updated_at=0)
    value = {"gone": [SubscriptionEnd(rule=rule, at=0)]} if gone else registration
    await server.config.put(HOOKS, hook_key(tenant, subscription), msgspec.to_builtins(value))


def dead(delivery_id: str, **fields: Any) -> Delivery:
    return delivery(delivery_id, **{"tenant": TENANT, "outcome": "dead", "record": f"record of {delivery_id}".encode(), **fields})


async def post(server: AccessServer, path: str, body: object = None, *, scope: str = "admin") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {await server.issue(scope)}"}
    request = Sent("POST", path, "", b"" if body is None else json.dumps(body).encode(), headers)
    reply = await server.send(request)
    return reply.status, json.loads(reply.body)


def on_the_log(server: AccessServer) -> list[tuple[IngestRecord, delivery_work.Notification]]:
    work = []
    for record in server.log.records():
        notification = delivery_work.decode_message(record.event)
        assert isinstance(notification, delivery_work.Notification)
        work.append((record, notification))
    return work


async def test_a_dead_delivery_goes_to_the_log_as_it_was_under_its_id(server: AccessServer) -> None:
    every_byte = bytes(range(256))
    server.store.deliveries.put(dead("m1", what="problem", entity="p1", version=4, record=every_byte))
    assert await post(server, "/v1/deliveries/m1/retry") == (202, {"delivery_id": "m1", "subscription_id": "s1"})
    ((record, notification),) = on_the_log(server)
    assert (record.op, record.tenant, record.id, record.ingest_ts, record.key) == ("notify", TENANT, "s1", server.now, b"s1")
    assert notification == delivery_work.Notification(
        subscriptions=("s1",), what="problem", entity="p1", version=4, record=every_byte, received=RECEIVED, at=server.now, delivery_id="m1"
    )


@pytest.mark.parametrize("outcome", ["delivered", "retried", "cancelled"])
async def test_one_that_is_not_dead_is_a_conflict_that_names_its_outcome(server: AccessServer, outcome: str) -> None:
    server.store.deliveries.put(dead("m1"))
    server.store.deliveries.put(dead("m1", at=RECEIVED + 9_000, outcome=outcome))
    status, body = await post(server, "/v1/deliveries/m1/retry")
    assert (status, body["detail"]) == (409, f"the delivery m1 is {outcome}: only one that is dead can be retried")
    assert on_the_log(server) == []


async def test_one_that_died_again_is_repeated_as_it_died_last(server: AccessServer) -> None:
    server.store.deliveries.put(dead("m1"))
    server.store.deliveries.put(dead("m1", at=RECEIVED + 9_000, record=b"later"))
    await post(server, "/v1/deliveries/m1/retry")
    assert [notification.record for _, notification in on_the_log(server)] == [b"later"]


async def test_what_nobody_waits_for_is_not_repeated(server: AccessServer) -> None:
    await subscribe(server, "deleted", gone=True)
    await subscribe(server, "foreign", tenant="other")
    for n, subscription in enumerate(("deleted", "foreign", "never was")):
        server.store.deliveries.put(dead(f"m{n}", subscription_id=subscription))
        assert (await post(server, f"/v1/deliveries/m{n}/retry"))[0] == 409
        assert (await post(server, f"/v1/subscriptions/{subscription}/retry", {}))[0] == 404
    assert on_the_log(server) == []


async def test_a_subscription_of_a_projects_set_is_one_too(server: AccessServer) -> None:
    rule = Rule(id="of the set", tenant=TENANT, revision=1, created_at=0)
    subscription = Subscription(rule=rule, target=Target(type="webhook"), updated_at=0)
    await server.config.put(SUBSCRIPTIONS, f"{TENANT}/place", {"subscriptions": [], "hooks": [msgspec.to_builtins(subscription)]})
    server.store.deliveries.put(dead("m1", subscription_id="of the set"))
    assert (await post(server, "/v1/deliveries/m1/retry"))[0] == 202


async def test_deliveries_of_another_tenant_are_not_there(server: AccessServer) -> None:
    server.store.deliveries.put(dead("m1", tenant="other"))
    assert (await post(server, "/v1/deliveries/m1/retry"))[0] == 404
    assert (await post(server, "/v1/subscriptions/s1/retry", {}))[1]["retried"] == 0


async def test_all_dead_ones_of_a_subscription_go_oldest_first_page_by_page(server: AccessServer) -> None:
    count = 2 * RETRY_BATCH + 5
    for n in range(count):
        server.store.deliveries.put(dead(f"m{n:03}", received=RECEIVED + n, entity="e"))
    server.store.deliveries.put(dead("other", subscription_id="s2"))
    server.store.deliveries.put(dead("delivered", outcome="delivered"))
    counts, cursor = [], None
    while True:
        status, body = await post(server, "/v1/subscriptions/s1/retry", {"limit": 40, "cursor": cursor, "outcome": "dead"})
        assert status == 202
        counts.append(body["retried"])
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert counts == [40, count - 40]
    assert [notification.delivery_id for _, notification in on_the_log(server)] == [f"m{n:03}" for n in range(count)]


async def test_what_was_taken_in_at_one_moment_is_repeated_in_the_order_that_it_died_in(server: AccessServer) -> None:
    for n, name in enumerate("zcxa"):
        server.store.deliveries.put(dead(name, entity=f"p{name}", at=RECEIVED + 10 * n))
    server.store.deliveries.put(dead("b", entity="pa", version=5, at=RECEIVED + 30))
    assert (await post(server, "/v1/subscriptions/s1/retry", {}))[1]["retried"] == 5
    assert [notification.delivery_id for _, notification in on_the_log(server)] == ["z", "c", "x", "a", "b"]


async def test_a_window_chooses_by_when_it_was_taken_in(server: AccessServer) -> None:
    for n in range(4):
        server.store.deliveries.put(dead(f"m{n}", received=RECEIVED + n, at=RECEIVED + 100))
    status, body = await post(server, "/v1/subscriptions/s1/retry", {"from": RECEIVED + 1, "to": str(RECEIVED + 3)})
    assert (status, body) == (202, {"retried": 2, "next_cursor": None})
    assert [notification.delivery_id for _, notification in on_the_log(server)] == ["m1", "m2"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"outcome": "delivered"}, ["outcome"]),
        ({"limit": 0}, ["limit"]),
        ({"limit": 1_001}, ["limit"]),
        ({"limit": True, "from": ["now"]}, ["limit", "from"]),
        ({"since": "2h"}, ["since"]),
        ({"from": "whenever"}, ["from"]),
        ({"cursor": "zzz"}, ["cursor"]),
    ],
)
async def test_a_body_that_cannot_be_meant_is_422_by_name(server: AccessServer, body: dict[str, object], fields: list[str]) -> None:
    status, answer = await post(server, "/v1/subscriptions/s1/retry", body)
    assert (status, [error["field"] for error in answer["errors"]]) == (422, fields)


@pytest.mark.parametrize("body", [[], "x", 7])
async def test_a_body_that_is_no_object_is_400(server: AccessServer, body: object) -> None:
    assert (await post(server, "/v1/subscriptions/s1/retry", body))[0] == 400


@pytest.mark.parametrize("scope", ["read", "ingest"])
async def test_to_repeat_takes_the_scope_that_to_subscribe_takes(server: AccessServer, scope: str) -> None:
    server.store.deliveries.put(dead("m1"))
    for path in ("/v1/deliveries/m1/retry", "/v1/subscriptions/s1/retry"):
        assert (await post(server, path, scope=scope))[0] == 403


async def test_while_the_log_is_away_nothing_is_said_to_be_retried(server: AccessServer) -> None:
    server.store.deliveries.put(dead("m1"))
    server.log.away = True
    assert (await post(server, "/v1/deliveries/m1/retry"))[0] == 503
    assert (await post(server, "/v1/subscriptions/s1/retry", {}))[0] == 503
