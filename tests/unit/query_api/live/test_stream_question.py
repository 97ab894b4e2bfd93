"""What a stream asks for: the filters of the lists, refused by name where they cannot be read, and equal to what a list answers."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.live import positions
from causeline.query_api.live.positions import WITHOUT_CAUSES
from causeline.query_api.questions import native
from causeline.query_api.questions.query import Page
from causeline.schemas.web.errors import Invalid
from tests.stream_parts import NOW, PARTITIONS, event, problem, question

VALUES: dict[str, list[str]] = {
    "dialect": ["native", "tracker"],
    "kind": ["deployment", "incident", "build"],
    "status": ["failure", "success"],
    "service": ["shop", "pay"],
    "environment": ["prod", "test"],
    "priority": ["P1", "P2"],
    "entity": ["HOST-1", "HOST-2"],
    "tag": ["team:a", "team:b", "zone:"],
    "q": ["deploy", "DEPLOY shop", "---", "ärger"],
}


def rows(**extra: Any) -> st.SearchStrategy[dict[str, Any]]:
    names = ("dialect", "kind", "status", "service", "environment", "priority")
    columns: dict[str, st.SearchStrategy[Any]] = {name: st.sampled_from(VALUES[name]) for name in names}
    columns["entities"] = st.lists(st.sampled_from(VALUES["entity"]), max_size=2, unique=True)
    columns["tags"] = st.dictionaries(st.sampled_from(["team", "zone"]), st.sampled_from(["a", "b", ""]), max_size=2)
    columns["title"] = st.sampled_from(["Deploy shop 1.4", "Ärger", ""])
    return st.fixed_dictionaries(columns | extra)


FILTERS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]))), max_size=3
).filter(lambda pairs: sum(name == "q" for name, _ in pairs) < 2)
GROUPS = st.sampled_from([None, (), ("sre",), ("dev",)])


@given(rows(allowed_groups=st.sampled_from([[], ["sre"], ["sre", "dev"]])), FILTERS, GROUPS)
async def test_a_stream_shows_an_event_exactly_where_the_list_does(fields: dict[str, Any], pairs: Any, groups: Any) -> None:
    row, store = event(1, **fields), MemoryEventStore()
    store.put_event(row)
    where, _ = native.event_question(pairs, "acme", NOW)
    rows_listed = await store.events(msgspec.structs.replace(where, groups=groups), Page(limit=1))
    assert question(*pairs, groups=groups).where.event(row) == (rows_listed == [row])


@given(rows(), FILTERS.filter(lambda pairs: all(name != "status" for name, _ in pairs)))
async def test_a_stream_shows_a_problem_exactly_where_the_list_does(fields: dict[str, Any], pairs: Any) -> None:
    fields.pop("status")
    row, store = problem(1, **fields), MemoryEventStore()
    store.put_problem(row)
    where, *_ = native.problem_question(pairs, "acme", NOW)
    assert question(*pairs).where.problem(row) == (await store.problems(where, Page(limit=1)) == [row])


@pytest.mark.parametrize(
    ("pairs", "named"),
    [
        ([("colour", "red")], ["colour"]),
        ([("stream", "everything")], ["stream"]),
        ([("transition", "exploded")], ["transition"]),
        ([("from", "yesterday")], ["from"]),
        ([("to", "now")], ["to"]),
        ([("limit", "5"), ("cursor", "x")], ["limit", "cursor"]),
        ([("state", "open")], ["state"]),
        ([("tag", "no colon")], ["tag"]),
        ([("last_event_id", "what?")], ["last_event_id"]),
        ([("stream", "events"), ("transition", "opened")], ["transition"]),
        ([("stream", "problems"), ("status", "failure")], ["status"]),
        ([("colour", "red"), ("from", "yesterday")], ["colour", "from"]),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(pairs: list[tuple[str, str]], named: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        question(*pairs)
    assert [field for field, _ in refused.value.fields] == named


def test_a_damaged_header_is_refused_by_its_name() -> None:
    with pytest.raises(Invalid) as refused:
        question(header="AAAA")
    assert [field for field, _ in refused.value.fields] == ["Last-Event-ID"]


def test_the_header_wins_over_the_parameter_of_the_first_connection() -> None:
    early, late = (
        positions.format_positions(dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), n), WITHOUT_CAUSES) for n in (1, 2)
    )
    assert set((question(("last_event_id", early), header=late).resume or {}).values()) == {2}
    assert set((question(("last_event_id", early)).resume or {}).values()) == {1}


def test_what_is_followed_can_be_chosen() -> None:
    def shown(*pairs: tuple[str, str]) -> tuple[bool, bool]:
        filters = question(*pairs).where
        return filters.event(event(1)), filters.problem(problem(1))

    assert shown() == shown(("stream", "events"), ("stream", "problems")) == (True, True)
    assert shown(("stream", "events")) == (True, False)
    assert shown(("stream", "problems")) == (False, True)
    assert shown(("transition", "closed")) == (True, False)
    assert shown(("transition", "closed"), ("transition", "opened")) == (True, True)
    assert shown(("status", "failure")) == (False, False), "a problem has no status"


def test_another_tenants_records_are_never_shown() -> None:
    filters = question(tenant="other").where
    assert not filters.event(event(1))
    assert not filters.problem(problem(1))
