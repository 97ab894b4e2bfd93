"""The bytes of a stream: one line of JSON a message, whatever the client's own JSON looks like."""

import json

from causeline.query_api.live import sse
from causeline.schemas.dialects.native.views import problem_view, view
from tests.stream_parts import event, messages, problem


def test_json_with_line_breaks_of_every_kind_stays_one_line() -> None:
    row = event(1, text="a\r\nb\n\u2028", raw='{\r\n "title":\t"a\\nb",\n\n "list": [1,\r2]}')
    text = sse.event_message(row, "P").decode()
    assert text.count("\n") == 4
    assert "\r" not in text
    ((place, kind, data),) = messages(text)[0]
    assert (place, kind) == ("P", "event")
    assert data["raw"] == {"title": "a\nb", "list": [1, 2]}
    assert data["text"] == "a\r\nb\n\u2028"


def test_a_message_shows_what_the_reads_show() -> None:
    data = messages(sse.event_message(event(1), "P").decode())[0][0].data
    assert data == json.loads(json.dumps({**view(event(1)), "raw": None}))
    assert messages(sse.problem_message(problem(1), "P").decode())[0][0].data == problem_view(problem(1))


def test_a_deleted_one_says_so_and_no_other() -> None:
    assert messages(sse.event_message(event(1, is_deleted=True), "P").decode())[0][0].data["deleted"] is True
    assert messages(sse.problem_message(problem(1, is_deleted=True), "P").decode())[0][0].data["deleted"] is True
    assert "deleted" not in messages(sse.event_message(event(1), "P").decode())[0][0].data


def test_the_beginning_and_a_heartbeat_carry_a_place_and_show_nothing() -> None:
    assert messages(sse.beginning("A").decode()) == ([], "A")
    assert messages(sse.heartbeat("B").decode()) == ([], "B")
    assert sse.beginning("A").startswith(b"retry: ")
    assert sse.heartbeat("B").startswith(b":")
