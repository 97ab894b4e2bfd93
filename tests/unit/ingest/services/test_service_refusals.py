"""What a service may not be, each with the member that is wrong."""

from typing import Any

import pytest

from tests.services_memory import MemoryServices

REFUSED: list[tuple[dict[str, Any], set[str]]] = [
    ({"colour": "red"}, {"colour"}),
    ({"dependsOn": [], "Name": "a"}, {"dependsOn", "Name"}),
    ({"name": "b"}, {"name"}),
    ({"name": 7}, {"name"}),
    ({"name": ""}, {"name"}),
    ({"depends_on": "payments"}, {"depends_on"}),
    ({"depends_on": {"payments": 1}}, {"depends_on"}),
    ({"depends_on": ["x"] * 1_001}, {"depends_on"}),
    ({"depends_on": ["a", " ", "b", None]}, {"depends_on[1]", "depends_on[3]"}),
    ({"depends_on": ["x" * 201]}, {"depends_on[0]"}),
    ({"aliases": ["x" * 201]}, {"aliases[0]"}),
    ({"aliases": [1]}, {"aliases[0]"}),
    ({"paths": ["apps/**", "!"]}, {"paths[1]"}),
    ({"paths": ["x" * 401]}, {"paths[0]"}),
    ({"owner": ""}, {"owner"}),
    ({"owner": ["kim"]}, {"owner"}),
    ({"team": "x" * 201}, {"team"}),
    ({"repo": 1}, {"repo"}),
    ({"tier": "1"}, {"tier"}),
    ({"tier": True}, {"tier"}),
    ({"tier": 1.0}, {"tier"}),
    ({"tier": -1, "team": " "}, {"tier", "team"}),
]


@pytest.mark.parametrize(("body", "fields"), REFUSED, ids=lambda value: str(value)[:40])
async def test_the_member_that_is_wrong_is_named_and_nothing_is_stored(body: dict[str, Any], fields: set[str]) -> None:
    api = MemoryServices()
    reply = await api.ask("PUT", "a", body)
    assert (reply.status, {error["field"] for error in reply.body["errors"]}) == (422, fields)
    assert all(field in reply.body["detail"] for field in fields)
    assert (await api.ask("GET", "a")).status == 404
    several = await api.ask("POST", body=[{"name": "a", **body}] if body.get("name") != "b" else [{}])
    assert several.body["rejected"] == 1


@pytest.mark.parametrize("name", ["x" * 201, " ", "a\0b", "a/"])
async def test_a_path_that_holds_no_name_is_refused(name: str) -> None:
    reply = await MemoryServices().ask("PUT", name, {})
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, ["name"])


async def test_a_name_that_no_path_can_hold_is_refused() -> None:
    assert (await MemoryServices().ask("POST", body=[{"name": "a/"}])).body["rejected"] == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"tier": 1, "tier": 2}', b'{"tier": NaN}', b'{"team": "\\u0000"}'])
async def test_what_is_no_object_of_strict_json_is_refused(body: bytes) -> None:
    assert (await MemoryServices().ask("PUT", "a", body)).status == 400


async def test_a_thousand_wrong_names_are_told_by_the_first_ones() -> None:
    reply = await MemoryServices().ask("PUT", "a", {"depends_on": [""] * 1_000})
    assert (reply.status, len(reply.body["errors"])) == (422, 20)
