"""`/v1/services`: what is put is what is shown, several at once, pages, tenants apart, and bounds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.services.changes import MAX_ALL_BYTES, MAX_ALL_NAMES, ServiceLimits
from tests.services_memory import MemoryServices

CHECKOUT: dict[str, Any] = {
    "depends_on": ["payments", "search"],
    "owner": "kim",
    "team": "shop",
    "repo": "acme/shop",
    "paths": ["apps/checkout/**"],
    "aliases": ["checkout-svc"],
    "tier": 1,
}
EMPTY: dict[str, Any] = {"depends_on": [], "owner": None, "team": None, "repo": None, "paths": [], "aliases": [], "tier": None}


@pytest.fixture
def api() -> MemoryServices:
    return MemoryServices()


async def test_a_put_replaces_the_whole_record(api: MemoryServices) -> None:
    first = await api.put("checkout", **CHECKOUT)
    assert first == {"name": "checkout", **CHECKOUT, "updated_at": first["updated_at"]}
    assert (await api.ask("GET", "checkout")).body == first
    api.now += 1_000
    second = await api.put("checkout", team=" shop ", depends_on=["a", " a", "a"], tier=None)
    assert second == {"name": "checkout", **EMPTY, "team": "shop", "depends_on": ["a"], "updated_at": second["updated_at"]}
    assert second["updated_at"] > first["updated_at"]
    assert (await api.ask("GET", "checkout")).body == second


async def test_what_is_deleted_is_gone_and_only_once(api: MemoryServices) -> None:
    await api.put("checkout")
    assert [(await api.ask("DELETE", "checkout")).status for _ in range(2)] == [204, 404]
    reply = await api.ask("GET", "checkout")
    assert (reply.status, reply.body["detail"]) == (404, "there is no service checkout")
    assert (await api.shown())["services"] == []


async def test_a_name_may_hold_slashes_and_any_letters(api: MemoryServices) -> None:
    for name in ("team/checkout", "ß / x", "a//b", "x" * 200, "a\nb"):
        assert (await api.put(name, name=f" {name} "))["name"] == name
        assert (await api.ask("GET", name)).body["name"] == name
    assert (await api.ask("GET", "team")).status == 404


async def test_tenants_are_apart(api: MemoryServices) -> None:
    await api.put("checkout", aliases=["co"])
    await api.put("other", aliases=["co"], tenant="u")
    assert (await api.ask("GET", "checkout", tenant="u")).status == 404
    assert (await api.ask("DELETE", "checkout", tenant="u")).status == 404
    assert [one["name"] for one in (await api.shown(tenant="u"))["services"]] == ["other"]


async def test_a_list_is_in_the_order_of_names_by_team_and_page_by_page(api: MemoryServices) -> None:
    for number in range(7):
        await api.put(f"s{number}", team=f"t{number % 3}")
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.shown(f"team=t0&team=t1&team=&limit=2&cursor={cursor}")
        names += [one["name"] for one in page["services"]]
        cursor = page["next_cursor"]
    assert names == ["s0", "s1", "s3", "s4", "s6"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "owner=kim", "cursor=a&cursor=b", "q=a&q=b", "near=a&team=t"]
)
async def test_a_parameter_that_cannot_be_read_is_named(api: MemoryServices, query: str) -> None:
    reply = await api.ask("GET", query=query)
    assert reply.status == 400
    assert [error["field"] for error in reply.body["errors"]] == [query.partition("=")[0]]


async def test_a_list_is_narrowed_by_words_of_names_and_by_whom_they_call(api: MemoryServices) -> None:
    await api.put("Checkout", aliases=["kasse"], team="shop")
    await api.put("web", depends_on=["kasse"], team="shop")
    await api.put("mail", depends_on=["queue"], team="post")
    for query, names in (
        ("q=CHECK", ["Checkout"]),
        ("q=ass", ["Checkout"]),
        ("q=e&team=shop", ["Checkout", "web"]),
        ("q=%25", []),
        ("depends_on=Checkout", ["web"]),
        ("depends_on=kasse&team=post", []),
        ("depends_on=queue", ["mail"]),
    ):
        assert [one["name"] for one in (await api.shown(query))["services"]] == names, query


async def test_services_that_a_name_is_near_to_come_nearest_first_and_once(api: MemoryServices) -> None:
    for name in ("payments", "payments-api", "checkout", "search"):
        await api.put(name)
    await api.put("till", aliases=["checkin", "checkins"])
    page = await api.shown("near=checkot")
    assert ([one["name"] for one in page["services"]], page["next_cursor"]) == (["checkout", "till"], None)
    assert [one["name"] for one in (await api.shown("near=PAYMENT&limit=1"))["services"]] == ["payments"]


@pytest.mark.parametrize("as_lines", [False, True])
async def test_of_several_each_has_a_result_and_what_is_right_is_stored(api: MemoryServices, *, as_lines: bool) -> None:
    items = [
        {"name": "a", "aliases": ["x"]},
        {"name": "b", "aliases": ["x"]},
        {"names": "c"},
        {"name": "d"},
        [],
        {"name": "a"},
        {"name": "x"},
    ]
    if as_lines:
        content = "\n".join(map(json.dumps, items)).encode()
        reply = await api.request("POST", "/v1/services", content, headers={"Causeline-Tenant": "t"}, content_type="application/x-ndjson")
    else:
        reply = await api.ask("POST", body=items)
    assert (reply.status, reply.body["accepted"], reply.body["rejected"]) == (200, 4, 3)
    statuses = [(result["status"], result.get("name"), [e["field"] for e in result.get("errors", ())]) for result in reply.body["results"]]
    assert statuses == [
        ("accepted", "a", []),
        ("rejected", None, ["aliases[0]"]),
        ("rejected", None, ["names", "name"]),
        ("accepted", "d", []),
        ("rejected", None, [""]),
        ("accepted", "a", []),
        ("accepted", "x", []),
    ]
    assert [one["name"] for one in (await api.shown())["services"]] == ["a", "d", "x"]


async def test_one_object_is_answered_as_by_put(api: MemoryServices) -> None:
    reply = await api.ask("POST", body={"name": "a", "tier": 2})
    assert (reply.status, reply.body["name"], reply.body["tier"]) == (200, "a", 2)
    assert (await api.ask("POST", body={"name": "a", "tier": "high"})).status == 422


async def test_a_name_belongs_to_one_service_and_who_has_it_is_said(api: MemoryServices) -> None:
    await api.put("checkout", aliases=["co"])
    for name, aliases, place in (("pay", ["p", "co"], "aliases[1]"), ("pay", ["checkout"], "aliases[0]"), ("co", [], "name")):
        reply = await api.ask("PUT", name, {"aliases": aliases})
        assert (reply.status, "'checkout'" in reply.body["detail"]) == (409, True)
        assert [error["field"] for error in reply.body["errors"]] == [place]
    await api.put("checkout", aliases=["checkout"])
    await api.put("pay", aliases=["co"])
    await api.ask("DELETE", "pay")
    await api.put("co")


WRITES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.lists(st.sampled_from("abcdefg"), max_size=3))), min_size=1, max_size=12
)


@given(WRITES)
async def test_whatever_is_written_a_name_belongs_to_one_service(writes: list[tuple[str, list[str] | None]]) -> None:
    api = MemoryServices()
    expected: dict[str, set[str]] = {}
    for name, aliases in writes:
        reply = await (api.ask("DELETE", name) if aliases is None else api.ask("PUT", name, {"aliases": aliases}))
        others = {one for other, names in expected.items() if other != name for one in names}
        if aliases is None:
            assert reply.status == (204 if name in expected else 404)
            expected.pop(name, None)
        elif others.isdisjoint({name, *aliases}):
            assert reply.status == 200
            expected[name] = {name, *aliases}
        else:
            assert reply.status == 409
    assert {one["name"]: {one["name"], *one["aliases"]} for one in (await api.shown())["services"]} == expected


async def test_another_server_sees_what_was_written_and_decides_by_it(api: MemoryServices) -> None:
    await api.put("checkout", aliases=["co"])
    other = MemoryServices(records=api.config.records)
    assert (await other.ask("GET", "checkout")).body["aliases"] == ["co"]
    assert (await other.ask("PUT", "pay", {"aliases": ["co"]})).status == 409
    await other.put("checkout")
    assert (await api.ask("GET", "checkout")).body["aliases"] == []


async def test_a_tenant_has_no_more_services_than_the_setting_allows() -> None:
    api = MemoryServices(ServiceLimits(services=2))
    await api.put("a")
    await api.put("b")
    reply = await api.ask("PUT", "c", {})
    assert (reply.status, "at most 2 services (--max-services)" in reply.body["detail"]) == (422, True)
    await api.put("b", team="x")
    await api.put("c", tenant="u")
    await api.ask("DELETE", "a")
    await api.put("c")
    reply = await api.ask("POST", body=[{"name": "d"}, {"name": "b"}])
    assert [result["status"] for result in reply.body["results"]] == ["rejected", "accepted"]


async def test_a_tenant_takes_no_more_bytes_than_every_server_can_hold(api: MemoryServices) -> None:
    large: dict[str, Any] = {"depends_on": [f"{number:0200}" for number in range(1_000)], "aliases": []}
    for number in range(MAX_ALL_BYTES // 203_000 - 1):
        await api.put(f"s{number}", **large)
    await api.ask("PUT", "last", large)
    reply = await api.ask("PUT", "more", large)
    assert (reply.status, "16 MiB" in reply.body["detail"]) == (422, True)
    await api.put("s0", **large)
    await api.put("s0")
    await api.put("more", **large)


async def test_all_wildcards_of_a_tenant_have_so_many_names_and_who_writes_no_more_may(api: MemoryServices) -> None:
    many = [f"a{number}" + "/b" * 99 for number in range(500)]
    await api.put("a", paths=many)
    await api.put("b", paths=many)
    await api.put("b", tenant="u", paths=["c"])
    reply = await api.ask("PUT", "c", {"paths": ["c"]})
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, ["paths"])
    assert f"{MAX_ALL_NAMES:,}" in reply.body["detail"]
    await api.put("c")
    await api.put("b", paths=many[:-1])
    results = (await api.ask("POST", body=[{"name": "c", "paths": ["x/y"] * 2}, {"name": "d", "paths": many}])).body["results"]
    assert [result["status"] for result in results] == ["accepted", "rejected"]
    await api.ask("DELETE", "a")
    await api.put("d", paths=many)


async def test_while_the_log_is_away_writes_are_refused_and_nothing_changes(api: MemoryServices) -> None:
    await api.put("a", team="x")
    api.config.away = True
    assert [(await api.ask(method, "a", b"{}")).status for method in ("PUT", "DELETE")] == [503, 503]
    assert (await api.ask("GET", "a")).body["team"] == "x"
