import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dialects.tracker.times import DAY_MS, as_rfc3339, clamp
from causeline.schemas.values.times import MAX_MS, Moment, event_time, parse_moment, rfc3339

TEN = 1_705_312_800_000  # 2024-01-15T10:00:00Z
MIDNIGHT = 1_705_276_800_000  # 2024-01-15


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-15T10:00:00Z", Moment(TEN, is_date=False)),
        ("2024-01-15T10:00:00z", Moment(TEN, is_date=False)),
        ("2024-01-15T12:00:00+02:00", Moment(TEN, is_date=False)),
        ("2024-01-15T04:30:00-05:30", Moment(TEN, is_date=False)),
        ("2024-01-15T10:00:00.250Z", Moment(TEN + 250, is_date=False)),
        ("2024-01-15T10:00:00,250Z", Moment(TEN + 250, is_date=False)),
        ("2024-01-15T10:00:00.250999999Z", Moment(TEN + 250, is_date=False)),
        ("2024-01-15T10:00:00", Moment(TEN, is_date=False)),
        ("2024-01-15T10:00Z", Moment(TEN, is_date=False)),
        ("2024-01-15 10:00:00+00:00", Moment(TEN, is_date=False)),
        ("20240115T100000Z", Moment(TEN, is_date=False)),
        ("2024-01-15", Moment(MIDNIGHT, is_date=True)),
        ("20240115", Moment(MIDNIGHT, is_date=True)),
    ],
)
def test_iso_8601_is_read_and_utc_is_assumed(text: str, expected: Moment) -> None:
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024",
        "2024-13-01",
        "2024-02-30",
        "2024-01-15T25:00:00Z",
        "2024-01-15T10:00:00+99:00",
        "1705312800",
        "15/01/2024",
        "\ud800",
    ],
)
def test_what_is_not_iso_8601_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 date or time such as"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["1970-01-01", "2261-12-31T23:59:59.999Z"])
def test_the_first_and_the_last_moment_of_the_range_are_times_of_events(text: str) -> None:
    assert 0 <= event_time(text) <= MAX_MS


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59.999Z", "2262-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_year_outside_the_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must lie between 1970"):
        event_time(text)


def test_a_filter_is_clamped_to_the_range() -> None:
    assert clamp(parse_moment("0001-01-01").ms) == 0
    assert clamp(parse_moment("9999-12-31").ms + DAY_MS) == MAX_MS + 1


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00Z"),
        ("2024-01-15T12:00:00+02:00", "2024-01-15T12:00:00+02:00"),
        ("2024-01-15T10:00:00.123456789Z", "2024-01-15T10:00:00.123456789Z"),
        ("2024-01-15", "2024-01-15T00:00:00.000Z"),
        ("2024-01-15T10:00:00", "2024-01-15T10:00:00.000Z"),
        ("20240115T100000+0200", "2024-01-15T08:00:00.000Z"),
    ],
)
def test_rfc_3339_goes_out_as_sent_and_other_forms_become_it(text: str, out: str) -> None:
    assert as_rfc3339(text) == out


@given(st.integers(0, MAX_MS))
def test_every_time_survives_its_text(ms: int) -> None:
    assert event_time(rfc3339(ms)) == ms
