"""The reads of deliveries, asked as the shell asks them, on the memory twin."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from causeline.query_api.adapters.memory.deliveries import MemoryDeliveries
from causeline.query_api.dialects.native import deliveries_http
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid, NotFound
from causeline.schemas.web.http import HttpRequest
from tests.contract.delivery_rows import RECEIVED, delivery

NOW = RECEIVED + 3_600_000


class Api:
    def __init__(self) -> None:
        self.store = MemoryDeliveries()
        self.handlers = {route.path: route.handler for route in deliveries_http.routes(self.store)}

    async def get(self, path: str, *pairs: tuple[str, str], tenant: str = "acme", **params: str) -> Any:
        answer = await self.handlers[path](HttpRequest("GET", path, params, urlencode(pairs), {}, b"", tenant, NOW))
        assert answer.status == 200
        return msgspec.json.decode(answer.body)


@pytest.fixture
def api() -> Api:
    return Api()


async def test_a_delivery_shows_how_its_newest_attempt_ended_and_never_what_it_carried(api: Api) -> None:
    api.store.put(delivery("m1", outcome="retried", status_code=0, detail="no answer", next_attempt=RECEIVED + 6_000))
    api.store.put(delivery("m1", attempt=2, at=RECEIVED + 6_500, outcome="dead", status_code=500, detail="oops", record=b"secret"))
    newest = {
        "attempt": 2,
        "outcome": "dead",
        "status_code": 500,
        "detail": "oops",
        "took_ms": 7,
        "at": rfc3339(RECEIVED + 6_500),
        "next_attempt": None,
    }
    about = {"id": "m1", "subscription_id": "s1", "what": "event", "entity": "e1", "version": 1, "received": rfc3339(RECEIVED)}
    first = newest | {"attempt": 1, "outcome": "retried", "status_code": None, "detail": "no answer"}
    first |= {"at": rfc3339(RECEIVED + 1_000), "next_attempt": rfc3339(RECEIVED + 6_000)}
    assert await api.get("/v1/deliveries") == {"deliveries": [about | newest], "next_cursor": None}
    assert await api.get("/v1/deliveries/{id}", id="m1") == about | newest | {"attempts": [first, newest]}


async def test_a_delivery_of_another_tenant_is_not_there(api: Api) -> None:
    api.store.put(delivery("m1"))
    for tenant, delivery_id in (("other", "m1"), ("acme", "m2"), ("acme", "\x00")):
        with pytest.raises(NotFound):
            await api.get("/v1/deliveries/{id}", tenant=tenant, id=delivery_id)
    assert await api.get("/v1/deliveries", tenant="other") == {"deliveries": [], "next_cursor": None}


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_a_list_is_read_page_by_page_through_its_cursor(api: Api, order: str) -> None:
    for n in range(7):
        api.store.put(delivery(f"m{n}", received=RECEIVED + n))
    query = (("limit", "3"), ("order", order), ("subscription", "s1"))
    ids: list[str] = []
    page = await api.get("/v1/deliveries", *query)
    while True:
        ids += [row["id"] for row in page["deliveries"]]
        if page["next_cursor"] is None:
            break
        page = await api.get("/v1/deliveries", *query, ("cursor", page["next_cursor"]))
    assert ids == [f"m{n}" for n in (range(7) if order == "asc" else range(6, -1, -1))]


async def test_filters_choose_and_a_relative_time_counts_from_now(api: Api) -> None:
    api.store.put(delivery("m1", outcome="dead", what="problem", entity="e9", subscription_id="s9"))
    api.store.put(delivery("m2"))
    api.store.put(delivery("m3", received=NOW - 60_000))
    for pairs, found in (
        ([("outcome", "dead"), ("outcome", "retried")], ["m1"]),
        ([("what", "problem")], ["m1"]),
        ([("entity", "e9")], ["m1"]),
        ([("subscription", "s9")], ["m1"]),
        ([("from", "now-2m")], ["m3"]),
        ([("to", "now-2m"), ("outcome", "delivered")], ["m2"]),
    ):
        assert [row["id"] for row in (await api.get("/v1/deliveries", *pairs))["deliveries"]] == found


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("outcome", "failed"), "'failed' is not one of delivered, retried, dead, cancelled"),
        (("status", "dead"), "is not a parameter of this call"),
        (("limit", "1001"), "limit"),
        (("cursor", "zzz"), "is damaged or belongs to other filters"),
        (("from", "yesterday"), "from"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(api: Api, pair: tuple[str, str], message: str) -> None:
    with pytest.raises(Invalid, match=message) as refused:
        await api.get("/v1/deliveries", pair)
    assert [field.field for field in refused.value.fields] == [pair[0]]
