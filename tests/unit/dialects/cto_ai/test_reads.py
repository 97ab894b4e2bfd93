from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cto_ai_memory import FIXTURES, SHARED, TEAM, MemoryCtoAi

GETS = [line.removeprefix("curl ").strip('"').partition("?")[2] for line in (FIXTURES / "gets.txt").read_text().splitlines()]


async def filled() -> MemoryCtoAi:
    """Five events, a second apart."""
    api = MemoryCtoAi()
    await api.send("deployment", "initiated", "api", n="a", attempt=9, ok=True, note=None)
    await api.send("Deployment", "InProgress", "web", n="b", attempt=10)
    await api.send("build", "in_progress", "api", n="c", attempt="9", ok="true", note="größe & co")
    await api.send("build", "SUCCEEDED", "api", n="d", attempt=2.5)
    await api.send("custom_event_name1", "custom_action1", "web", n="e", labels=["x"])
    return api


async def names(api: MemoryCtoAi, *pairs: tuple[str, Any]) -> str:
    return "".join(event["n"] for event in await api.find(*pairs))


@pytest.mark.parametrize("query", GETS)
async def test_every_read_of_the_document_is_answered(query: str) -> None:
    api = MemoryCtoAi()
    events = [(await api.send("change", "initiated", team="aaaa"))["data"] for _ in range(12)]
    await api.send("change", "initiated", team="bbbb")
    await api.reach()
    reply = await api.request("GET", SHARED, query=query)
    assert (reply.status, reply.body) == (200, events[::-1][: 10 if "limit" in query else 100])


CASES = [
    ([], "edcba"),
    ([("event_name", "deployment")], "ba"),
    ([("event_name", "DEPLOYMENT")], "ba"),
    ([("event_action", "in-progress")], "cb"),
    ([("event_action", "Succeeded")], "d"),
    ([("event_action[$ne]", "inprogress")], "eda"),
    ([("event_action[$in][]", "InProgress"), ("event_action[$in][]", "succeeded")], "dcb"),
    ([("repo", "api")], "dca"),
    ([("repo", "api"), ("repo", "web")], "edcba"),
    ([("repo", "API")], ""),
    ([("repo", "api"), ("event_name", "build")], "dc"),
    ([("attempt", "9")], "ca"),
    ([("attempt[$gt]", "9")], "b"),
    ([("attempt[$gte]", "9")], "cba"),
    ([("attempt[$lt]", "10"), ("attempt[$gt]", "3")], "a"),
    ([("attempt[$lte]", "2.5")], "d"),
    ([("attempt[$in]", "10")], "b"),
    ([("ok", "true")], "ca"),
    ([("note", "null")], "a"),
    ([("note", "größe & co")], "c"),
    ([("note[$ne]", "null")], "edcb"),
    ([("unheard_of", "x")], ""),
    ([("labels[0]", "x")], ""),
    ([("$sort[timestamp]", "1")], "abcde"),
    ([("$sort[timestamp]", "-1")], "edcba"),
    ([("$sort[attempt]", "1")], "dabce"),
    ([("$sort[attempt]", "-1")], "cbade"),
    ([("$sort[repo]", "1"), ("$sort[timestamp]", "1")], "acdbe"),
    ([("$sort[repo]", "-1"), ("$sort[n]", "-1")], "ebdca"),
    ([("$sort[timestamp]", "1"), ("$sort[n]", "-1")], "abcde"),
    ([("$sort[unheard_of]", "1")], "edcba"),
    ([("$limit", "2")], "ed"),
    ([("$limit", "2"), ("$skip", "3")], "ba"),
    ([("$skip", "9")], ""),
    ([("$sort[attempt]", "1"), ("$limit", "2"), ("$skip", "1")], "ab"),
    ([("", "10"), ("[timestamp]", "-1")], "edcba"),
]


@pytest.mark.parametrize(("pairs", "expected"), CASES, ids=lambda value: unquote(str(value)))
async def test_a_query_finds(pairs: list[tuple[str, str]], expected: str) -> None:
    assert await names(await filled(), *pairs) == expected


async def test_id_and_timestamp_are_fields_like_any_other() -> None:
    api = await filled()
    e, d, c, b, a = await api.find()
    assert await names(api, ("id", c["id"])) == "c"
    assert await names(api, ("id[$in][]", a["id"]), ("id[$in][]", e["id"])) == "ea"
    assert await names(api, ("id[$ne]", b["id"])) == "edca"
    assert await names(api, ("$sort[id]", "1")) == "abcde"
    assert await names(api, ("timestamp", d["timestamp"])) == "d"
    assert await names(api, ("timestamp[$gt]", b["timestamp"])) == "edc"
    assert await names(api, ("timestamp[$gte]", b["timestamp"]), ("timestamp[$lt]", e["timestamp"])) == "dcb"
    assert await names(api, ("timestamp[$lte]", str(api.now - 3_000))) == "ba"
    assert await names(api, ("timestamp[$gt]", "2000-01-01T00:00:00+02:00")) == "edcba"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$limit", "0"),
        ("$limit", "1001"),
        ("$limit", "-1"),
        ("$limit", "ten"),
        ("$limit", ""),
        ("$limit", "9" * 5000),
        ("$skip", "-1"),
        ("$skip", "1.5"),
        ("$sort[timestamp]", "0"),
        ("$sort[timestamp]", "desc"),
        ("$sort", "timestamp"),
        ("$or[0][repo]", "api"),
        ("repo[$regex]", "a"),
        ("repo[$nin][]", "a"),
        ("repo[like]", "a"),
        ("timestamp[$gt]", "yesterday"),
        ("team_id", " "),
    ],
)
async def test_a_bad_number_or_operator_is_refused_by_its_name(name: str, value: str) -> None:
    api = MemoryCtoAi()
    reply = await api.ask((name, value)) if name != "team_id" else await api.ask(team=value)
    assert (reply.status, reply.body["name"], reply.body["code"]) == (400, "BadRequest", 400)
    assert list(reply.body["errors"]) == [name]
    assert name in reply.body["message"]


@pytest.mark.parametrize("pairs", [[("a", "1")] * 200, [("$sort[a]", "1")] * 20], ids=["values", "sorts"])
async def test_a_query_has_bounds(pairs: list[tuple[str, str]]) -> None:
    assert (await MemoryCtoAi().ask(*pairs)).status == 400


async def test_only_selected_fields_are_shown() -> None:
    api = await filled()
    (event,) = await api.find(("$select[]", "repo"), ("$select[]", "unheard_of"), ("$limit", "1"))
    assert set(event) == {"id", "timestamp", "repo"}
    (event,) = await api.find(("$select", "n"), ("$limit", "1"))
    assert set(event) == {"id", "timestamp", "n"}


async def test_the_default_page_has_a_hundred_events_and_the_largest_a_thousand() -> None:
    api = MemoryCtoAi()
    for _ in range(101):
        await api.send("change")
    assert len(await api.find()) == 100
    assert len(await api.find(("$limit", "1000"))) == 101


async def test_a_team_sees_its_own_events_and_a_tenant_its_own_teams() -> None:
    api = await filled()
    assert await api.find(team="another") == []
    assert (await api.ask(Causeline_Tenant="other")).body == []
    assert [event["team_id"] for event in await api.find()] == [TEAM] * 5


async def test_without_a_team_the_shared_path_is_the_other_apis() -> None:
    api = await filled()
    reply = await api.request("GET", SHARED, query="$limit=1")
    assert "totalEventCount" in reply.body or "error" in reply.body


NAMES = st.one_of(
    st.sampled_from(["$limit", "$skip", "$select[]", "$sort[timestamp]", "timestamp[$gt]", "id[$in][]", "repo", "a[$lt]", "$sort[]", ""]),
    st.text(max_size=12),
    st.from_regex(r"[\w$.]{0,6}(\[\$?\w{0,4}\]){1,2}", fullmatch=True),
)
VALUES = st.one_of(st.sampled_from(["1", "-1", "1e999", "-0", "\x00", "2024-01-15", "9" * 30, "true", "null"]), st.text(max_size=12))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
async def test_whatever_is_asked_is_answered_or_refused(pairs: list[tuple[str, str]]) -> None:
    api = await filled()
    reply = await api.ask(*((name.encode(errors="replace").decode(), value.encode(errors="replace").decode()) for name, value in pairs))
    assert reply.status in {200, 400}
    assert isinstance(reply.body, list) or reply.body["code"] == 400
