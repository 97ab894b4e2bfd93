"""Tests and order by a member of the JSON that a client sent: one meaning in the memory store and in ClickHouse."""

import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import EventPosition, Page, RawOp, RawSort, RawTest, RawValue, TextFold
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import rfc3339
from tests.contract.event_rows import ALL, T0, Bench, event, titles, where
from tests.engine import Engine

NS = 1_700_000_000_123_456_789
VALUES: dict[str, Any] = {
    "five": 5,
    "text five": "5",
    "five and a half": 5.5,
    "ten": 10,
    "minus": -3,
    "nanoseconds": NS,
    "one nanosecond later": NS + 1,
    "largest": (1 << 64) - 1,
    "huge": 1.5e300,
    "yes": True,
    "text yes": "true",
    "null": None,
    "text null": "null",
    "empty": "",
    "blank": " \t\n",
    "word": "alpha",
    "umlaut": "Größe",
    "emoji": "😀 \u2028",
    "quotes": 'it\'s "q" \\ {p0:String}',
    "array": ["a", 5, 1.5, "ü\"'", True, None],
    "empty array": [],
    "object": {"a": 5},
}
MISSING = "missing"


def rows(member: str = "m") -> list[Event]:
    members = [{member: value, "other": "alpha"} for value in VALUES.values()]
    events = [event(T0 + n, title=name, raw=json.dumps(raw)) for n, (name, raw) in enumerate(zip(VALUES, members, strict=True))]
    return [*events, event(T0 + len(events), title=MISSING, raw='{"other": "alpha"}')]


async def passing(bench: Bench, test: RawTest) -> set[str]:
    query = where(raw=(test,))
    passing_titles = titles(await bench.store.events(query, ALL))
    assert await bench.store.count(query) == len(passing_titles)
    return set(passing_titles)


def _told(value: object) -> str:
    """Return the same text in every process: a set has no order of its own."""
    return repr(sorted(value)) if isinstance(value, set | frozenset) else repr(value)


EQUAL: list[tuple[RawValue, set[str]]] = [
    (5, {"five", "text five"}),
    ("5", {"five", "text five"}),
    (5.0, {"five"}),
    ("5.0", {"five"}),
    ("05", set()),
    ("5.5", {"five and a half"}),
    (-3, {"minus"}),
    (NS, {"nanoseconds"}),
    (str(NS + 1), {"one nanosecond later"}),
    (str((1 << 64) - 1), {"largest"}),
    ("15e299", {"huge"}),
    (True, {"yes", "text yes"}),
    ("true", {"yes", "text yes"}),
    ("True", set()),
    (1, set()),
    (None, {"null", "text null"}),
    ("null", {"null", "text null"}),
    ("", {"empty"}),
    ("alpha", {"word"}),
    ("Alpha", set()),
    ("Größe", {"umlaut"}),
    ("😀 \u2028", {"emoji"}),
    ('it\'s "q" \\ {p0:String}', {"quotes"}),
    ('{"a":5}', set()),
    ("[]", set()),
    ("'; DROP TABLE events; --", set()),
]


@pytest.mark.parametrize(("value", "names"), EQUAL, ids=_told)
async def test_equal_means_the_same_text_or_the_same_number(bench: Bench, value: RawValue, names: set[str]) -> None:
    bench.put(*rows())
    assert await passing(bench, RawTest("m", "eq", (value,))) == names
    assert await passing(bench, RawTest("m", "in", (value, "alpha"))) == names | {"word"}
    assert await passing(bench, RawTest("m", "ne", (value,))) == {*VALUES, MISSING} - names


NUMBERS = {"five", "five and a half", "ten", "minus", "nanoseconds", "one nanosecond later", "largest", "huge"}
TEXTS = {"text five", "yes", "text yes", "text null", "empty", "blank", "word", "umlaut", "emoji", "quotes"}
ORDERED: list[tuple[RawOp, RawValue, set[str]]] = [
    ("gt", 5, NUMBERS - {"five", "minus"} | TEXTS - {"text five", "empty", "blank"}),
    ("gte", "5", NUMBERS - {"minus"} | TEXTS - {"empty", "blank"}),
    ("lt", 5, {"minus", "empty", "blank"}),
    ("lte", 5, {"minus", "five", "text five", "empty", "blank"}),
    ("gt", str(NS), {"one nanosecond later", "largest", "huge"} | TEXTS - {"empty", "blank"}),
    ("lt", NS + 1, NUMBERS - {"one nanosecond later", "largest", "huge"} | {"empty", "blank"}),
    ("lte", 5.25, {"minus", "five", "text five", "empty", "blank"}),
    ("gt", "alpha", {"yes", "text yes", "text null", "quotes", "emoji"}),
    ("gte", "alpha", {"yes", "text yes", "text null", "quotes", "emoji", "word"}),
    ("lt", "alpha", {"text five", "empty", "blank", "umlaut"}),
    ("lt", "1e999", NUMBERS | {"empty", "blank"}),
]


@pytest.mark.parametrize(("op", "value", "names"), ORDERED, ids=_told)
async def test_numbers_compare_as_numbers_and_the_rest_as_text(bench: Bench, op: RawOp, value: RawValue, names: set[str]) -> None:
    bench.put(*rows())
    assert await passing(bench, RawTest("m", op, (value,))) == names


@pytest.mark.parametrize(
    ("values", "is_match"),
    [
        (("a",), True),
        (("x", "ü\"'"), True),
        ((5,), True),
        (("5",), True),
        (("1.5",), True),
        ((True,), True),
        ((None,), True),
        (("x", 6), False),
    ],
    ids=_told,
)
async def test_an_array_has_any_of_some_values(bench: Bench, values: tuple[RawValue, ...], *, is_match: bool) -> None:
    bench.put(*rows())
    assert await passing(bench, RawTest("m", "has_any", values)) == ({"array"} if is_match else set())


async def test_what_is_there_and_says_something_exists(bench: Bench) -> None:
    bench.put(*rows())
    assert await passing(bench, RawTest("m", "exists")) == set(VALUES) - {"null", "empty", "blank"}


FOLDED: list[tuple[TextFold, str, set[str]]] = [
    ("", "InProgress", {"InProgress"}),
    ("case", "INPROGRESS", {"InProgress", "inprogress"}),
    ("case", "in_progress", {"in_progress", "IN_Progress"}),
    ("word", "in-progress", {"InProgress", "inprogress", "in_progress", "IN_Progress", "-in-progress"}),
    ("word", "ÄB", {"Äb"}),  # the letter case of ASCII only: both stores know it alike
]


@pytest.mark.parametrize(("fold", "value", "names"), FOLDED, ids=_told)
async def test_texts_equal_as_far_as_they_are_folded(bench: Bench, fold: TextFold, value: str, names: set[str]) -> None:
    texts = ["InProgress", "inprogress", "in_progress", "IN_Progress", "-in-progress", "in progress", "Äb", "äb"]
    bench.put(*(event(T0 + n, title=text, raw=json.dumps({"m": text})) for n, text in enumerate(texts)))
    assert await passing(bench, RawTest("m", "eq", (value,), fold=fold)) == names
    assert await passing(bench, RawTest("m", "in", ("x", value), fold=fold)) == names
    assert await passing(bench, RawTest("m", "ne", (value,), fold=fold)) == set(texts) - names


async def test_the_servers_own_members_are_the_id_and_the_time_whatever_was_sent(bench: Bench) -> None:
    stored_events = [event(T0 + n, title=str(n), raw='{"id": "sent", "timestamp": "sent"}') for n in range(3)]
    bench.put(*stored_events)
    assert await passing(bench, RawTest("id", "eq", (stored_events[1].id,), document="own")) == {"1"}
    assert await passing(bench, RawTest("id", "eq", ("sent",), document="own")) == set()
    assert await passing(bench, RawTest("timestamp", "gt", (rfc3339(T0),), document="own")) == {"1", "2"}
    assert await passing(bench, RawTest("timestamp", "eq", (rfc3339(T0),), document="own")) == {"0"}
    sort = (RawSort("timestamp", True, "own"),)
    assert titles(await bench.store.events(where(), Page(limit=9, order="asc", sort=sort))) == ["2", "1", "0"]


MEMBERS = ["a.b", "q\"uo'te", "$sort[x]", "größe", "😀", "1", "back\\slash", "{p0:String}", "'; DROP TABLE events; --", "", " "]


@pytest.mark.parametrize("member", MEMBERS)
async def test_a_member_is_named_word_for_word(bench: Bench, member: str) -> None:
    raws = ({member: "here"}, {"a": {"b": "here"}}, {"x": "here"})
    bench.put(*(event(T0 + n, title=str(n), raw=json.dumps(raw)) for n, raw in enumerate(raws)))
    assert await passing(bench, RawTest(member, "eq", ("here",))) == {"0"}
    assert await passing(bench, RawTest(member, "exists")) == {"0"}
    first = await bench.store.events(where(), Page(limit=1, sort=(RawSort(member, descending=False),)))
    assert titles(first) == ["0"]


@pytest.mark.parametrize("raw", ["", "[1]", '"m"', "5", "not json"])
async def test_without_an_object_no_member_is_there(bench: Bench, raw: str) -> None:
    bench.put(event(title="x", raw=raw))
    assert await passing(bench, RawTest("m", "exists")) == set()
    assert await passing(bench, RawTest("m", "eq", ("",))) == set()
    assert await passing(bench, RawTest("m", "ne", ("",))) == {"x"}
    assert titles(await bench.store.events(where(), Page(limit=1, sort=(RawSort("m", descending=True),)))) == ["x"]


async def test_a_member_may_have_several_names(bench: Bench) -> None:
    raws = ({"a": 1}, {"b": 1}, {"a": 2, "b": 1}, {"c": 1})
    bench.put(*(event(T0 + n, title=str(n), raw=json.dumps(raw)) for n, raw in enumerate(raws)))
    assert await passing(bench, RawTest("a", "eq", (1,), also=("b",))) == {"0", "1", "2"}


async def test_tests_are_joined_by_and_within_one_tenant(bench: Bench) -> None:
    bench.put(*rows(), event(title="foreign", tenant="other", raw='{"m": 5, "other": "alpha"}'))
    both = where(raw=(RawTest("m", "eq", (5,)), RawTest("other", "eq", ("alpha",))))
    assert set(titles(await bench.store.events(both, ALL))) == {"five", "text five"}
    assert await bench.store.count(where(raw=(RawTest("m", "eq", (5,)), RawTest("other", "eq", ("beta",))))) == 0


IN_ORDER = [
    *("minus", "five", "five and a half", "ten", "nanoseconds", "one nanosecond later", "largest", "huge"),
    *("empty", "blank", "text five", "umlaut", "word", "quotes", "text null", "yes", "text yes", "emoji"),
]
UNORDERED = ["null", "array", "empty array", "object", MISSING]


async def test_numbers_come_before_text_and_absent_members_last_in_either_direction(bench: Bench) -> None:
    bench.put(*rows())
    up = await bench.store.events(where(), Page(limit=100, order="asc", sort=(RawSort("m", descending=False),)))
    assert titles(up) == [*IN_ORDER, *UNORDERED]
    down = await bench.store.events(where(), Page(limit=100, order="desc", sort=(RawSort("m", descending=True),)))
    # Only what is equal keeps the order of events, newest first: the two texts "true".
    assert titles(down) == [*reversed(IN_ORDER), *reversed(UNORDERED)]


async def test_several_keys_sort_in_their_order_and_pages_are_numbered(bench: Bench) -> None:
    pairs = [("b", 2), ("a", 10), ("b", 1), ("a", 9), ("a", 10)]
    bench.put(*(event(T0 + n, title=f"{n}", raw=json.dumps({"k": k, "n": n_})) for n, (k, n_) in enumerate(pairs)))
    sort = (RawSort("k", descending=False), RawSort("n", descending=True))
    assert titles(await bench.store.events(where(), Page(limit=9, sort=sort))) == ["4", "1", "3", "0", "2"]
    assert titles(await bench.store.events(where(), Page(limit=2, offset=1, sort=sort))) == ["1", "3"]
    assert titles(await bench.store.events(where(), Page(limit=9, after=EventPosition(T0 + 3, "")))) == ["2", "1", "0"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=4),
    st.sampled_from(["0", "-0", "5", "1e2", "-1.5", "9007199254740993", " "]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), min_size=1, max_size=12), operand=SCALARS)
async def test_both_stores_answer_alike(emptied: Engine, values: list[Any], operand: RawValue) -> None:
    client = emptied.open()
    client.command("TRUNCATE TABLE events_by_time SYNC")
    client.close()
    stored_events = [event(T0 + n, raw=json.dumps({"m": value}, ensure_ascii=False)) for n, value in enumerate(values)]
    memory, engine = Bench(MemoryEventStore(), None), Bench(ClickHouseEventStore(emptied.open), emptied)
    memory.put(*stored_events)
    engine.put(*stored_events)
    for op in get_args(RawOp):
        test = where(raw=(RawTest("m", op, (operand,)),))
        assert await engine.store.events(test, ALL) == await memory.store.events(test, ALL), op
    for descending in (True, False):
        page = Page(limit=100, sort=(RawSort("m", descending),))
        assert await engine.store.events(where(), page) == await memory.store.events(where(), page)
    assert isinstance(engine.store, ClickHouseEventStore)
    await engine.store.close()


async def test_the_largest_query_of_a_client_is_answered(bench: Bench) -> None:
    """CTO.ai's bounds of 100 values and 10 sort keys fit into one statement of the store."""
    bench.put(*rows())
    tests = tuple(RawTest(f"timestamp{n}", "in", (f"{n}", f"{n}.5"), document="own", fold="word") for n in range(50))
    sort = tuple(RawSort(f"s{n}", n % 2 == 0, "own") for n in range(10))
    assert await bench.store.events(where(raw=tests), Page(limit=10, sort=sort)) == []
    many = (RawTest("m", "in", tuple(str(n) for n in range(100))),)
    assert set(titles(await bench.store.events(where(raw=many), Page(limit=50, sort=sort)))) == {"five", "text five", "ten"}
