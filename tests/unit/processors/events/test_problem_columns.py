"""What a problem shows of its events: what a signal does not name stays as it was."""

from typing import Any

import pytest

from causeline.processors.events.problem_columns import _SHOWN, MAX_PAIRS
from causeline.processors.events.set_aside import MAX_OUTPUT_BYTES
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec
from tests.partition_log import MINUTE, T0, Partition, create, event, patch

ALL: dict[str, Any] = {
    **{name: f"a {name}" for name in _SHOWN if name not in {"dialect", "tags", "entities", "links"}},
    "tags": {"squad": "blue"},
    "entities": ["h1"],
    "links": {"run": "https://run"},
}


def said(number: int, status: str, **columns: Any) -> IngestRecord:
    signal_event = event(
        number, **{"dialect": "native", "kind": "incident", "status": status, "title": "", "ts": T0 + number * MINUTE} | columns
    )
    return create(signal_event, T0 + number * MINUTE, signal="open" if status == "open" else "close", correlation_id="c")


def problem_of(*records: IngestRecord) -> Problem:
    return Partition().feed(*records).problems[-1]


def shown(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ALL}


@pytest.mark.parametrize("status", ["open", "closed"])
def test_what_a_signal_does_not_name_stays(status: str) -> None:
    assert shown(problem_of(said(1, "open", **ALL), said(2, status))) == ALL


@pytest.mark.parametrize("status", ["open", "closed"])
@pytest.mark.parametrize("name", [name for name in ALL if name not in {"tags", "entities", "links"}])
def test_what_a_signal_names_replaces_it_alone_and_an_end_is_no_new_title(name: str, status: str) -> None:
    columns = shown(problem_of(said(1, "open", **ALL), said(2, status, **{name: "new"})))
    keeps = name == "title" and status == "closed"
    assert columns == ALL | ({} if keeps else {name: "new"})


def test_tags_and_links_are_named_one_by_one_and_entities_as_a_whole() -> None:
    fields = {"tags": {"squad": "red", "by": "bob"}, "links": {"fix": "https://fix"}, "entities": ["h2"]}
    problem = problem_of(said(1, "open", **ALL), said(2, "closed", **fields))
    assert problem.tags == {"squad": "red", "by": "bob"}
    assert problem.links == {"run": "https://run", "fix": "https://fix"}
    assert problem.entities == ["h2"]


def test_what_came_late_fills_gaps_and_replaces_nothing() -> None:
    problem = problem_of(
        said(5, "open", title="newer", tags={"a": "new"}),
        said(1, "open", title="older", service="pay", tags={"a": "old", "b": "old"}),
    )
    assert (problem.title, problem.service, problem.tags) == ("newer", "pay", {"a": "new", "b": "old"})


def test_a_changed_event_brings_all_of_itself_and_its_problem_follows() -> None:
    incident = event(1, kind="incident", status="open", **ALL)
    partition = Partition()
    partition.feed(create(incident, T0, signal="open", correlation_id=incident.id))
    outputs = partition.feed(patch(incident, T0 + MINUTE, {"service": "", "tags": {}, "title": "new"}, signal="open"))
    assert shown(outputs.problems[0]) == ALL | {"service": "", "tags": {}, "title": "new"}
    outputs = partition.feed(patch(outputs.events[0], T0 + 2 * MINUTE, {"status": "close", "priority": "P3"}, signal="close", record=901))
    assert shown(outputs.problems[0]) == ALL | {"service": "", "tags": {}, "title": "new", "priority": "P3"}


def test_a_restricted_event_adds_nothing_that_tells_of_it_and_takes_nothing_away() -> None:
    secret: dict[str, Any] = {name: "secret" for name in ALL if name not in {"tags", "entities", "links", "priority", "severity"}}
    secret |= {"tags": {"secret": "secret"}, "entities": ["secret"], "links": {"secret": "secret"}, "allowed_groups": ["sre"]}
    outputs = Partition().feed(said(1, "open", **secret), said(2, "open", service="pay"), said(3, "closed", title="over"))
    assert all(b"secret" not in codec.encode_record(problem) for problem in outputs.problems)
    assert (outputs.problems[-1].title, outputs.problems[-1].service) == ("", "pay")
    outputs = Partition().feed(said(1, "open", **ALL), said(2, "closed", **secret, priority="P9"))
    assert shown(outputs.problems[-1]) == ALL | {"priority": "P9"}


def test_what_many_signals_add_up_to_fits_its_topic() -> None:
    partition = Partition()
    partition.feed(said(1, "open"))
    for number, name in enumerate(sorted(name for name in ALL if name not in {"tags", "entities", "links"}), start=2):
        outputs = partition.feed(said(number, "open", **{name: "ä" * (1 << 19)}))
    for number in range(40, 40 + MAX_PAIRS + 50):
        outputs = partition.feed(said(number, "open", tags={f"t{number}": "x" * 4_000}))
    outputs = partition.feed(said(900, "closed"))
    assert len(outputs.problems[-1].tags) <= MAX_PAIRS
    assert len(codec.encode_record(outputs.problems[-1])) < MAX_OUTPUT_BYTES // 2
