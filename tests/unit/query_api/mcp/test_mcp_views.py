import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.mcp import views
from causeline.schemas.dialects.apitraffic.sids import sid_of
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids

BASE = "https://causeline.example"
NOW = 1_795_242_600_000


def row(**fields: Any) -> dict[str, Any]:
    columns = {
        "tenant": "t",
        "id": "0199",
        "dialect": "native",
        "kind": "deployment",
        "ts": NOW,
        "ingest_ts": NOW,
        "updated_ts": NOW,
        **fields,
    }
    view_row: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(view(Event(**columns))))
    return view_row


def test_a_row_keeps_its_id_and_a_link_and_leaves_blanks_out() -> None:
    assert views.event(row(title="Deploy", service="checkout"), BASE) == {
        "id": "0199",
        "ts": "2026-11-21T06:30:00.000Z",
        "kind": "deployment",
        "title": "Deploy",
        "service": "checkout",
        "dialect": "native",
        "url": f"{BASE}/v1/events/0199",
    }


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert views.shorten("x" * 10, 10) == "x" * 10
    assert views.shorten("x" * 11, 10) == "x" * 10 + "… (11 characters)"


def test_a_marker_links_to_the_event_that_its_sid_stands_for() -> None:
    event_id = ids.uuid7(NOW, bytes(10))
    answer = views.marker({"sid": sid_of(event_id), "type": "custom", "name": "n", "metadata": None, "endedAt": None}, BASE)
    assert answer == {
        "sid": sid_of(event_id),
        "type": "custom",
        "name": "n",
        "id": event_id,
        "url": f"{BASE}/v1/events/{event_id}",
    }


def test_an_offset_of_zero_is_shown() -> None:
    assert views.event({**row(), "relation": "same_entity", "offset_seconds": 0.0}, BASE)["offset_seconds"] == 0.0


def test_a_row_is_one_line_whatever_its_text() -> None:
    answer = views.page("events", [row(title="a\nb", text="c\r\n\r\nd", tags={"k\n": "v\n"})], views.event, BASE, "next")
    assert views.result_text(answer).splitlines() == [
        "1 events:",
        (
            "- id: 0199; ts: 2026-11-21T06:30:00.000Z; kind: deployment; title: a b; dialect: native; text: c d; tags: k=v;"
            f" url: {BASE}/v1/events/0199"
        ),
        "next_cursor: next",
    ]


def test_rows_that_do_not_fit_are_left_out_and_counted() -> None:
    full = row(tags={f"{i}" * 80: "v" * 160 for i in range(12)})
    answer = views.page("events", [full] * 50, views.event, BASE, "next")
    fitting = len(answer["events"])
    assert 1 < fitting < 50
    assert answer["left_out"].startswith(f"{50 - fitting} rows")
    assert "next_cursor" not in answer
    assert len(views.result_text(answer)) < views.MAX_CHARACTERS + 1_000


def test_no_rows_are_said() -> None:
    assert views.result_text(views.page("events", [], views.event, BASE, None)) == "0 events"


def test_a_history_shows_the_latest_transitions() -> None:
    transitions = [{"transition": "refreshed", "at": str(i), "cause": ""} for i in range(25)]
    problem = {"id": "p", "text": "", "tags": {}, "links": {}, "transitions": transitions, "next_id": ""}
    answer = views.history(problem, BASE)
    assert answer["transitions_left_out"] == 5
    assert [one["at"] for one in answer["transitions"]] == [str(i) for i in range(5, 25)]


texts = st.text(max_size=50) | st.integers(500, 5_000).map(lambda length: "y" * length)


@given(
    title=texts,
    text=texts,
    service=texts,
    tags=st.dictionaries(texts, texts, max_size=30),
    links=st.dictionaries(texts, texts, max_size=30),
    entities=st.lists(texts, max_size=40),
)
def test_a_row_of_any_event_is_bounded(**fields: Any) -> None:
    answer = views.event(row(**fields), BASE)
    assert len(json.dumps(answer, ensure_ascii=False)) < 16_000
    assert "\n" not in views.result_text({"events": [answer]}).removeprefix("1 events:\n")


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_metadata_of_any_shape_is_bounded(value: Any) -> None:
    marker = {
        "sid": sid_of(ids.uuid7(NOW, bytes(10))),
        "accountSid": "acc_1",
        "type": "custom",
        "name": "n",
        "metadata": {f"m{i}": value for i in range(20)},
    }
    answer = views.marker(marker, BASE)
    assert len(json.dumps(answer, ensure_ascii=False)) < 4_000
    assert answer["metadata"]["…"] == "8 more"


@pytest.mark.parametrize(("candidates", "kinds"), [(0, ["deployment", "flag"]), (3, None)])
def test_a_ranking_without_a_change_says_which_kinds_were_looked_for(candidates: int, kinds: list[str] | None) -> None:
    about = {"id": "p", "text": "", "tags": {}, "links": {}}
    ranking = {"candidates": candidates, "kinds": ["deployment", "flag"], "problem": about, "causes": [], "blind_spots": []}
    assert views.causes(ranking, BASE).get("kinds_looked_for") == kinds
    assert views.few_causes(ranking, BASE).get("kinds_looked_for") == kinds
