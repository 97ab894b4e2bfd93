import msgspec
import pytest

from causeline.processors.events import problems
from causeline.processors.events.problems import TRANSITIONS, IllegalMove, Life, Move, ProblemPolicy, Receipt, Step
from causeline.processors.events.state import ProblemState
from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from tests.partition_log import DAY, HOUR, MINUTE, SECOND, T0, Partition, create, event, patch, push, snapshot, tick, uuid

RULES = ProblemPolicy()


def receipt(now: int, **fields: object) -> Receipt:
    return msgspec.structs.replace(Receipt(record_id=uuid(9), correlation_id="c", now=now, ingest_ts=now, event=event(1)), **fields)


def state_in(life: Life) -> ProblemState | None:
    if life == "absent":
        return None
    opened = problems.open_problem(None, receipt(T0, timeout_ms=MINUTE), RULES).state
    return opened if life == "open" else problems.close(opened, receipt(T0 + SECOND), RULES).state


def make(state: ProblemState | None, move: Move) -> Step:
    now = receipt(T0 + MINUTE)
    if move == "open":
        return problems.open_problem(state, now, RULES)
    if move == "close":
        return problems.close(state, now, RULES)
    if move == "expire":
        return problems.expire(state, RULES)
    return problems.delete(state, now) if move == "delete" else problems.forget(state)


LIVES: tuple[Life, ...] = ("absent", "open", "closed")
MOVES: tuple[Move, ...] = ("open", "close", "expire", "delete", "forget")


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("life", LIVES)
def test_every_move_does_what_the_table_says_or_raises_without_a_trace(life: Life, move: Move) -> None:
    state = state_in(life)
    before = msgspec.structs.replace(state) if state else None
    if (life, move) in TRANSITIONS:
        transition, after = TRANSITIONS[life, move]
        step = make(state, move)
        assert problems.life_of(step.state) == after
        assert (step.problem.transition if step.problem else None) == transition
    else:
        with pytest.raises(IllegalMove):
            make(state, move)
    assert state == before


def told(partition: Partition, *records: object) -> list[tuple[str, int, int]]:
    outputs = partition.feed(*records)  # type: ignore[arg-type]
    return [(p.transition, p.version, p.at - T0) for p in outputs.problems]


TIMEOUT = 15 * MINUTE


@pytest.mark.parametrize(
    ("at", "transitions", "why"),
    [
        (T0 + TIMEOUT - 1, ["refreshed"], "a millisecond before the deadline it is open"),
        (T0 + TIMEOUT, ["timed_out", "reopened"], "exactly at the deadline it is closed: a push then opens a new one"),
        (T0 + TIMEOUT + 1, ["timed_out", "reopened"], "and past it too"),
        (T0 - HOUR, ["refreshed"], "a clock that steps back an hour expires nothing"),
    ],
)
def test_a_push_meets_the_deadline(at: int, transitions: list[str], why: str) -> None:
    partition = Partition()
    partition.feed(push(1, T0))
    assert [p.transition for p in partition.feed(push(2, at)).problems] == transitions, why


def test_a_push_opens_an_event_and_a_problem_of_one_id() -> None:
    outputs = Partition().feed(push(1, T0))
    (opened,), (row,) = outputs.problems, outputs.events
    assert (opened.id, opened.version, opened.transition, opened.state, opened.end) == (uuid(1), 1, "opened", "open", None)
    assert (opened.start, opened.last_receipt, opened.deadline, opened.cause) == (T0, T0, T0 + TIMEOUT, uuid(1))
    assert (row.id, row.version, row.status, row.problem_id, row.deadline, row.end) == (
        *(uuid(1), 1, "open", uuid(1), T0 + TIMEOUT),
        None,
    )
    assert outputs.current == {uuid(1): opened}
    assert (opened.title, opened.dialect, opened.kind, opened.tenant) == ("problem c", "desk", "incident", "acme")


def test_a_refresh_keeps_the_id_and_start_and_moves_the_deadline() -> None:
    partition = Partition()
    partition.feed(push(1, T0))
    outputs = partition.feed(push(2, T0 + 14 * MINUTE))
    (refreshed,), (row,) = outputs.problems, outputs.events
    assert (refreshed.id, refreshed.version, refreshed.transition, refreshed.start) == (uuid(1), 2, "refreshed", T0)
    assert (refreshed.refresh_count, refreshed.last_receipt, refreshed.cause) == (1, T0 + 14 * MINUTE, uuid(2))
    assert refreshed.deadline == row.deadline == T0 + 29 * MINUTE
    assert (row.id, row.version, row.status, row.ts) == (uuid(1), 2, "open", T0)


def test_a_timeout_ends_at_the_last_receipt_plus_the_timeout_however_late_it_is_noticed() -> None:
    partition = Partition()
    partition.feed(push(1, T0), push(2, T0 + MINUTE))
    outputs = partition.feed(tick(T0 + 5 * HOUR))
    (closed,), (row,) = outputs.problems, outputs.events
    end = T0 + MINUTE + TIMEOUT
    assert (closed.transition, closed.state, closed.version, closed.end, closed.at, closed.cause) == (
        "timed_out",
        "closed",
        3,
        end,
        end,
        "",
    )
    assert (row.status, row.version, row.end, row.deadline) == ("closed", 3, end, end)
    assert partition.feed(tick(T0 + 6 * HOUR)).problems == []


def test_a_problem_without_timeout_does_not_time_out() -> None:
    partition = Partition()
    assert partition.feed(push(1, T0, timeout_ms=0)).problems[0].deadline is None
    assert partition.feed(tick(T0 + 300 * DAY)).problems == []


def test_the_last_timeout_received_wins_and_is_published_at_once() -> None:
    partition = Partition()
    partition.feed(push(1, T0), push(2, T0 + SECOND))
    outputs = partition.feed(push(3, T0 + 2 * SECOND, timeout_ms=MINUTE))
    assert [(p.transition, p.deadline) for p in outputs.problems] == [("refreshed", T0 + 2 * SECOND + MINUTE)]
    assert [p.transition for p in partition.feed(tick(T0 + 2 * SECOND + MINUTE)).problems] == ["timed_out"]


def test_refreshes_are_published_at_most_once_in_ten_seconds_and_the_last_is_not_lost() -> None:
    partition = Partition()
    assert told(partition, push(1, T0), push(2, T0 + SECOND)) == [("opened", 1, 0), ("refreshed", 2, SECOND)]
    assert told(partition, *(push(n, T0 + n * SECOND) for n in range(3, 9))) == []
    assert told(partition, tick(T0 + 11 * SECOND - 1)) == []
    outputs = partition.feed(tick(T0 + 11 * SECOND))
    (late,) = outputs.problems
    assert (late.transition, late.version, late.at, late.refresh_count) == ("refreshed", 3, T0 + 11 * SECOND, 7)
    assert late.last_receipt == T0 + 8 * SECOND
    assert late.deadline == outputs.events[0].deadline == T0 + 8 * SECOND + TIMEOUT
    assert told(partition, tick(T0 + 10 * MINUTE)) == []


def test_exactly_ten_seconds_after_a_refresh_the_next_is_published_at_once() -> None:
    partition = Partition()
    assert told(partition, push(1, T0), push(2, T0), push(3, T0 + 10 * SECOND)) == [
        ("opened", 1, 0),
        ("refreshed", 2, 0),
        ("refreshed", 3, 10 * SECOND),
    ]


def test_a_refresh_never_waits_past_the_deadline_that_readers_see() -> None:
    partition = Partition()
    deadline = T0 + 4 * SECOND
    for n in range(20):
        for row in partition.feed(push(1 + n, T0 + n * SECOND, timeout_ms=4 * SECOND)).events:
            assert row.updated_ts < deadline or row.version == 1
            deadline = row.deadline or 0
            assert row.status == "open"


def test_counts_stay_exact_when_a_timeout_comes_with_refreshes_waiting() -> None:
    partition = Partition()
    partition.feed(push(1, T0), *(push(2, T0 + n) for n in range(1, 6)))
    outputs = partition.feed(tick(T0 + DAY))
    assert [(p.transition, p.version, p.refresh_count) for p in outputs.problems] == [("refreshed", 3, 5), ("timed_out", 4, 5)]


def test_reopening_links_the_problem_before_and_takes_it_off_the_current_ones() -> None:
    partition = Partition()
    partition.feed(push(1, T0))
    outputs = partition.feed(push(2, T0 + HOUR))
    timed_out, reopened = outputs.problems
    assert (reopened.id, reopened.version, reopened.transition, reopened.previous_id) == (uuid(2), 1, "reopened", timed_out.id)
    assert outputs.current == {uuid(1): None, uuid(2): reopened}
    assert [(e.id, e.version, e.status) for e in outputs.events] == [(uuid(1), 2, "closed"), (uuid(2), 1, "open")]


@pytest.mark.parametrize(
    ("at", "transition", "why"),
    [
        (T0 + TIMEOUT + 7 * DAY - 1, "reopened", "a closed problem is known for seven days"),
        (T0 + TIMEOUT + 7 * DAY, "opened", "then it is forgotten"),
    ],
)
def test_a_closed_problem_is_remembered_for_a_while(at: int, transition: str, why: str) -> None:
    partition = Partition()
    partition.feed(push(1, T0), tick(T0 + HOUR))
    outputs = partition.feed(push(2, at))
    assert outputs.problems[-1].transition == transition, why
    assert outputs.current[uuid(1)] is None
    assert bool(outputs.problems[-1].previous_id) == (transition == "reopened")


def test_two_targets_live_apart_and_so_do_two_tenants() -> None:
    partition = Partition()
    theirs = msgspec.structs.replace(codec.decode_record(push(3, T0).event, Event), tenant="other")
    other = msgspec.structs.replace(push(3, T0), tenant="other", event=codec.encode_record(theirs))
    assert told(partition, push(1, T0, "a"), push(2, T0, "b"), push(4, T0, "c"), other) == [("opened", 1, 0)] * 4
    outputs = partition.feed(push(5, T0 + 10 * MINUTE, "a"), tick(T0 + 20 * MINUTE))
    assert [(p.transition, p.correlation_id) for p in outputs.problems if p.tenant == "acme"] == [
        ("refreshed", "a"),
        ("timed_out", "b"),
        ("timed_out", "c"),
    ]


def test_timeouts_fire_in_the_order_of_their_deadlines() -> None:
    partition = Partition()
    partition.feed(push(1, T0, "a", 3 * MINUTE), push(2, T0, "b", MINUTE), push(3, T0, "c", 2 * MINUTE))
    assert [p.correlation_id for p in partition.feed(tick(T0 + DAY)).problems] == ["b", "c", "a"]


INCIDENT = {"kind": "incident", "status": "open", "title": "db down"}


def test_an_incident_opens_refreshes_by_what_changed_closes_and_opens_again() -> None:
    partition = Partition()
    incident = event(1, **INCIDENT, start=T0 - MINUTE)
    outputs = partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    assert [(p.id, p.transition, p.start, p.event_id) for p in outputs.problems] == [(incident.id, "opened", T0 - MINUTE, incident.id)]
    assert outputs.events == [incident]

    outputs = partition.feed(patch(incident, T0 + SECOND, {"owner": "", "actor": "x"}))
    assert [e.version for e in outputs.events] == [2]
    assert outputs.problems == []

    outputs = partition.feed(patch(outputs.events[0], T0 + MINUTE, {"severity": "high"}, record=901))
    assert [(p.transition, p.version, p.severity, p.refresh_count) for p in outputs.problems] == [("refreshed", 2, "high", 1)]

    outputs = partition.feed(patch(outputs.events[0], T0 + 2 * MINUTE, {"status": "close", "end": T0 + 90 * SECOND}, record=902))
    assert [(p.transition, p.version, p.state, p.end, p.severity) for p in outputs.problems] == [
        ("closed", 3, "closed", T0 + 90 * SECOND, "high"),
    ]
    outputs = partition.feed(patch(outputs.events[0], T0 + 3 * MINUTE, {"status": "done"}, record=903))
    assert outputs.problems == []
    outputs = partition.feed(patch(outputs.events[0], T0 + 4 * MINUTE, {"status": "open"}, record=904))
    (again,) = outputs.problems
    assert (again.id, again.transition, again.version, again.previous_id) == (uuid(904), "reopened", 1, incident.id)
    assert again.start == T0 + 4 * MINUTE
    assert snapshot(partition.restore()) == snapshot(partition.logic)


def test_a_close_without_an_end_ends_when_it_was_received() -> None:
    partition = Partition()
    incident = event(1, **INCIDENT)
    partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    (closed,) = partition.feed(patch(incident, T0 + MINUTE, {"status": "close"})).problems
    assert (closed.end, closed.at, closed.last_receipt) == (T0 + MINUTE,) * 3


def test_a_close_whose_end_lies_before_the_start_ends_when_it_was_received() -> None:
    partition = Partition()
    incident = event(1, **INCIDENT, start=T0)
    partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    (closed,) = partition.feed(patch(incident, T0 + MINUTE, {"status": "close", "end": T0 - 1})).problems
    assert closed.end == T0 + MINUTE


def test_a_close_that_nothing_is_open_for_is_only_an_event() -> None:
    outputs = Partition().feed(create(event(1, kind="incident", status="close"), T0, signal="close", correlation_id=uuid(1)))
    assert (len(outputs.events), outputs.problems) == (1, [])


def test_two_events_that_share_a_correlation_id_open_and_close_one_problem() -> None:
    partition = Partition()
    columns = {"dialect": "native", "kind": "incident"}
    partition.feed(create(event(1, **columns, status="open"), T0, signal="open", correlation_id="native"))
    refreshed = partition.feed(create(event(2, **columns, status="open"), T0 + MINUTE, signal="open", correlation_id="native"))
    closed = partition.feed(create(event(3, **columns, status="closed"), T0 + HOUR, signal="close", correlation_id="native"))
    assert [(p.id, p.transition, p.version) for p in refreshed.problems + closed.problems] == [
        (uuid(1), "refreshed", 2),
        (uuid(1), "closed", 3),
    ]


def test_a_late_repeat_of_the_opening_event_does_not_open_again() -> None:
    partition = Partition()
    incident = event(1, **INCIDENT)
    opening = create(incident, T0, signal="open", correlation_id=incident.id, dedup_key=incident.id, fingerprint=1)
    partition.feed(opening, patch(incident, T0 + MINUTE, {"status": "close"}))
    outputs = partition.feed(msgspec.structs.replace(opening, ingest_ts=T0 + DAY))
    assert (outputs.events, outputs.problems) == ([], [])


def test_a_problem_tells_nothing_of_what_a_restricted_event_says() -> None:
    secrets = {"title": "secret", "text": "secret", "service": "secret", "tags": {"secret": "secret"}, "entities": ["secret"]}
    restricted = event(1, kind="incident", priority="P1", allowed_groups=["sre"], **secrets)
    opened = problems.open_problem(None, receipt(T0, event=restricted), RULES)
    assert opened.problem is not None
    assert opened.problem.priority == "P1"
    assert b"secret" not in codec.encode_record(opened.problem)
    plain = problems.open_problem(None, receipt(T0, event=msgspec.structs.replace(restricted, allowed_groups=[])), RULES)
    assert plain.problem is not None
    assert plain.problem.title == "secret"
