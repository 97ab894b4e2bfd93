import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.times import MAX_MS, MIN_MS, ms_of, rfc3339, within_range


@given(st.integers(MIN_MS, MAX_MS))
def test_a_time_comes_back_from_its_text(ms: int) -> None:
    assert ms_of(rfc3339(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.0019Z", 1),
        ("2026-11-21T06:30:00.123+02:00", 1_795_235_400_123),
        ("2026-11-21t06:30:00z", 1_795_242_600_000),
        ("1970-01-01T00:30:00-23:59", 88_140_000),
        ("2261-12-31T23:59:59.999999Z", MAX_MS),
    ],
)
def test_any_offset_and_precision_is_read(text: str, ms: int) -> None:
    assert ms_of(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-21", "2026-11-21T06:30:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T06:30:60Z", "2026-W01-1"],
)
def test_text_without_a_full_time_and_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        ms_of(text)


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59.999Z", "2262-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_the_store_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must lie between 1970"):
        ms_of(text)


@pytest.mark.parametrize("ms", [MIN_MS - 1, MAX_MS + 1])
def test_the_range_has_both_ends(ms: int) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        within_range(ms)
