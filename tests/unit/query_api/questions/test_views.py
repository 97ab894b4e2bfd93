"""How rows are shown."""

import msgspec
import pytest

from causeline.query_api.questions.query import ProblemHistory
from causeline.query_api.questions.views import as_of, history_view
from causeline.schemas.dialects.native.views import problem_view
from causeline.schemas.records.problem import Problem

T0 = 1_760_000_000_000
OPEN = Problem(
    tenant="acme",
    id="0199c833-c670-77cd-86ec-474d1dd9ea2d",
    version=2,
    dialect="desk",
    kind="incident",
    correlation_id="c",
    event_id="0199c833-c670-77cd-86ec-474d1dd9ea2d",
    state="open",
    transition="refreshed",
    at=T0 + 5,
    cause="cause",
    start=T0,
    last_receipt=T0 + 5,
    deadline=T0 + 100,
    ingest_ts=T0,
    tags={"k": "v"},
)


@pytest.mark.parametrize(("now", "state", "end"), [(T0 + 99, "open", None), (T0 + 100, "closed", T0 + 100), (T0 + 999, "closed", T0 + 100)])
def test_a_deadline_closes_a_problem_when_it_passes(now: int, state: str, end: int | None) -> None:
    problem = as_of(OPEN, now)
    assert (problem.state, problem.end, problem.transition) == (state, end, "refreshed")


def test_a_problem_without_deadline_or_already_closed_stays_as_it_is() -> None:
    endless = msgspec.structs.replace(OPEN, deadline=None)
    closed = msgspec.structs.replace(OPEN, state="closed", end=T0 + 7)
    assert as_of(endless, T0 + 10**9) == endless
    assert as_of(closed, T0 + 10**9) == closed


def test_a_problem_is_shown_by_its_columns_with_times_as_text() -> None:
    view = problem_view(OPEN)
    assert set(view) == {*Problem.__struct_fields__} - {"is_deleted"}
    assert view["start"] == "2025-10-09T08:53:20.000Z"
    assert view["at"] == "2025-10-09T08:53:20.005Z"
    assert view["deadline"] == "2025-10-09T08:53:20.100Z"
    assert (view["end"], view["tags"], view["version"]) == (None, {"k": "v"}, 2)


def test_one_problem_is_shown_with_its_transitions() -> None:
    first = msgspec.structs.replace(OPEN, version=1, transition="opened", at=T0, cause="")
    view = history_view(ProblemHistory(OPEN, [first, OPEN], "next"))
    assert view["transitions"] == [
        {"transition": "opened", "at": "2025-10-09T08:53:20.000Z", "cause": ""},
        {"transition": "refreshed", "at": "2025-10-09T08:53:20.005Z", "cause": "cause"},
    ]
    assert (view["next_id"], view["previous_id"]) == ("next", "")
