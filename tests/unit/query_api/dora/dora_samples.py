"""Deployments and problems of checkout, for tables of single rules, and the golden fortnight."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from causeline.query_api.dora.columns.history_columns import HistoryColumns, take_columns
from causeline.query_api.dora.deployments import Deployment, Deployments, deployments
from causeline.query_api.dora.dora_facts import ChangeFact, Confirmation, ListedCommit, ProblemFact
from causeline.query_api.dora.history import DoraHistory, take_history
from causeline.query_api.dora.judging_deployments import DeploymentJudgement
from causeline.query_api.dora.windows import ZonedWindow
from causeline.schemas.dora.definition import Attribution, Definition

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

T0: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z, a Monday."""

DEFAULTS: Final = Definition()
NAIVE: Final = Definition(attribution=Attribution(rule="latest", window=None))


def at(text: str) -> int:
    """Return the time (ms UTC) of `MM-DD HH:MM` in 2024."""
    return int(datetime.strptime(f"2024-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()) * 1000


def change(name: str, end: int, **fields: Any) -> ChangeFact:
    """Return an event of checkout in production that ended in success, unless it says otherwise."""
    return ChangeFact(**{"id": name, "ts": end, "service": "checkout", "environment": "production", "status": "success", **fields})


def problem(name: str, opened: int, closed: int | None = None, **fields: Any) -> ProblemFact:
    return ProblemFact(**{"id": name, "opened": opened, "closed": closed, "service": "checkout", "environment": "production", **fields})


def caused_by(*events: str) -> tuple[Confirmation, ...]:
    """Return confirmations, the last one the newest."""
    return tuple(Confirmation(event, number) for number, event in enumerate(events))


def listed(**times: int | None) -> tuple[ListedCommit, ...]:
    return tuple(ListedCommit(name, time) for name, time in times.items())


def deploy(*changes: ChangeFact, definition: Definition = DEFAULTS) -> Deployments:
    return deployments(changes, (), definition)


def ids(found: Iterable[Deployment]) -> list[str]:
    return [one.id for one in found]


def judged(
    changes: Iterable[ChangeFact], problems: Iterable[ProblemFact] = (), definition: Definition = DEFAULTS
) -> dict[str, DeploymentJudgement]:
    """Return what became of each deployment, by id."""
    return {one.deployment.id: one for one in take_history(changes, (), problems, definition).judgements}


GOLDEN_WINDOW: Final = ZonedWindow(at("01-01 00:00"), at("01-15 00:00"))

GOLDEN_CHANGES: Final = (
    change("d1", at("01-02 10:00"), release="1", commits=listed(c1=at("01-01 10:00"))),
    change("d2", at("01-03 12:00"), release="2", commits=listed(c2=at("01-03 09:00"))),
    change("d3", at("01-04 15:00"), release="3", commits=listed(c3=at("01-02 15:00"), c4=at("01-04 13:00"))),
    change("d4", at("01-09 10:00"), release="4", commits=listed(c5=at("01-08 10:00"))),
    change("d5", at("01-09 11:30"), related_id="d4", tags={"rollback": "true"}),
    change("a1", at("01-10 09:00"), release="5", status="failure"),
    change("d6", at("01-11 09:00"), release="6", commits=listed(c6=at("01-10 21:00"))),
)
GOLDEN_PROBLEMS: Final = (
    problem("i1", at("01-09 10:20"), at("01-09 11:40"), likely_cause="d4"),
    problem("i2", at("01-09 10:45"), at("01-09 11:40"), confirmations=caused_by("d4")),
    problem("i3", at("01-13 03:00"), at("01-13 05:00")),
)


def golden(definition: Definition = DEFAULTS) -> DoraHistory:
    return take_history(GOLDEN_CHANGES, (), GOLDEN_PROBLEMS, definition)


def golden_columns(definition: Definition = DEFAULTS) -> HistoryColumns:
    return take_columns(GOLDEN_CHANGES, (), GOLDEN_PROBLEMS, definition)
