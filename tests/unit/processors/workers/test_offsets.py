from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.workers.offsets import OpenRecords


@given(st.lists(st.integers(min_value=1, max_value=3), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_position_is_the_first_record_that_is_not_finished(steps: list[int], order: object) -> None:
    offsets = [sum(steps[: n + 1]) for n in range(len(steps))]
    unfinished = OpenRecords()
    assert unfinished.position() is None
    for offset in offsets:
        unfinished.begin(offset)
    open_offsets = list(offsets)
    order.shuffle(open_offsets)  # type: ignore[attr-defined]
    while open_offsets:
        assert unfinished.position() == min(open_offsets)
        unfinished.end(open_offsets.pop())
    assert unfinished.position() == offsets[-1] + 1


def test_what_was_never_begun_is_let_be() -> None:
    unfinished = OpenRecords()
    unfinished.begin(5)
    unfinished.end(4)
    assert unfinished.position() == 5
