"""The door: what passes, what is counted, what is refused before a handler is called."""

import asyncio
from collections.abc import Callable

import pytest

from causeline.deploy.server import door as doors
from causeline.deploy.server.door import Door
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.workload import Workload
from causeline.ingest.acknowledged import AcknowledgedKeys
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Answer, Invalid, Overloaded, OverQuota, Unavailable
from causeline.schemas.web.http import Handler, HttpRequest, HttpRoute
from tests import patience


def request(method: str = "POST") -> HttpRequest:
    return HttpRequest(method, "/v1/events", {}, "", {}, b"{}", "shop", 0)


def route(handler: Handler, method: str = "POST") -> HttpRoute:
    return HttpRoute(method, "/v1/events", NATIVE, handler)


async def stored(call: HttpRequest) -> Answer:
    return Answer(201, {}, call.body)


def clock(*times: float) -> Callable[[], float]:
    instants = list(times)
    return lambda: instants.pop(0)


def failing(error: Exception) -> Handler:
    async def fail(_call: HttpRequest) -> Answer:
        raise error

    return fail


async def test_a_write_beyond_the_limit_is_refused_and_a_read_passes() -> None:
    load = Workload(0.4, start=1)
    door = Door(load, Quotas(0, {}))
    load.enter("shop", 0, 0.0)
    with pytest.raises(Overloaded):
        await door.serve(route(stored), request())
    assert (await door.serve(route(stored, "GET"), request("GET"))).status == 201


async def test_what_is_under_way_ends_with_the_answer_and_with_an_error() -> None:
    load = Workload(0.4)
    door = Door(load, Quotas(0, {}))
    await door.serve(route(stored), request())
    with pytest.raises(Invalid):
        await door.serve(route(failing(Invalid("no"))), request())
    assert load.under_way == 0


@pytest.mark.parametrize(("method", "limit"), [("POST", 1 << 20), ("PUT", 2 << 20)])
async def test_only_a_post_tells_how_long_writing_takes(method: str, limit: int) -> None:
    load = Workload(0.4)
    await Door(load, Quotas(0, {}), clock(0.0, 5.0)).serve(route(stored, method), request(method))
    assert load.limit == limit


async def test_a_repeat_that_waits_for_the_request_it_repeats_does_not_tell_that_writing_is_slow() -> None:
    load, keys, may_end = Workload(0.4), AcknowledgedKeys(), asyncio.Event()
    record = IngestRecord(op="create", tenant="shop", id="e", ingest_ts=0, dedup_key="k", fingerprint=1)

    came: list[HttpRequest] = []

    async def keyed(call: HttpRequest) -> Answer:
        came.append(call)
        if len(came) == 2:
            may_end.set()
        async with keys.turn([record], 0):
            await may_end.wait()
        return Answer(201, {}, call.body)

    times = clock(0.0, 0.0, 0.1, 5.0)
    before = load.limit
    await asyncio.gather(*(Door(load, Quotas(0, {}), times).serve(route(keyed), request()) for _ in range(2)))
    assert load.limit >= before


async def test_a_log_that_does_not_acknowledge_lowers_the_limit_and_a_wrong_event_does_not() -> None:
    load = Workload(0.4)
    before = load.limit
    with pytest.raises(Invalid):
        await Door(load, Quotas(0, {}), clock(0.0, 5.0)).serve(route(failing(Invalid("no"))), request())
    assert load.limit == before
    with pytest.raises(Unavailable):
        await Door(load, Quotas(0, {}), clock(0.0, 5.0)).serve(route(failing(Unavailable("no"))), request())
    assert load.limit == before // 2


async def test_what_goes_to_the_configuration_neither_keeps_events_out_nor_tells_how_long_they_take() -> None:
    load, may_end = Workload(0.4, start=1), asyncio.Event()
    door = Door(load, Quotas(0, {}), clock(0.0, 0.0, 0.1, 60.0))

    async def imported(call: HttpRequest) -> Answer:
        await may_end.wait()
        return Answer(200, {}, call.body)

    long = asyncio.ensure_future(door.serve(route(imported)._replace(log="configuration"), request()))
    await patience.turn()
    assert (await door.serve(route(stored), request())).status == 201
    before = load.limit
    may_end.set()
    assert (await long).status == 200
    assert (load.limit, load.under_way) == (before, 0)


async def test_a_tenant_without_quota_left_is_refused_before_its_body_is_parsed() -> None:
    quotas = Quotas(1, {})
    quotas.spend("shop", 10)
    with pytest.raises(OverQuota):
        await Door(Workload(0.4), quotas).serve(route(failing(AssertionError("called"))), request())


@pytest.mark.parametrize(("retry_after", "least", "most"), [(1, 1, 2), (5, 5, 7), (10, 10, 15)])
def test_clients_that_were_refused_together_come_back_apart(retry_after: int, least: int, most: int) -> None:
    delays = set()
    for _ in range(200):
        error = Unavailable("no", retry_after)
        doors.spread(error)
        delays.add(int(error.headers["Retry-After"]))
    assert (min(delays), max(delays)) == (least, most)
