"""However a log is cut into rounds, and whoever takes over, the story is the same: memory is the changelog, and time is in the log."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.processors.events import problems
from causeline.processors.events.settings import ProcessorSettings
from causeline.schemas.records.ingest import IngestRecord
from tests.partition_log import SECOND, T0, Partition, create, delete, event, patch, push, rule, snapshot, subscribe, tick, uuid

# Short times, so that a log of forty records sees everything expire.
SETTINGS = ProcessorSettings(
    dedup_window_ms=60 * SECOND,
    recent_ms=20 * SECOND,
    life=problems.ProblemPolicy(interval_ms=10 * SECOND, keep_ms=90 * SECOND),
)
NUMBERS = st.integers(1, 3)


def keyed(number: int) -> dict[str, Any]:
    return {"dedup_key": uuid(70 + number), "fingerprint": number} if number else {}


def record_of(kind: str, at: int, number: int, version: int, key: int) -> IngestRecord:
    incident = event(number, kind="incident", status="open" if version % 2 else "close", version=version)
    if kind == "create":
        return create(event(number), at, **keyed(key))
    if kind == "signal":
        return create(incident, at, signal="open" if version % 2 else "close", correlation_id=incident.id, **keyed(key))
    if kind == "patch":
        fields = {"title": f"v{version}", "status": "close" if version % 2 else "open", "ts": T0 + version % 3}
        return patch(incident, at, fields, record=900 + key, **keyed(key))
    if kind == "delete":
        return delete(incident, at, **keyed(key))
    if kind == "push":
        return push(100 + number * 10 + key, at, f"c{number}", timeout_ms=(0, 5, 30, 30)[version - 1] * SECOND, **keyed(key))
    return subscribed(at, number, version, key) if kind == "subscribe" else tick(at)


def subscribed(at: int, number: int, revision: int, key: int) -> IngestRecord:
    """The rule of one of three subscriptions; a fourth of them delete it."""
    filters = {"kinds": ((), ("incident",), ("deployment",), ())[key], "transitions": ("refreshed", "closed")[: key % 3]}
    return subscribe(rule(500 + number, revision, gone=key == 3, **filters), at)


KINDS = st.sampled_from(["create", "signal", "patch", "delete", "push", "push", "subscribe", "subscribe", "tick"])
STEPS = st.one_of(st.integers(-30_000, 30_000), st.integers(0, 12_000), st.just(0))
LOGS = st.lists(st.tuples(KINDS, STEPS, NUMBERS, st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=40)


def log_of(steps: list[tuple[str, int, int, int, int]]) -> list[IngestRecord]:
    at, log = T0, []
    for kind, step, number, version, key in steps:
        at += step
        log.append(record_of(kind, at, number, version, key))
    return log


@settings(max_examples=300, deadline=None, derandomize=True)
@given(LOGS, st.lists(st.integers(1, 40), max_size=10), st.integers(0, 40))
def test_rounds_and_restarts_change_nothing(drawn: list[tuple[str, int, int, int, int]], cuts: list[int], restart: int) -> None:
    log = log_of(drawn)
    whole, pieces = Partition(SETTINGS), Partition(SETTINGS)
    whole.feed(*log)
    edges = sorted({0, restart % len(log), *(c % len(log) for c in cuts), len(log)})
    for start, end in pairwise(edges):
        if start == restart % len(log):
            pieces.logic = pieces.restore()
        pieces.feed(*log[start:end])
        assert snapshot(pieces.restore()) == snapshot(pieces.logic)
    assert pieces.out == whole.out
    assert snapshot(pieces.logic) == snapshot(whole.logic)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(LOGS)
def test_versions_have_no_gap_and_a_problem_ends_once(drawn: list[tuple[str, int, int, int, int]]) -> None:
    partition = Partition(SETTINGS)
    outputs = partition.feed(*log_of(drawn))
    by_id: dict[str, list[str]] = {}
    for problem in outputs.problems:
        transitions = by_id.setdefault(problem.id + problem.correlation_id, [])
        transitions.append(problem.transition)
        if problem.version == 1:
            assert problem.transition in {"opened", "reopened"}
        assert problem.end is None or problem.end >= problem.start
    for transitions in by_id.values():
        lives = [place for place, transition in enumerate(transitions) if transition in {"opened", "reopened"}]
        for start, end in zip(lives, [*lives[1:], len(transitions)], strict=True):
            assert sum(transition in {"closed", "timed_out"} for transition in transitions[start:end]) <= 1
            assert "deleted" not in transitions[start : end - 1]
    newest: dict[str, tuple[int, bool]] = {}
    for problem in outputs.problems:
        before = newest.get(problem.id, (0, False))[0]
        assert problem.version == before + 1 or problem.version == 1
        newest[problem.id] = (problem.version, problem.is_deleted)
