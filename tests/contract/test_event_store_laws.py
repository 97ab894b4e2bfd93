"""What every EventStore promises: the shipped memory twin and ClickHouse (the embedded engine) keep the same laws."""

import random
from typing import Any

import msgspec
import pytest

from causeline.query_api.questions.query import ChangeQuery, EventPosition, Page, ProblemFilter
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from tests.contract.event_rows import ALL, DAY, HOUR, T0, TENANT, Bench, event, gone, problem, titles, where

FULL = event(
    T0 + 1,
    status="success",
    start=T0 - 5,
    end=T0 + 7,
    service="shop",
    environment="production",
    priority="P1",
    severity="ERROR",
    title='It\'s "quoted" \\ back\tslash\n100% {p0:String} \x00 nul \u2028 größe 日本 😀',
    text="'; DROP TABLE events; --",
    source="ci",
    owner="o",
    actor="a",
    commit="c",
    repo="r",
    branch="b",
    team="t",
    project="p",
    application="app",
    release="1.0",
    tags={"k'\\": "v\x00", "": "empty key", "region": "eu:1"},
    entities=["HOST-1", "it's", ""],
    links={"ci": "https://ci.example/?a=1&b=%20"},
    related_id="rel",
    allowed_groups=["g"],
    problem_id="pp",
    deadline=T0 + 99,
    raw='{"a": 9007199254740993, "b": "\\u0000"}',
    commits=["298673a9", 'it\'s "quoted" \\ / é'],
    commit_times=[0, T0 - 86_400_123],
)


async def test_an_event_comes_back_as_it_was_stored(bench: Bench) -> None:
    bench.put(FULL)
    assert await bench.store.event(TENANT, FULL.id) == FULL
    assert await bench.store.events(where(), ALL) == [FULL]


async def test_an_empty_store_answers_with_nothing(bench: Bench) -> None:
    store = bench.store
    assert await store.event(TENANT, ids.uuid7(T0, bytes(10))) is None
    assert await store.event(TENANT, ids.uuid5(TENANT, "k")) is None
    assert await store.event_by_low(TENANT, -1, None) is None
    assert await store.events(where(), ALL) == []
    assert await store.count(where()) == 0
    assert await store.histogram(where(from_ms=T0, to_ms=T0 + DAY), HOUR, "kind") == []
    assert await store.changes(ChangeQuery(tenant=TENANT, at=T0, from_ms=T0 - HOUR, to_ms=T0)) == []
    assert await store.problems(ProblemFilter(tenant=TENANT, now=T0), ALL) == []
    assert await store.problem(TENANT, ids.uuid7(T0, bytes(10)), T0) is None
    assert await store.open_problem(TENANT, "c1", T0) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "no-uuid-but-36-letters-7-long-xxxxxx",
        "zzzzzzzz-zzzz-7zzz-zzzz-zzzzzzzzzzzz",
        "'\\\x00",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
)
async def test_whatever_an_id_looks_like_it_is_just_not_found(bench: Bench, text: str) -> None:
    bench.put(FULL)
    assert await bench.store.event(TENANT, text) is None
    assert await bench.store.problem(TENANT, text, T0) is None


async def test_tenants_never_mix(bench: Bench) -> None:
    ours, theirs = event(title="ours"), event(tenant="other", title="theirs")
    twin = msgspec.structs.replace(ours, tenant="other", title="same id")
    our_problem = problem(title="ours")
    their_problem = msgspec.structs.replace(our_problem, tenant="other", title="theirs")
    reopened = problem(T0 + 5, tenant="other", previous_id=our_problem.id)
    bench.put(ours, theirs, twin, our_problem, their_problem, reopened)
    store = bench.store
    assert await store.event(TENANT, theirs.id) is None
    assert (await store.event(TENANT, ours.id)) == ours
    assert (await store.event_by_low(TENANT, ids.signed_low(ours.id), None)) == ours
    assert titles(await store.events(where(), ALL)) == ["ours"]
    assert await store.count(where()) == 1
    window = ChangeQuery(tenant=TENANT, at=T0, from_ms=T0 - 1, to_ms=T0 + 1)
    assert titles(change.event for change in await store.changes(window)) == ["ours"]
    assert sum(sum(b.counts.values()) for b in await store.histogram(where(from_ms=T0, to_ms=T0 + 1), 1, "kind")) == 1
    assert titles(await store.problems(ProblemFilter(tenant=TENANT, now=T0), ALL)) == ["ours"]
    history = await store.problem(TENANT, our_problem.id, T0)
    assert history is not None
    assert (history.problem.title, history.next_id) == ("ours", "")
    own_problem = await store.open_problem(TENANT, "c1", T0)
    assert own_problem is not None
    assert own_problem.title == "ours"


async def test_groups_see_events_without_groups_and_those_that_share_one(bench: Bench) -> None:
    bench.put(event(T0, title="free"), event(T0 + 1, title="ab", allowed_groups=["a", "b"]), event(T0 + 2, title="c", allowed_groups=["c"]))
    for groups, visible in (
        (None, ["free", "ab", "c"]),
        ((), ["free"]),
        (("b",), ["free", "ab"]),
        (("x", "c"), ["free", "c"]),
        (("'",), ["free"]),
    ):
        assert titles(await bench.store.events(where(groups=groups), ALL)) == visible
        window = ChangeQuery(tenant=TENANT, groups=groups, at=T0, from_ms=T0, to_ms=T0 + 9)
        assert titles(change.event for change in await bench.store.changes(window)) == visible
        assert await bench.store.count(where(groups=groups)) == len(visible)


FILTERS: list[tuple[str, str, Any, Any]] = [
    ("dialects", "dialect", "tracker", "desk"),
    ("kinds", "kind", "drift", "o'kind\\"),
    ("statuses", "status", "start", "stop"),
    ("services", "service", "shop", "größe 100%"),
    ("environments", "environment", "production", "dev"),
    ("priorities", "priority", "P1", "P2"),
    ("severities", "severity", "ERROR", "AVAILABILITY"),
    ("sources", "source", "ci", "hand"),
    ("owners", "owner", "me", "you"),
    ("related_ids", "related_id", "r1", "r2"),
    ("entities", "entities", "HOST-1", "HOST-2"),
]


@pytest.mark.parametrize(("name", "column", "one", "two"), FILTERS, ids=[row[0] for row in FILTERS])
async def test_several_values_of_a_filter_mean_or_and_filters_mean_and(bench: Bench, name: str, column: str, one: str, two: str) -> None:
    def value(text: str) -> Any:
        return [text, "also"] if column == "entities" else text

    rows = [event(T0 + n, title=t, **{column: value(t)}) for n, t in enumerate((one, two, "neither"))]
    bench.put(*rows)
    assert titles(await bench.store.events(where(**{name: (one,)}), ALL)) == [one]
    assert titles(await bench.store.events(where(**{name: (one, two)}), ALL)) == [one, two]
    assert await bench.store.events(where(**{name: (one,)}, words="neither"), ALL) == []
    assert titles(await bench.store.events(where(**{name: (one, two)}, to_ms=T0 + 1), ALL)) == [one]


async def test_a_blank_value_is_a_value(bench: Bench) -> None:
    bench.put(event(T0, service="", title="without"), event(T0 + 1, service="shop", title="with"))
    assert titles(await bench.store.events(where(services=("",)), ALL)) == ["without"]


async def test_excluded_kinds_are_left_out(bench: Bench) -> None:
    bench.put(event(T0, kind="info", title="info"), event(T0 + 1, kind="drift", title="drift"), event(T0 + 2, title="deployment"))
    assert titles(await bench.store.events(where(exclude_kinds=("info", "drift")), ALL)) == ["deployment"]


async def test_tags_match_by_key_and_value(bench: Bench) -> None:
    bench.put(
        event(T0, title="eu", tags={"region": "eu", "x": "1"}),
        event(T0 + 1, title="us", tags={"region": "us"}),
        event(T0 + 2, title="blank", tags={"region": ""}),
        event(T0 + 3, title="none"),
        event(T0 + 4, title="odd", tags={"it's\\": "100% {x}"}),
    )
    for tags, expected in (
        ((("region", "eu"),), ["eu"]),
        ((("region", "eu"), ("region", "us")), ["eu", "us"]),
        ((("x", "eu"),), []),
        ((("region", ""),), ["blank"]),
        ((("it's\\", "100% {x}"),), ["odd"]),
    ):
        assert titles(await bench.store.events(where(tags=tags), ALL)) == expected


WORDS = [
    ("deploy", True),
    ("DEPLOY Shop", True),
    ("rolled deploy", True),
    ("deplo", False),
    ("deploy absent", False),
    ("GRÖSSE größe", False),
    ("größe", True),
    ("GRÖßE", True),
    ("日本", True),
    ("V1.2.3", True),
    ("1.2.3", False),
    ("v1.2.4", False),
    ("it's", True),
    ("'; DROP--", False),
    ("100%", True),
    ("\\", False),
    ("%", False),
    ("---", False),
    ("😀", True),
    ("nul\x00byte", True),
    ("   ", True),
    ("deploy " * 300, True),
    (" ".join(f"w{n}" for n in range(300)), False),
]


@pytest.mark.parametrize(("words", "matches"), WORDS, ids=[repr(words[:20]) for words, _ in WORDS])
async def test_words_must_all_occur_in_title_or_text(bench: Bench, words: str, matches: bool) -> None:  # noqa: FBT001 - a column of the table
    bench.put(
        event(title="Deploy shop v1.2.3 größe", text="ROLLED out 日本 語 it's 100% done 😀 nul\x00byte c:\\dir"),
        event(title="other", text="w1 w2"),
    )
    rows = await bench.store.events(where(words=words, to_ms=T0 + 1), ALL)
    assert ("Deploy shop v1.2.3 größe" in titles(rows)) is matches


async def test_the_window_includes_its_start_and_excludes_its_end(bench: Bench) -> None:
    bench.put(*(event(T0 + n, title=str(n)) for n in range(4)))
    assert titles(await bench.store.events(where(from_ms=T0 + 1, to_ms=T0 + 3), ALL)) == ["1", "2"]
    assert await bench.store.count(where(from_ms=T0 + 3)) == 1
    assert await bench.store.events(where(from_ms=T0 + 2, to_ms=T0 + 2), ALL) == []


async def test_order_is_time_then_id_also_among_ties(bench: Bench) -> None:
    rows = [event(ts, id=ids.uuid7(ts, bytes([n] * 10)), title=f"{ts - T0}{n}") for ts in (T0, T0 + 1) for n in (2, 0, 1)]
    bench.put(*rows)
    assert titles(await bench.store.events(where(), ALL)) == ["00", "01", "02", "10", "11", "12"]
    assert titles(await bench.store.events(where(), Page(limit=4))) == ["12", "11", "10", "02"]
    assert titles(await bench.store.events(where(), Page(limit=2, offset=3))) == ["02", "01"]
    assert titles(await bench.store.events(where(), Page(limit=9, after=EventPosition(T0, rows[0].id)))) == ["01", "00"]


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_pages_neither_repeat_nor_skip_while_events_arrive(bench: Bench, order: Any) -> None:
    first = [event(T0 + n // 7, title=f"first {n}") for n in range(60)]
    bench.put(*first)
    events: list[Event] = []
    key = None
    for n in range(100):
        page = await bench.store.events(where(), Page(limit=8, order=order, after=key))
        if not page:
            break
        events += page
        key = EventPosition(page[-1].ts, page[-1].id)
        before = -1000 - n if order == "asc" else 1000 + n  # arrives on the side that was read already
        bench.put(event(T0 + before, title="late"))
    assert len(events) == len({e.id for e in events})
    assert {e.id for e in events} == {e.id for e in first}


async def test_only_the_newest_version_shows_whatever_the_order_of_arrival(bench: Bench) -> None:
    one = event(title="v1")
    two, three = (msgspec.structs.replace(one, version=n, title=f"v{n}") for n in (2, 3))
    bench.put(one, three)
    bench.put(two)
    bench.put(one, three)
    assert titles(await bench.store.events(where(), ALL)) == ["v3"]
    assert (await bench.store.event(TENANT, one.id)) == three
    assert await bench.store.count(where()) == 1
    assert await bench.store.events(where(words="v1"), ALL) == []


@pytest.mark.parametrize("is_keyed", [False, True])
async def test_a_moved_event_is_found_by_id_and_only_at_its_new_time(bench: Bench, is_keyed: bool) -> None:  # noqa: FBT001 - both kinds of id
    old = event(T0, title="old", id=ids.uuid5(TENANT, "k") if is_keyed else ids.uuid7(T0, bytes(10)))
    bench.put(old)
    assert (await bench.store.event(TENANT, old.id)) == old
    new = msgspec.structs.replace(old, ts=T0 + 40 * DAY, version=2, title="new")
    bench.put(msgspec.structs.replace(old, version=2, is_deleted=True), new)
    assert (await bench.store.event(TENANT, old.id)) == new
    assert (await bench.store.event_by_low(TENANT, ids.signed_low(old.id), None)) == new
    assert await bench.store.events(where(to_ms=T0 + DAY), ALL) == []
    assert await bench.store.events(where(), ALL) == [new]
    back = msgspec.structs.replace(old, version=3, title="back")
    bench.put(msgspec.structs.replace(new, version=3, is_deleted=True), back)
    assert (await bench.store.event(TENANT, old.id)) == back
    assert await bench.store.events(where(), ALL) == [back]
    bench.put(gone(back))
    assert await bench.store.event(TENANT, old.id) is None


async def test_a_deleted_event_is_nowhere(bench: Bench) -> None:
    row = event(title="gone", service="shop", entities=["HOST-1"])
    bench.put(row)
    bench.put(gone(row))
    store = bench.store
    assert await store.event(TENANT, row.id) is None
    assert await store.event_by_low(TENANT, ids.signed_low(row.id), row.ts) is None
    assert await store.event_by_low(TENANT, ids.signed_low(row.id), None) is None
    assert await store.events(where(words="gone"), ALL) == []
    assert await store.events(where(entities=("HOST-1",)), ALL) == []
    assert await store.count(where()) == 0
    assert await store.histogram(where(from_ms=T0, to_ms=T0 + 1), 1, "service") == []
    assert await store.changes(ChangeQuery(tenant=TENANT, at=T0, from_ms=T0, to_ms=T0)) == []


async def test_half_an_id_finds_its_event(bench: Bench) -> None:
    rows = [event(T0, id=ids.uuid7(T0, random.Random(n).randbytes(10)), title=str(n)) for n in range(20)]
    bench.put(*rows)
    for row in rows:
        low = ids.signed_low(row.id)
        assert await bench.store.event_by_low(TENANT, low, T0) == row
        assert await bench.store.event_by_low(TENANT, low, None) == row
        assert await bench.store.event_by_low(TENANT, low, T0 + 1) is None
