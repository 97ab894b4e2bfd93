"""A place on the log as text: it comes back as it was, and nothing else does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.live import positions

OFFSETS = st.integers(0, 2**63 - 1)


@given(st.integers(1, 40).flatmap(lambda count: st.lists(OFFSETS, min_size=2 * count, max_size=2 * count)))
def test_a_place_comes_back_as_it_was_and_is_url_safe(offsets: list[int]) -> None:
    count = len(offsets) // 2
    place = dict(zip(positions.partitions(count), offsets, strict=True))
    text = positions.format_positions(place)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert positions.parse_positions(text, count) == place


@given(st.lists(OFFSETS, min_size=8, max_size=8), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_place_with_one_letter_changed_is_refused(offsets: list[int], at: int, shift: int) -> None:
    text = positions.format_positions(dict(zip(positions.partitions(4), offsets, strict=True)))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    index = at % (len(text) - 1)  # the last letter may hold bits that stand for nothing
    other = letters[(letters.index(text[index]) + 1 + shift % 63) % 64]
    with pytest.raises(ValueError, match="damaged"):
        positions.parse_positions(text[:index] + other + text[index + 1 :], 4)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        positions.parse_positions(text, 4)


def test_a_place_on_other_partitions_is_refused() -> None:
    text = positions.format_positions(dict.fromkeys(positions.partitions(3), 7))
    with pytest.raises(ValueError, match="3 partitions, and this one has 4"):
        positions.parse_positions(text, 4)


def test_a_place_is_short() -> None:
    assert len(positions.format_positions(dict.fromkeys(positions.partitions(4), 10_000_000))) < 70
    assert len(positions.format_positions(dict.fromkeys(positions.partitions(1_000), 2**40))) < 2 * positions.MAX_POSITIONS_TEXT
