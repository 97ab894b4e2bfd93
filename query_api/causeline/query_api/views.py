"""Rows as a reader sees them at a moment: a deadline that has passed closes a problem, whether or not anybody has said so yet.

`sql.py` states the same for ClickHouse (`_open_now`, `_ended`); the contract suite compares them.
"""

from typing import Any

import msgspec

from causeline.query_api.query import ProblemHistory
from causeline.schemas.dialects.native import problem_view
from causeline.schemas.problem import Problem
from causeline.schemas.times import rfc3339


def as_of(problem: Problem, now: int) -> Problem:
    """Return the problem as it is at `now` (ms UTC): open past its deadline reads as closed then. The transition stays as written."""
    if problem.state == "open" and problem.deadline is not None and problem.deadline <= now:
        return msgspec.structs.replace(problem, state="closed", end=problem.deadline)
    return problem


def history_view(history: ProblemHistory) -> dict[str, Any]:
    """Return a problem as `GET /v1/problems/{id}` shows it: with what happened to it, and the problem that reopened it."""
    transitions = [{"transition": t.transition, "at": rfc3339(t.at), "cause": t.cause} for t in history.transitions]
    return {**problem_view(history.problem), "next_id": history.next_id, "transitions": transitions}
