"""Problems as DORA metrics know them: of a row and of the events that opened and closed it. Both stores make them here.

A problem that nobody reported any more is over at its deadline, whether or not anybody said so yet (`views.as_of`).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from causeline.query_api.causes.outcomes import fold_status
from causeline.query_api.dora.dora_facts import EndOfProblem, ProblemFact
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.records.event import PROBLEM_KIND

_GIVING_UP: Final = (CTO_AI.name, PROBLEM_KIND, "failed")
"""Nobody works on an incident of CTO.ai's any more. Only its incidents and recoveries end so: a change that failed does not."""


class ProblemRow(NamedTuple):
    """The newest version of a problem, as much of it as is looked at. `cause` is the record behind it, of a close the event's id."""

    id: str
    event_id: str
    cause: str
    start: int
    end: int | None
    deadline: int | None
    state: str
    transition: str


class EventScope(NamedTuple):
    """An event that opened or closed a problem, whether the caller may see it, and its columns."""

    id: str
    is_visible: bool
    dialect: str
    kind: str
    status: str
    service: str
    environment: str
    team: str
    repo: str
    project: str


def problem_fact(problem: ProblemRow, scopes: Mapping[str, EventScope], now: int) -> ProblemFact | None:
    """Return a problem as it is at `now` (ms UTC); None for who may not see the event that opened it, or where that is gone."""
    opening = scopes.get(problem.event_id)
    if opening is None or not opening.is_visible:
        return None
    is_expired = problem.state == "open" and problem.deadline is not None and problem.deadline <= now
    return ProblemFact(
        id=problem.id,
        opened=problem.start,
        closed=problem.deadline if is_expired else problem.end if problem.state == "closed" else None,
        closed_by="timeout" if is_expired else _end_of(problem, opening, scopes),
        dialect=opening.dialect,
        service=opening.service,
        environment=opening.environment,
        team=opening.team,
        repo=opening.repo,
        project=opening.project,
    )


def may_be_abandoned(problem: ProblemRow, opening: EventScope) -> bool:
    """Tell whether the event that closed a problem may say that people gave up on it."""
    return problem.state == "closed" and opening.dialect == CTO_AI.name and opening.kind != "change"


def _end_of(problem: ProblemRow, opening: EventScope, scopes: Mapping[str, EventScope]) -> EndOfProblem:
    if problem.state != "closed":
        return "closed"
    if problem.transition == "timed_out":
        return "timeout"
    closing = scopes.get(problem.cause) if may_be_abandoned(problem, opening) else None
    has_given_up = closing is not None and (closing.dialect, closing.kind, fold_status(closing.status)) == _GIVING_UP
    return "abandoned" if has_given_up else "closed"
