"""Rows as a reader sees them at a moment: a deadline that has passed closes a problem, whether or not anybody has said so yet.

`sql/problems.py` states the same for ClickHouse (`_open_now`, `select_problems`); the contract suite compares them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from causeline.query_api.questions.query import ProblemHistory
from causeline.schemas.dialects.native.views import problem_view
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import rfc3339


def as_of(problem: Problem, now: int) -> Problem:
    """Return the problem as it is at `now` (ms UTC): open past its deadline reads as closed then. The transition stays as written."""
    if problem.state == "open" and problem.deadline is not None and problem.deadline <= now:
        return msgspec.structs.replace(problem, state="closed", end=problem.deadline)
    return problem


def delivery_view(newest: Delivery) -> dict[str, Any]:
    """Return a delivery as `GET /v1/deliveries` shows it: its newest attempt, times in RFC 3339 UTC, never what it carried."""
    return {
        "id": newest.id,
        "subscription_id": newest.subscription_id,
        "what": newest.what,
        "entity": newest.entity,
        "version": newest.version,
        "received": rfc3339(newest.received),
        **_attempt_view(newest),
    }


def deliveries_view(attempts: Sequence[Delivery]) -> dict[str, Any]:
    """Return a delivery as `GET /v1/deliveries/{id}` shows it: with all its attempts, oldest first."""
    return {**delivery_view(attempts[-1]), "attempts": [_attempt_view(attempt) for attempt in attempts]}


def _attempt_view(attempt: Delivery) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "status_code": attempt.status_code or None,
        "detail": attempt.detail,
        "took_ms": attempt.took_ms,
        "at": rfc3339(attempt.at),
        "next_attempt": None if attempt.next_attempt is None else rfc3339(attempt.next_attempt),
    }


def history_view(history: ProblemHistory) -> dict[str, Any]:
    """Return a problem as `GET /v1/problems/{id}` shows it: with what happened to it, and the problem that reopened it."""
    transitions = [{"transition": t.transition, "at": rfc3339(t.at), "cause": t.cause} for t in history.transitions]
    return {**problem_view(history.problem), "next_id": history.next_id, "transitions": transitions}
