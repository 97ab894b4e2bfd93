"""Figures of a server: what samples sum to, and how long requests took by their buckets."""

import pytest

from causeline.query_api.ui.figures import Drop, FigureSample, StageLag, bin_samples, bucket_quantile, merge_samples

REFUSED = Drop("events refused", "invalid")


def sample(at: int, accepted: int = 0, lag: float = 0.0) -> FigureSample:
    return FigureSample(at, 10.0, accepted, (accepted, 0, 1), {REFUSED: 2}, {"sink": StageLag(lag, 3)})


def test_samples_of_a_longer_time_are_sums_with_the_worst_lag() -> None:
    whole = merge_samples([sample(10_000, 5, 2.0), sample(20_000, 7, 1.0)])
    assert whole == FigureSample(20_000, 20.0, 12, (12, 0, 2), {REFUSED: 4}, {"sink": StageLag(2.0, 3)})
    assert whole.requests == 14


def test_a_sample_belongs_to_the_stretch_that_it_ends_in() -> None:
    bins = bin_samples([sample(at, 1) for at in (10_000, 30_000, 30_001, 60_000)], 30_000)
    assert [(one.at, one.accepted) for one in bins] == [(30_000, 2), (60_000, 2)]


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        ((0, 0, 0), 0.5, None),
        ((4, 0, 0), 0.5, 0.5),
        ((2, 2, 0), 0.5, 1.0),
        ((2, 2, 0), 0.75, 1.5),
        ((0, 4, 0), 0.25, 1.25),
        ((0, 0, 4), 0.5, 2.0),  # beyond the last bound nothing more is known
    ],
)
def test_a_quantile_lies_in_a_straight_line_between_bounds(buckets: tuple[int, ...], share: float, seconds: float | None) -> None:
    assert bucket_quantile(buckets, share, (1.0, 2.0)) == seconds
