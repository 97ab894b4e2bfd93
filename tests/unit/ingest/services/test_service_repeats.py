"""An `Idempotency-Key` on writes of services: a late repeat changes nothing that was written since."""

import pytest

from causeline.ingest.services.changes import ServiceLimits
from causeline.schemas.records.config import SERVICES
from tests.services_memory import MemoryServices

WINDOW = 3_600_000


@pytest.fixture
def api() -> MemoryServices:
    return MemoryServices(ServiceLimits(key_window_ms=WINDOW))


async def test_a_late_repeat_of_a_put_is_answered_as_the_first_time_and_overwrites_nothing(api: MemoryServices) -> None:
    first = await api.ask("PUT", "a", {"team": "x"}, key="k")
    api.now += 1_000
    newer = await api.put("a", team="y")
    repeat = await api.ask("PUT", "a", {"team": " x ", "tier": None}, key="k")
    assert (repeat.status, repeat.body) == (200, first.body)
    assert (await api.ask("GET", "a")).body == newer


async def test_other_content_under_a_key_is_a_conflict_until_the_key_is_forgotten(api: MemoryServices) -> None:
    await api.ask("PUT", "a", {"team": "x"}, key="k")
    for method, body in (("PUT", b'{"team": "y"}'), ("DELETE", b"")):
        reply = await api.ask(method, "a", body, key="k")
        assert (reply.status, reply.body["errors"][0]["field"]) == (409, "Idempotency-Key")
    assert (await api.ask("PUT", "b", {}, key="k")).status == 200
    api.now += WINDOW
    assert (await api.ask("PUT", "a", {"team": "y"}, key="k")).status == 200


async def test_a_late_repeat_neither_deletes_again_nor_brings_back(api: MemoryServices) -> None:
    await api.ask("PUT", "a", {"team": "x"}, key="put")
    assert [(await api.ask("DELETE", "a", key="delete")).status for _ in range(2)] == [204, 204]
    assert (await api.ask("PUT", "a", {"team": "x"}, key="put")).status == 200
    assert (await api.ask("GET", "a")).status == 404
    await api.put("a", team="y")
    assert (await api.ask("DELETE", "a", key="delete")).status == 204
    assert (await api.ask("GET", "a")).body["team"] == "y"


async def test_several_under_one_key_are_each_a_repeat_or_new(api: MemoryServices) -> None:
    await api.ask("POST", body=[{"name": "a", "team": "x"}, {"name": "b"}], key="k")
    await api.put("a", team="y")
    reply = await api.ask("POST", body=[{"name": "a", "team": "x"}, {"name": "b", "tier": 1}, {"name": "c"}], key="k")
    assert [result["status"] for result in reply.body["results"]] == ["accepted", "rejected", "accepted"]
    assert (await api.ask("GET", "a")).body["team"] == "y"
    assert [one["name"] for one in (await api.shown())["services"]] == ["a", "b", "c"]


async def test_what_was_deleted_is_remembered_no_longer_than_its_keys(api: MemoryServices) -> None:
    await api.ask("PUT", "a", {}, key="k")
    await api.ask("DELETE", "a")
    await api.put("b")
    assert list(api.config.view.all(SERVICES)) == ["t/a", "t/b"]
    api.now += WINDOW
    await api.put("b")
    assert list(api.config.view.all(SERVICES)) == ["t/b"]
