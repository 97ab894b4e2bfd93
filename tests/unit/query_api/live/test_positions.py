"""A place on the log as text: it comes back as it was, and nothing else does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.live import positions
from causeline.query_api.live.positions import WITH_CAUSES, WITHOUT_CAUSES, Topics

OFFSETS = st.integers(0, 2**63 - 1)
OLD = "AZQAB80BLM8AAAABKgXyAGWZhog"
"""0, 7, 300 and 5,000,000,000 on two partitions of events and of problems, as it was written before there were causes."""


@given(st.integers(1, 40), st.sampled_from([WITHOUT_CAUSES, WITH_CAUSES]), st.data())
def test_a_place_comes_back_as_it_was_and_is_url_safe(count: int, topics: Topics, data: st.DataObject) -> None:
    followed = positions.partitions(count, topics)
    place = dict(zip(followed, data.draw(st.lists(OFFSETS, min_size=len(followed), max_size=len(followed))), strict=True))
    text = positions.format_positions(place, topics)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert positions.parse_positions(text, count) == place


def test_the_place_of_a_client_from_before_there_were_causes_is_read_and_written_as_ever() -> None:
    place = dict(zip(positions.partitions(2, WITHOUT_CAUSES), [0, 7, 300, 5_000_000_000], strict=True))
    assert positions.parse_positions(OLD, 2) == place
    assert positions.format_positions(place, WITHOUT_CAUSES) == OLD


def test_a_place_leaves_out_the_topics_that_are_not_followed() -> None:
    place = dict.fromkeys(positions.partitions(2, WITH_CAUSES), 7)
    assert positions.parse_positions(positions.format_positions(place, WITHOUT_CAUSES), 2) == dict.fromkeys(
        positions.partitions(2, WITHOUT_CAUSES), 7
    )


@given(st.lists(OFFSETS, min_size=8, max_size=8), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_place_with_one_letter_changed_is_refused(offsets: list[int], at: int, shift: int) -> None:
    text = positions.format_positions(dict(zip(positions.partitions(4, WITHOUT_CAUSES), offsets, strict=True)), WITHOUT_CAUSES)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    index = at % (len(text) - 1)  # the last letter may hold bits that stand for nothing
    other = letters[(letters.index(text[index]) + 1 + shift % 63) % 64]
    with pytest.raises(ValueError, match="damaged"):
        positions.parse_positions(text[:index] + other + text[index + 1 :], 4)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        positions.parse_positions(text, 4)


@pytest.mark.parametrize("topics", [WITHOUT_CAUSES, WITH_CAUSES])
def test_a_place_on_other_partitions_is_refused(topics: Topics) -> None:
    text = positions.format_positions(dict.fromkeys(positions.partitions(3, topics), 7), topics)
    with pytest.raises(ValueError, match="3 partitions, and this one has 4"):
        positions.parse_positions(text, 4)


def test_a_place_is_short() -> None:
    for topics, most in ((WITHOUT_CAUSES, 70), (WITH_CAUSES, 95)):
        assert len(positions.format_positions(dict.fromkeys(positions.partitions(4, topics), 10_000_000), topics)) < most
        text = positions.format_positions(dict.fromkeys(positions.partitions(1_000, topics), 2**32 - 1), topics)
        assert len(text) < positions.MAX_POSITIONS_TEXT
        assert positions.parse_positions(text, 1_000)
