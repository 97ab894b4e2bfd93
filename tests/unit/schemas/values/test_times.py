import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.values.times import MAX_MS, MIN_MS, epoch_ms, is_day, ms_of, rfc3339, with_plus, within_range


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
        ("2026-11-21T06:30Z", 1_795_242_600_000),
        ("2026-11-21T08:30+02:00", 1_795_242_600_000),
    ],
)
def test_any_offset_and_precision_is_read(text: str, ms: int) -> None:
    assert ms_of(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T06:30:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-21T06:30:60Z",
        "2026-W01-1",
        "2026-11-21T06:30",
        "2026-11-21T24:30Z",
    ],
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


@pytest.mark.parametrize("seconds", [1_000_000_000, 1_795_881_600, 9_999_999_999])
def test_a_number_that_was_meant_as_seconds_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="looks like seconds"):
        epoch_ms(seconds)


@pytest.mark.parametrize("ms", [0, 999_999_999, 10_000_000_000, 1_795_881_600_000, MAX_MS])
def test_any_other_number_is_milliseconds(ms: int) -> None:
    assert epoch_ms(ms) == ms


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-21T06:30:00 02:00", "2026-11-21T06:30:00+02:00"),
        ("2026-11-21T06:30 0200", "2026-11-21T06:30+0200"),
        ("2026-11-21 06:30:00 02:00", "2026-11-21 06:30:00+02:00"),
        ("2026-11-21 06:30", "2026-11-21 06:30"),
        ("2026-11-21", "2026-11-21"),
        ("2026-11-21T06:30:00Z", "2026-11-21T06:30:00Z"),
        ("", ""),
    ],
)
def test_a_plus_that_arrived_as_a_blank_is_a_plus_again(text: str, meant: str) -> None:
    assert with_plus(text) == meant


@pytest.mark.parametrize(
    ("text", "day"), [("2026-11-21", True), ("2026-99-99", True), ("2026-11-2", False), ("20261121xx", False), ("\uff12026-11-21", False)]
)
def test_the_form_of_a_day_is_told(text: str, day: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_day(text) is day
