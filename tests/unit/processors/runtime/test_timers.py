from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.runtime.timers import Timers, TimerView

ENTRIES = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([b"a", b"b", b"c"])), max_size=40)


def heap_of(entries: list[tuple[int, bytes]]) -> Timers:
    timers = Timers()
    for at, key in entries:
        timers.schedule(at, key)
    return timers


def taken(view: TimerView, until: int) -> list[tuple[int, bytes]]:
    items = []
    while view.due is not None and view.due <= until:
        items.append(view.pop())
    return items


@given(ENTRIES, ENTRIES, st.integers(-1, 21))
def test_entries_come_in_order_each_once_whoever_scheduled_them(
    base: list[tuple[int, bytes]], own: list[tuple[int, bytes]], now: int
) -> None:
    view = TimerView(heap_of(base))
    for at, key in own:
        view.schedule(at, key)
    assert taken(view, now) == sorted({entry for entry in base + own if entry[0] <= now})


@given(ENTRIES, ENTRIES, st.integers(-1, 21))
def test_a_view_changes_nothing_until_it_is_adopted(base: list[tuple[int, bytes]], own: list[tuple[int, bytes]], now: int) -> None:
    timers = heap_of(base)
    before = list(timers.heap)
    view = TimerView(timers)
    for at, key in own:
        view.schedule(at, key)
    taken(view, now)
    assert timers.heap == before
    timers.adopt(view)
    assert sorted(timers.heap) == sorted(entry for entry in base + own if entry[0] > now)


def test_an_entry_scheduled_while_others_are_taken_comes_at_its_place() -> None:
    view = TimerView(heap_of([(10, b"a"), (30, b"c")]))
    assert view.pop() == (10, b"a")
    view.schedule(20, b"b")
    assert taken(view, 25) == [(20, b"b")]
    assert view.due == 30
