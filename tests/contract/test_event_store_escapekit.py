"""EscapeKit's query paths mean the same in the memory store and in ClickHouse, as does a test on a field that has two names."""

import json
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from causeline.ingest.dialects.escapekit.writes import RequestArrival, creation
from causeline.query_api.dialects.escapekit.parameters import PATH_MEMBERS, path_question
from causeline.query_api.questions.query import EventPosition, RawTest
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from tests.contract.event_rows import ALL, T0, TENANT, Bench, event, titles, where
from tests.escapekit_samples import FOUND, QUERY, placed

NS = T0 * 1_000_000


def events_of(sent: Any) -> list[Event]:
    arrival = RequestArrival(TENANT, "", T0, lambda ns: ids.uuid7_ns(ns, bytes(10)))
    return [change.event for change in creation(json.dumps(sent).encode(), arrival, {}).changes]


def asked(path: str) -> tuple[str, dict[str, str]]:
    """The template of a path and its parameters, by the number of names; what is fixed in the document comes first."""
    names = unquote(path).split("/")
    for template in sorted(PATH_MEMBERS, key=lambda template: template.count("{")):
        parts = template.removeprefix(QUERY).split("/")
        if len(parts) == len(names) and all(part == name or part.startswith("{") for part, name in zip(parts, names, strict=True)):
            return template, {part[1:-1]: name for part, name in zip(parts, names, strict=True) if part.startswith("{")}
    raise LookupError(path)


@pytest.mark.parametrize("path", FOUND)
async def test_every_path_finds_what_it_names(bench: Bench, path: str) -> None:
    bench.put(*events_of(placed()), event(dialect="native", raw='{"state_project": "shop", "inventory_project": "shop"}'))
    template, params = asked(path)
    query = path_question(PATH_MEMBERS[template], params, [], tenant=TENANT, groups=None, now=T0)
    rows = await bench.store.events(query.where, query.paging.page)
    assert {json.loads(row.raw)["id"] for row in rows} == FOUND[path]


async def test_pages_follow_the_nanosecond(bench: Bench) -> None:
    order = [0, 1, 2, 244, 245, 500_000, 999_999, 1_000_000]
    bench.put(*events_of([{"type": "T", "id": f"e{rest}", "timestamp": NS + rest} for rest in order[::-1]]))
    query = path_question((), {}, [("limit", "3")], tenant=TENANT, groups=None, now=T0)
    page, numbers = query.paging.page, list[int]()
    while rows := (await bench.store.events(query.where, page))[:3]:
        numbers += [json.loads(row.raw)["timestamp"] - NS for row in rows]
        page = msgspec.structs.replace(page, after=EventPosition(rows[-1].ts, rows[-1].id))
    assert numbers == order[::-1]


@pytest.mark.parametrize(("groups", "visible"), [(None, "abc"), ((), "a"), (("g",), "ab"), (("r", "x"), "ac")])
async def test_groups_limit_what_is_found(bench: Bench, groups: tuple[str, ...] | None, visible: str) -> None:
    limits: list[dict[str, Any]] = [{}, {"allowed_groups": ["g"]}, {"allowed_roles": ["r"]}]
    bench.put(*events_of([{"type": "T", "id": name, **limit} for name, limit in zip("abc", limits, strict=True)]))
    query = path_question((), {}, [], tenant=TENANT, groups=groups, now=T0)
    rows = await bench.store.events(query.where, query.paging.page)
    assert "".join(sorted(json.loads(row.raw)["id"] for row in rows)) == visible


@pytest.mark.parametrize(
    ("test", "names"),
    [
        (RawTest("a", "eq", ("x",), also=("b",)), ["one", "other", "both"]),
        (RawTest("a", "eq", ("y",), also=("b",)), ["both"]),
        (RawTest("a", "exists", also=("b", "c")), ["one", "other", "both", "third"]),
        (RawTest("a", "exists", also=()), ["one", "both"]),
    ],
)
async def test_a_field_with_several_names_passes_under_any_of_them(bench: Bench, test: RawTest, names: list[str]) -> None:
    bodies = {
        "one": {"a": "x"},
        "other": {"b": "x"},
        "both": {"a": "x", "b": "y"},
        "third": {"c": "z", "a": ""},
        "none": {"d": "x", "b": None},
    }
    bench.put(*(event(T0 + n, title=name, raw=json.dumps(raw)) for n, (name, raw) in enumerate(bodies.items())))
    assert titles(await bench.store.events(where(raw=(test,)), ALL)) == names
