"""Cursors go back to the question they came from, unharmed, or are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.questions.cursors import Cursor, open_cursor, seal_cursor

ASKED = [("", "events"), ("service", "shop"), ("service", "größe"), ("from", "now-2h")]
CURSOR = Cursor(1_760_000_000_123, "0199c833-c670-77cd-86ec-474d1dd9ea2d", 1_760_000_000_999)

_questions = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4)


@given(cursor=st.builds(Cursor, st.integers(0, 2**53), st.text(max_size=40), st.integers(0, 2**53)), asked=_questions)
def test_what_is_sealed_is_opened(cursor: Cursor, asked: list[tuple[str, str]]) -> None:
    text = seal_cursor(cursor, asked)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert open_cursor(text, asked) == cursor


def test_the_order_of_the_parameters_does_not_matter() -> None:
    assert open_cursor(seal_cursor(CURSOR, ASKED), reversed(ASKED)) == CURSOR


@pytest.mark.parametrize(
    "other",
    [
        [],
        ASKED[:-1],
        [*ASKED, ("service", "shop")],
        [("", "problems"), *ASKED[1:]],
        [*ASKED[:-1], ("from", "now-3h")],
        [("", "events"), ("service", "shopservice"), ("größe", ""), ("from", "now-2h")],
    ],
)
def test_a_cursor_beside_other_filters_is_refused(other: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="other filters"):
        open_cursor(seal_cursor(CURSOR, ASKED), other)


def test_a_cursor_damaged_in_any_place_is_refused() -> None:
    text = seal_cursor(CURSOR, ASKED)
    damaged_texts = [text[:n] + ("A" if text[n] != "A" else "B") + text[n + 1 :] for n in range(len(text) - 1)]
    for damaged_text in [*damaged_texts, text[:-2], text + "AAAA", text[4:], "", "=", "!", "ü", "A", " " + text]:
        with pytest.raises(ValueError, match="damaged"):
            open_cursor(damaged_text, ASKED)
