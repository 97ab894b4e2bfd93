"""Server-sent events from bytes, in whatever pieces they come (WHATWG HTML, 9.2.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.deploy.adapters.sse_client import EventStream, SseMessage
from causeline.query_api.live import sse
from tests.stream_parts import event, problem

SENT = (
    sse.beginning("A") + sse.event_message(event(1, text="a\u2028b\x85c"), "B") + sse.heartbeat("C") + sse.problem_message(problem(2), "D")
)


def fed(data: bytes, *cuts: int) -> tuple[list[SseMessage], EventStream]:
    stream, messages, at = EventStream(), [], 0
    for end in (*sorted(cuts), len(data)):
        messages += stream.feed(data[at:end])
        at = end
    return messages, stream


@given(st.lists(st.integers(0, len(SENT)), max_size=5), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_what_the_server_says_is_read_whatever_the_pieces_and_the_line_ends(cuts: list[int], end: bytes) -> None:
    data = SENT.replace(b"\n", end)
    # A CR at the very end may be half of a line end: the next piece decides.
    messages, stream = fed(data + (b": x" if end == b"\r" else b""), *cuts)
    assert [message.kind for message in messages] == ["event", "problem"]
    assert messages == fed(SENT)[0]
    assert (stream.last_id, stream.retry_s) == ("D", 1.0)


@pytest.mark.parametrize(
    ("data", "found", "last"),
    [
        (b"data: a\n\n", [SseMessage("message", "a")], None),
        (b"data:a\ndata: b\n\n", [SseMessage("message", "a\nb")], None),
        (b"id: 1\n\n", [], "1"),
        (b"id: 1\ndata: a\n", [], None),
        (b": comment\nunknown: x\nevent: e\n\ndata: a\n\n", [SseMessage("message", "a")], None),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [SseMessage("message", "a"), SseMessage("message", "b")], "1"),
        (b"id: a\0b\ndata: a\nretry: soon\n\n", [SseMessage("message", "a")], None),
    ],
)
def test_blocks_are_read_as_the_standard_says(data: bytes, found: list[SseMessage], last: str | None) -> None:
    messages, stream = fed(data)
    assert (messages, stream.last_id) == (found, last)
