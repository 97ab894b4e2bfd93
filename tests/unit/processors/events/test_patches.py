import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from tests.partition_log import DAY, MINUTE, SECOND, T0, Partition, create, delete, event, patch, snapshot, tick, uuid


def versions(rows: list[Event]) -> list[tuple[int, bool, int]]:
    return [(e.version, e.is_deleted, e.ts - T0) for e in rows]


def test_a_patch_of_an_event_that_nobody_else_changed_takes_the_merged_record() -> None:
    base = event(1)
    (changed,) = Partition().feed(patch(base, T0 + 5, {"title": "new"})).events
    assert (changed.version, changed.title, changed.updated_ts, changed.ingest_ts) == (2, "new", T0 + 5, T0)


def test_two_clients_who_change_different_fields_at_once_both_win() -> None:
    base = event(1)
    outputs = Partition().feed(patch(base, T0 + 1, {"title": "new"}), patch(base, T0 + 2, {"owner": "me"}))
    assert [(e.version, e.title, e.owner, e.updated_ts) for e in outputs.events] == [(2, "new", "", T0 + 1), (3, "new", "me", T0 + 2)]


def test_of_two_clients_who_change_one_field_the_later_wins() -> None:
    base = event(1)
    outputs = Partition().feed(patch(base, T0 + 1, {"title": "a"}), patch(base, T0 + 2, {"title": "b"}))
    assert [(e.version, e.title) for e in outputs.events] == [(2, "a"), (3, "b")]


def test_a_patch_that_saw_the_newest_version_is_not_merged_again() -> None:
    partition, base = Partition(), event(1)
    (second,) = partition.feed(patch(base, T0 + 1, {"title": "a"})).events
    third = msgspec.structs.replace(second, title="merged by ingest", version=3)
    outputs = partition.feed(patch(second, T0 + 2, {"title": "b"}, event=codec.encode_record(third)))
    assert [(e.version, e.title) for e in outputs.events] == [(3, "merged by ingest")]


def test_a_writer_who_saw_more_than_the_state_knows_is_believed() -> None:
    partition = Partition()
    partition.feed(patch(event(1), T0, {"title": "a"}))
    outputs = partition.feed(patch(event(1, version=7, title="b"), T0, {"owner": "me"}))
    assert [(e.version, e.title, e.owner) for e in outputs.events] == [(8, "b", "me")]


def test_a_patch_that_moves_an_event_takes_the_row_at_its_old_time_away() -> None:
    outputs = Partition().feed(patch(event(1), T0, {"ts": T0 + DAY}))
    assert versions(outputs.events) == [(2, True, 0), (2, False, DAY)]


def test_a_second_move_takes_away_what_the_first_left() -> None:
    base = event(1)
    outputs = Partition().feed(patch(base, T0, {"ts": T0 + DAY, "title": "a"}), patch(base, T0, {"ts": T0 + 2 * DAY}))
    assert versions(outputs.events) == [(2, True, 0), (2, False, DAY), (3, True, DAY), (3, False, 2 * DAY)]
    assert [e.title for e in outputs.events[1:]] == ["a", "a", "a"]


def test_a_patch_that_does_not_know_the_old_time_takes_nothing_away() -> None:
    outputs = Partition().feed(patch(event(1), T0, {"ts": T0 + DAY}, base_ts=-1))
    assert versions(outputs.events) == [(2, False, DAY)]


def test_an_event_of_the_first_millisecond_can_be_moved() -> None:
    outputs = Partition().feed(patch(event(1, ts=0), T0, {"ts": T0}))
    assert versions(outputs.events) == [(2, True, -T0), (2, False, 0)]


def test_a_delete_is_the_next_version_and_keeps_the_columns() -> None:
    partition, base = Partition(), event(1)
    outputs = partition.feed(patch(base, T0, {"title": "new", "ts": T0 + DAY}), delete(base, T0 + 1))
    last = outputs.events[-1]
    assert (last.version, last.is_deleted, last.title, last.ts, last.updated_ts) == (3, True, "new", T0 + DAY, T0 + 1)
    assert outputs.current == {}


def test_a_delete_of_an_unknown_event_uses_what_ingest_saw() -> None:
    outputs = Partition().feed(delete(event(1, version=4), T0 + 1))
    assert versions(outputs.events) == [(5, True, 0)]


def test_a_second_delete_is_dropped_and_a_later_patch_is_set_aside() -> None:
    partition, base = Partition(), event(1)
    outputs = partition.feed(delete(base, T0), delete(base, T0 + 1), patch(base, T0 + 2, {"title": "late"}))
    assert versions(outputs.events) == [(2, True, 0)]
    assert [(letter.reason, letter.id, letter.tenant) for letter in outputs.letters] == [("event_deleted", base.id, "acme")]


def test_a_patch_that_cannot_be_applied_to_the_newest_version_is_set_aside_and_changes_nothing() -> None:
    partition, base = Partition(), event(1)
    partition.feed(patch(base, T0, {"title": "a"}))
    before = snapshot(partition.logic)
    bad = msgspec.structs.replace(patch(base, T0, {"title": "b"}), patch="[1]")
    outputs = partition.feed(bad)
    assert [(letter.reason, letter.value) for letter in outputs.letters] == [("patch_failed", codec.encode_record(bad))]
    assert (outputs.events, snapshot(partition.logic)) == ([], before)


def test_a_patch_whose_event_cannot_be_read_is_set_aside() -> None:
    outputs = Partition().feed(patch(event(1), T0, {}, event=b"\x00\x00\x00\x00\x01junk"))
    assert [letter.reason for letter in outputs.letters] == ["undecodable"]


def test_a_late_patch_is_applied_to_the_change_that_it_missed_while_that_is_known() -> None:
    partition, base = Partition(), event(1)
    partition.feed(patch(base, T0, {"title": "first"}))
    (changed,) = partition.feed(patch(base, T0 + 10 * MINUTE - 1, {"owner": "late"})).events
    assert (changed.version, changed.title, changed.owner) == (3, "first", "late")


def live(partition: Partition, to: int) -> None:
    """Let time go on as it does where the processors run: with ticks."""
    for at in range(T0, to, MINUTE // 2):
        partition.feed(tick(at))


def test_of_an_older_change_its_version_is_known_so_that_none_is_written_twice() -> None:
    partition, base = Partition(), event(1)
    (newest,) = partition.feed(patch(base, T0, {"title": "first"})).events
    late = T0 + 100 * MINUTE
    live(partition, late)
    assert [letter.reason for letter in partition.feed(patch(base, late, {"owner": "missed it"})).letters] == ["patch_failed"]
    (changed,) = partition.feed(patch(newest, late, {"owner": "saw it"})).events
    assert (changed.version, changed.title, changed.owner) == (3, "first", "saw it")


def test_a_delete_needs_no_more_than_the_version_that_it_missed() -> None:
    partition, base = Partition(), event(1)
    partition.feed(patch(base, T0, {"title": "first"}))
    late = T0 + 100 * MINUTE
    live(partition, late)
    (last,) = partition.feed(delete(base, late)).events
    assert (last.version, last.is_deleted) == (3, True)


def test_a_change_is_forgotten_after_ten_minutes_and_its_version_two_hours_later() -> None:
    partition, base = Partition(), event(1)
    partition.feed(patch(base, T0, {"title": "a"}), patch(base, T0 + 9 * MINUTE, {"title": "b"}))
    key = b"e" + base.id.encode()
    changes = partition.logic._committed.events
    live(partition, T0 + 19 * MINUTE)
    assert changes[key].event
    partition.feed(tick(T0 + 19 * MINUTE))
    assert (changes[key].event, changes[key].version) == (b"", 3)
    partition.feed(tick(T0 + (19 + 120) * MINUTE))
    assert key not in changes
    assert partition.changelog[-1] == (key, None)


def test_plain_creates_leave_nothing_in_the_state() -> None:
    partition = Partition()
    partition.feed(create(event(1), T0), create(event(2), T0))
    assert {key for key, _ in partition.changelog} == {b"t"}


def test_a_late_repeat_of_a_create_does_not_come_after_its_patch() -> None:
    partition, base = Partition(), event(1)
    first = create(base, T0, dedup_key=uuid(77), fingerprint=1)
    partition.feed(first, patch(base, T0 + DAY, {"title": "new"}))
    assert partition.feed(msgspec.structs.replace(first, ingest_ts=T0 + DAY + SECOND)).events == []


def test_deleting_an_incident_deletes_its_problem() -> None:
    partition, incident = Partition(), event(1, kind="incident", status="open")
    partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    outputs = partition.feed(delete(incident, T0 + 1, correlation_id=incident.id))
    assert [(p.transition, p.version, p.is_deleted) for p in outputs.problems] == [("deleted", 2, True)]
    assert outputs.current == {incident.id: None}
    assert len(partition.logic._committed.problems) == 0


def test_deleting_another_event_of_the_problem_leaves_it() -> None:
    partition = Partition()
    columns = {"dialect": "native", "kind": "incident", "status": "open"}
    one, two = event(1, **columns), event(2, **columns)
    partition.feed(*(create(e, T0, signal="open", correlation_id="x") for e in (one, two)))
    assert partition.feed(delete(two, T0 + 1, correlation_id="x")).problems == []


def test_an_event_that_turns_out_not_to_be_an_incident_takes_its_problem_back() -> None:
    partition, incident = Partition(), event(1, kind="incident", status="open")
    partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    outputs = partition.feed(patch(incident, T0 + 1, {"kind": "deployment"}))
    assert [p.transition for p in outputs.problems] == ["deleted"]


def test_an_event_that_becomes_an_incident_opens_a_problem() -> None:
    outputs = Partition().feed(patch(event(1), T0 + 1, {"kind": "incident", "status": "open"}, record=901))
    assert [(p.transition, p.id, p.event_id) for p in outputs.problems] == [("opened", uuid(901), uuid(1))]


def test_a_leap_of_time_forgets_no_change_that_the_next_record_may_have_missed() -> None:
    partition, base = Partition(), event(1)
    partition.feed(patch(base, T0, {"title": "first"}))
    (changed,) = partition.feed(patch(base, T0 + 65 * MINUTE, {"owner": "late"})).events
    assert (changed.version, changed.title, changed.owner) == (3, "first", "late")
