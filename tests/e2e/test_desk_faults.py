"""The promises of the DESK Events API v1 while processes die: what was acknowledged stays, nothing is stored or prolonged twice."""

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests import patience
from tests.desk_samples import minimal
from tests.stack import Stack
from tests.standstill import standing_still

CHILDREN = ("causeline server", "causeline processors")
RECOVERY_S = 60.0


@pytest.fixture
def path(stack: Stack) -> Iterator[str]:
    """The address of an environment of its own; the stack is whole again afterwards."""
    yield f"{stack.url}/e/{uuid.uuid4().hex}/api/v1/events"
    wait_whole(stack)


def wait_whole(stack: Stack) -> None:
    """Wait until a push is stored and read: readiness may not have noticed yet what was killed a moment ago."""
    until = time.monotonic() + RECOVERY_S
    scratch = f"{stack.url}/e/{uuid.uuid4().hex}/api/v1/events"
    while time.monotonic() < until:
        try:
            pushed = httpx.post(scratch, json=minimal("CUSTOM_INFO"), timeout=30)
            if pushed.status_code == 200 and httpx.get(f"{scratch}/{pushed.json()['storedIds'][0]}", timeout=30).status_code == 200:
                break
        except httpx.TransportError:
            pass  # nobody listens until the successor does
        patience.pause(0.1, "between two tries")
    stack.wait_ready(RECOVERY_S)


def kill(stack: Stack, words: str) -> None:
    """Kill one child, wait until its successor serves."""
    victim = stack.child(words)
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    wait_whole(stack)


def push(path: str, payload: dict[str, Any]) -> dict[str, list[Any]]:
    answer = httpx.post(path, json=payload, timeout=30)
    assert answer.status_code == 200, answer.text
    result: dict[str, list[Any]] = answer.json()
    return result


def entries(path: str, good: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Return the events of an environment as soon as they are good, or as they are after 15 s."""
    answer = patience.asked_by(lambda: httpx.get(path, timeout=30), lambda got: good(got.json().get("events", [])), seconds=RECOVERY_S)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["events"]
    return rows


@pytest.mark.timeout(200)
@pytest.mark.parametrize("words", CHILDREN)
def test_a_refresh_after_a_restart_meets_the_open_problem(stack: Stack, path: str, words: str) -> None:
    first = push(path, minimal("ERROR_EVENT", timeoutMinutes=5))
    kill(stack, words)
    again = push(path, minimal("ERROR_EVENT", timeoutMinutes=30))
    assert first["storedCorrelationIds"] == again["storedCorrelationIds"]
    (entry,) = entries(path, lambda found: len(found) == 1)
    assert (entry["eventStatus"], [entry["correlationId"]]) == ("OPEN", first["storedCorrelationIds"])


@pytest.mark.timeout(200)
@pytest.mark.parametrize("words", [*CHILDREN, "kafka.Kafka"])
def test_an_event_acknowledged_right_before_a_kill_is_there_afterwards(stack: Stack, path: str, words: str) -> None:
    (stored_id,) = push(path, minimal("CUSTOM_INFO"))["storedIds"]
    kill(stack, words)
    assert httpx.get(f"{path}/{stored_id}", timeout=30).json()["id"] == stored_id
    assert [entry["id"] for entry in entries(path, lambda found: len(found) == 1)] == [stored_id]


@pytest.mark.timeout(200)
def test_what_the_processors_read_twice_is_one_event_and_no_refresh(stack: Stack, path: str) -> None:
    """Pushes are acknowledged up to the very kill, so that the last of them are read, perhaps decided, and read again."""
    correlation_ids = [push(path, minimal("ERROR_EVENT", title=f"t{number}"))["storedCorrelationIds"][0] for number in range(40)]
    kill(stack, "causeline processors")
    rows = entries(path, lambda entries: len(entries) == len(correlation_ids))
    assert sorted(entry["correlationId"] for entry in rows) == sorted(correlation_ids)
    headers = {"Causeline-Tenant": path.split("/")[4]}
    problems = httpx.get(f"{stack.url}/v1/problems", params={"limit": 100}, headers=headers, timeout=30).json()["problems"]
    assert len(problems) == len(correlation_ids)
    assert {(problem["version"], problem["refresh_count"]) for problem in problems} == {(1, 0)}


@pytest.mark.timeout(200)
def test_while_the_broker_does_not_answer_a_push_is_503_and_its_keyed_repeat_is_one_event(stack: Stack, path: str) -> None:
    broker = stack.child("kafka.Kafka")
    payload, key = json.dumps(minimal("CUSTOM_INFO")), {"Idempotency-Key": "k", "Content-Type": "application/json"}
    with standing_still(broker.pid):
        began = time.monotonic()
        refused = httpx.post(path, content=payload, headers=key, timeout=30)
        took = time.monotonic() - began
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, 503)
    assert int(refused.headers["Retry-After"]) > 0
    assert took < 7
    stack.wait_ready(RECOVERY_S)
    repeated = httpx.post(path, content=payload, headers=key, timeout=30)
    assert repeated.status_code == 200, repeated.text
    rows = entries(path, lambda entries: len(entries) == 1)
    assert [entry["eventId"] for entry in rows] == repeated.json()["storedEventIds"]
