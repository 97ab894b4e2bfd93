import asyncio
from typing import Any

import pytest

from causeline.ingest.definitions import defining as definings
from causeline.ingest.definitions.http import routes
from causeline.schemas.dora import view as views
from tests.definitions_memory import MemoryDefinitions, defining

FIRST: dict[str, Any] = {
    "version": 1,
    "production": ["production"],
    "aliases": {"production": ["prod", "prd", "live"]},
    "default_environment": "production",
    "attribution": {"rule": "causes", "window": "24h"},
    "hotfix": {"tags": ["hotfix"], "branches": ["hotfix/*", "hotfix-*"], "titles": ["*hotfix*"]},
    "timeouts": "exclude",
    "tz": "UTC",
}
OWN: dict[str, Any] = {
    "production": ["live", "eu-live"],
    "aliases": {"live": ["prod"], "staging": ["stage", "uat"]},
    "default_environment": "live",
    "attribution": {"rule": "latest", "window": "90m"},
    "hotfix": {"tags": ["urgent"], "branches": ["fix/*"], "titles": []},
    "timeouts": "count",
    "tz": "Europe/Berlin",
}


@pytest.fixture
def server() -> MemoryDefinitions:
    return MemoryDefinitions()


async def test_where_nobody_said_anything_the_first_version_holds(server: MemoryDefinitions) -> None:
    assert await server.shown() == FIRST == await server.shown("version=1")


async def test_a_put_is_the_next_version_and_the_old_ones_stay(server: MemoryDefinitions) -> None:
    assert await server.put(**OWN) == {"version": 2, **OWN} == await server.shown()
    assert await server.put(tz="UTC", timeouts="count") == {**FIRST, "version": 3, "timeouts": "count"}
    assert [(await server.shown(f"version={number}"))["version"] for number in (1, 2, 3)] == [1, 2, 3]
    assert (await server.shown("version=2"))["tz"] == "Europe/Berlin"
    assert server.view.current("t").version == 3


async def test_a_put_that_changes_nothing_keeps_the_version_and_writes_nothing(server: MemoryDefinitions) -> None:
    assert await server.put() == FIRST == await server.put(**FIRST)
    assert server.config.records == []
    shown = await server.put(**OWN)
    assert await server.put(**shown) == shown == await server.put(**{**OWN, "version": 1, "production": [" live ", "eu-live", "live"]})
    assert len(server.config.records) == 1


async def test_null_is_what_the_first_version_says_but_no_window_is_none(server: MemoryDefinitions) -> None:
    nothing: dict[str, Any] = dict.fromkeys(OWN)
    assert await server.put(**nothing) == FIRST
    assert (await server.put(attribution={"window": None}))["attribution"] == {"rule": "causes", "window": None}
    assert (await server.put(attribution={"rule": "latest"}))["attribution"] == {"rule": "latest", "window": "24h"}


async def test_tenants_are_apart(server: MemoryDefinitions) -> None:
    await server.put(**OWN, tenant="a")
    assert await server.shown(tenant="b") == FIRST
    assert (await server.put(**OWN, tenant="b"))["version"] == 2


@pytest.mark.parametrize(("query", "status"), [("version=2", 404), ("version=999999999", 404), ("version=0", 400), ("version=x", 400)])
async def test_a_version_that_there_is_not_is_404_and_what_is_none_400(server: MemoryDefinitions, query: str, status: int) -> None:
    assert (await server.ask("GET", query=query)).status == status


@pytest.mark.parametrize("query", ["versions=1", "version=1&version=1", "definition=1", "version=" + "9" * 5_000])
async def test_another_parameter_or_one_given_twice_is_400_by_name(server: MemoryDefinitions, query: str) -> None:
    reply = await server.ask("GET", query=query)
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (400, [query.partition("=")[0]])


async def test_a_put_takes_no_parameters(server: MemoryDefinitions) -> None:
    assert (await server.ask("PUT", {}, "version=2")).status == 400


TOO_MANY = [f"e{number}" for number in range(51)]


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"production": "live"}, ["production"]),
        ({"production": []}, ["production"]),
        ({"production": TOO_MANY}, ["production"]),
        ({"production": ["a", "", 7, "x" * 201]}, ["production[1]", "production[2]", "production[3]"]),
        ({"aliases": ["prod"]}, ["aliases"]),
        ({"aliases": {name: [] for name in TOO_MANY}}, ["aliases"]),
        ({"aliases": {"production": "prod"}}, ["aliases.production"]),
        ({"aliases": {"production": TOO_MANY}}, ["aliases.production"]),
        ({"aliases": {"production": ["prod", ""]}}, ["aliases.production[1]"]),
        ({"aliases": {"production": ["prod"], "live": ["eu", "PROD"]}}, ["aliases.live[1]"]),
        ({"aliases": {"production": ["Live"], "live": []}}, ["aliases.production[0]"]),
        ({"aliases": {"production": [], "Production": []}}, ["aliases.Production"]),
        ({"aliases": {" ": []}}, ["aliases. "]),
        ({"default_environment": " "}, ["default_environment"]),
        ({"attribution": "causes"}, ["attribution"]),
        ({"attribution": {"rule": "guess"}}, ["attribution.rule"]),
        ({"attribution": {"window": "soon"}}, ["attribution.window"]),
        ({"attribution": {"window": 24}}, ["attribution.window"]),
        ({"attribution": {"window": "366d"}}, ["attribution.window"]),
        ({"attribution": {"within": "24h"}}, ["attribution.within"]),
        ({"hotfix": {"branches": ["a", "b", "c", ""]}}, ["hotfix.branches[3]"]),
        ({"hotfix": {"titles": ["*" * 201]}}, ["hotfix.titles[0]"]),
        ({"hotfix": {"labels": []}}, ["hotfix.labels"]),
        ({"timeouts": True}, ["timeouts"]),
        ({"tz": "Berlin"}, ["tz"]),
        ({"tz": "../../etc/passwd"}, ["tz"]),
        ({"tz": "Europe"}, ["tz"]),
        ({"tz": "localtime"}, ["tz"]),
        ({"tz": "x" * 10_000}, ["tz"]),
        ({"tz": "Mars", "timeouts": "maybe"}, ["timeouts", "tz"]),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_what_is_wrong_is_422_by_the_member_and_changes_nothing(server: MemoryDefinitions, members: Any, fields: list[str]) -> None:
    reply = await server.ask("PUT", members)
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, fields)
    assert await server.shown() == FIRST


async def test_what_fills_every_bound_is_taken_and_fits_a_body(server: MemoryDefinitions) -> None:
    names = [f"{number:0200}" for number in range(50)]
    members: dict[str, Any] = {"production": names, "hotfix": {"tags": names, "branches": names, "titles": names}}
    assert (await server.put(**members))["hotfix"]["titles"] == names


async def test_what_one_server_acknowledged_the_next_read_on_another_shows(server: MemoryDefinitions) -> None:
    other = MemoryDefinitions(server.config.records)
    shown = await server.put(**OWN)
    assert await other.shown() == shown
    assert (await other.put(tz="Asia/Tokyo"))["version"] == 3 == (await server.shown())["version"]


async def test_of_puts_at_once_on_two_servers_none_is_lost(server: MemoryDefinitions) -> None:
    other = MemoryDefinitions(server.config.records)
    zones = ["Asia/Tokyo", "Europe/Paris", "America/Lima", "Africa/Cairo"]
    answers = await asyncio.gather(*[one.put(tz=zone) for zone in zones for one in (server, other)])
    assert {answer["tz"] for answer in answers} == set(zones)
    for answer in answers:
        assert await server.shown(f"version={answer['version']}") == answer == await other.shown(f"version={answer['version']}")


async def test_a_record_that_another_server_wrote_meanwhile_is_not_overwritten(server: MemoryDefinitions) -> None:
    """What this server believes to hold may be old: it wrote for version 2 and finds itself at 3."""
    other = MemoryDefinitions(server.config.records)
    stale = server.config.records
    await other.put(tz="Asia/Tokyo")
    held = stale[:]
    del stale[:]  # as if it was not there yet
    late = MemoryDefinitions()
    assert (await late.put(tz="Europe/Paris"))["version"] == 2
    both = MemoryDefinitions(held + late.config.records)
    assert [(await both.shown(f"version={number}"))["tz"] for number in (2, 3)] == ["Asia/Tokyo", "Europe/Paris"]


async def test_a_repeat_under_a_key_is_answered_as_the_first_time_whatever_holds_by_then(server: MemoryDefinitions) -> None:
    first = await server.put(key="k", **OWN)
    await server.put(tz="Asia/Tokyo")
    other = MemoryDefinitions(server.config.records)
    assert await server.put(key="k", **OWN) == first == await other.put(key="k", **OWN)
    assert (await server.shown())["version"] == 3
    reply = await server.ask("PUT", {"tz": "Asia/Tokyo"}, key="k")
    assert (reply.status, reply.body["errors"][0]["field"]) == (409, "Idempotency-Key")


async def test_a_key_whose_request_changed_nothing_is_known_too(server: MemoryDefinitions) -> None:
    assert (await server.put(key="k", **FIRST))["version"] == 1
    await server.put(**OWN)
    assert (await server.put(key="k", **FIRST))["version"] == 1
    assert (await server.shown())["version"] == 2
    assert (await server.ask("PUT", OWN, key="k")).status == 409


async def test_a_key_is_new_once_it_is_forgotten_and_what_held_only_it_is_taken_away(server: MemoryDefinitions) -> None:
    await server.put(key="k", **FIRST)
    await server.put(**OWN)
    server.now += 3_600_000
    assert (await server.put(key="k", **FIRST))["version"] == 3
    assert [use.version for use in server.view.of("t").uses.values()] == [3]


async def test_keys_are_bounded(server: MemoryDefinitions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definings, "MAX_LONE_KEYS", 3)
    for number in range(5):
        await server.put(key=f"k{number}", **FIRST)
    assert len(server.config.records) == 3
    server.now += 3_600_000
    await server.put(key="later", **FIRST)
    assert len(server.view.of("t").uses) == 1


async def test_a_version_beyond_the_bound_is_409_and_what_holds_may_be_said_again(
    server: MemoryDefinitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MAX_VERSIONS", 3)
    for zone in ("Asia/Tokyo", "Europe/Paris"):
        await server.put(tz=zone)
    reply = await server.ask("PUT", OWN)
    assert (reply.status, "versions" in reply.body["detail"]) == (409, True)
    assert (await server.put(tz="Europe/Paris"))["version"] == 3


async def test_what_the_log_does_not_take_is_503_and_changes_nothing(server: MemoryDefinitions) -> None:
    server.config.away = True
    assert (await server.ask("PUT", OWN)).status == 503
    server.config.away = False
    assert await server.shown() == FIRST


def test_to_say_it_takes_admin_and_to_read_it_read() -> None:
    assert {route.method: route.needs for route in routes(defining())} == {"GET": "read", "PUT": "admin"}
