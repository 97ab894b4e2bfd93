"""Of every event one row shows in a table sorted by service and time, at the newest version's place, whatever was changed and by whom.

The table is as the engine collapses it: of the rows of one key the highest version wins, and one that is deleted hides it.
"""

from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.events import state
from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from tests.changing_events import SERVICES, STEPS, Step, live_through
from tests.partition_log import DAY, MINUTE, T0, Partition, delete, event, patch, tick

Place = tuple[str, int]
"""service, time"""


def rows_of(versions: list[Event]) -> list[tuple[Place, int, bool]]:
    """What the views make of published events: `clickhouse/0010_events_by_service.sql`."""
    rows = [((e.service, e.ts), e.version, e.is_deleted) for e in versions]
    rows += [((e.previous_service, e.ts), e.version, True) for e in versions if e.previous_service not in ("", e.service)]
    return [row for row in rows if row[0][0]]


def shown(rows: list[tuple[Place, int, bool]]) -> list[Place]:
    newest: dict[Place, tuple[int, bool]] = {}
    for place, version, is_deleted in rows:
        known = newest.get(place)
        assert known is None or known[0] != version or known[1] == is_deleted, "one version says two things of one place"
        if known is None or version >= known[0]:
            newest[place] = version, is_deleted
    return [place for place, (_, is_deleted) in newest.items() if not is_deleted]


def expected(newest: Event) -> list[Place]:
    return [] if newest.is_deleted or not newest.service else [(newest.service, newest.ts)]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=12), SERVICES, st.randoms(use_true_random=False))
def test_an_event_shows_once_where_its_newest_version_lies(steps: list[Step], services: tuple[str, str], order: Random) -> None:
    for versions in live_through(steps, services).values():
        rows = rows_of(versions)
        assert shown(rows) == expected(versions[-1])
        again = rows + rows[: len(rows) // 2]
        order.shuffle(again)
        assert shown(again) == expected(versions[-1])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=12), SERVICES)
def test_a_version_names_the_service_before_it_only_where_it_changed_it(steps: list[Step], services: tuple[str, str]) -> None:
    for versions in live_through(steps, services).values():
        live = [version for version in versions if not version.is_deleted]
        assert [e.previous_service for e in live] == [
            "", *(old.service if old.service != new.service else "" for old, new in pairwise(live))
        ]  # fmt: skip
        newest = versions[0]
        for version in versions[1:]:
            if version.is_deleted:
                assert (version.ts, version.previous_service) == (newest.ts, "")
                assert version.service == newest.service or not newest.service, "what had no service lies under none"
            else:
                newest = version


def moved(service: str = "b") -> dict[str, object]:
    return {"service": service, "ts": T0 + DAY}


def test_an_event_that_changes_service_and_time_at_once_leaves_nothing_under_either() -> None:
    outputs = Partition().feed(patch(event(1, service="a"), T0, moved()))
    places = [(e.version, e.is_deleted, e.service, e.ts - T0, e.previous_service) for e in outputs.events]
    assert places == [(2, True, "a", 0, ""), (2, False, "b", DAY, "a")]


def live(partition: Partition, to: int) -> None:
    for at in range(T0, to, MINUTE // 2):
        partition.feed(tick(at))


def test_a_late_delete_lies_where_the_version_lay_that_it_missed() -> None:
    partition, base = Partition(), event(1, service="a")
    partition.feed(patch(base, T0, moved()))
    live(partition, T0 + 20 * MINUTE)
    (last,) = partition.feed(delete(base, T0 + 20 * MINUTE)).events
    assert (last.version, last.service, last.ts, last.previous_service) == (3, "b", T0 + DAY, "")


@pytest.mark.parametrize("known", [True, False])
def test_what_the_version_before_remembered_is_read(known: bool) -> None:  # noqa: FBT001 - two cases
    newest = codec.encode_record(event(1, service="b", version=2)) if known else b""
    old = {"version": 2, "ts": T0, "is_deleted": False, "event": newest, "forget_at": T0 + 20 * MINUTE}
    value = state.decode_event(msgspec.msgpack.encode(old))
    assert value.service is None
    partition = Partition()
    partition.logic.restore(state.event_key(event(1).id), state.encode_event_state(value))
    late = T0 + 21 * MINUTE
    if known:
        live(partition, late)
    (last,) = partition.feed(delete(event(1, service="a"), late - MINUTE * (not known) * 2)).events
    assert (last.version, last.service) == (3, "b" if known else "a"), "of what is not known the row that the client saw is hidden"


def test_a_patch_of_an_older_server_is_read_as_one_that_changed_no_service() -> None:
    base = event(1, service="a")
    (changed,) = Partition().feed(patch(base, T0, {"title": "new"}, base_service="")).events
    assert (changed.service, changed.previous_service) == ("a", "")
