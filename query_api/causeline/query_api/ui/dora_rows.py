"""What the page of DORA shows in tables: the deployments behind a number, and the metrics of services, teams or repositories. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.metric_words import FIVE_METRICS, show_count, show_metric
from causeline.query_api.ui.wording import count_nouns, show_duration
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

NUMERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "change_fail_rate": "failed",
        "failed_deployment_recovery_time": "failed",
        "deployment_rework_rate": "rework",
    }
)
"""Of a metric that is a part of all deployments: what a row of `/v1/dora/deployments` has that belongs to the part."""
_REWORK: Final = MappingProxyType({"rollback": "a rollback", "hotfix": "a hotfix", "closed_problem": "closed an open problem"})
_FAILURES: Final = MappingProxyType({"problem": "a problem", "rollback": "rolled back", "status": "an event said so"})


class FailureLink(NamedTuple):
    """Why a deployment counts as failed, and where that can be read."""

    text: str
    address: str


class DeploymentRow(NamedTuple):
    """A deployment of `/v1/dora/deployments` as it is shown: `verdict` is what became of it in words, `state` whether that was well."""

    id: str
    name: str
    service: str
    environment: str
    end: str
    verdict: str
    state: str
    reasons: Sequence[FailureLink]
    recovery: str
    rework: str
    lead_time: str


class ScopeRow(NamedTuple):
    """The metrics of one value of the column that is grouped by; `name` '' is what has none."""

    name: str
    address: str
    cells: Sequence[tuple[str, str]]


def deployment_rows(rows: Iterable[Mapping[str, Any]], part: str = "") -> list[DeploymentRow]:
    """Return deployments, only those that have `part` (a member of `NUMERATORS`) where one is named."""
    return [_deployment_row(row) for row in rows if not part or row[part]]


def _deployment_row(row: Mapping[str, Any]) -> DeploymentRow:
    times = [commit["lead_time"] for commit in row["commits"] if commit["lead_time"] is not None]
    commits = count_nouns(len(row["commits"]), "commit")
    if row["excluded"]:
        verdict, state = "not counted: it failed before anything of it succeeded", ""
    elif row["failed"]:
        verdict, state = "failed", "open"
    else:
        verdict, state = "no failure known", "closed"
    return DeploymentRow(
        id=row["id"],
        name=" ".join(text for text in (row["service"], row["release"]) if text) or row["id"],
        service=row["service"],
        environment=row["environment"],
        end=row["end"],
        verdict=verdict,
        state=state,
        reasons=[_reason(failure) for failure in row["failures"]],
        recovery="" if not row["failed"] else show_duration(row["recovery_time"]) if row["recovery_time"] is not None else "not yet known",
        rework=", ".join(_REWORK.get(word, word) for word in row["rework"]),
        lead_time=f"{show_duration(median(times))}, median of {commits}" if times else commits if row["commits"] else "",
    )


def _reason(failure: Mapping[str, str]) -> FailureLink:
    page = PROBLEM_PAGE if failure["type"] == "problem" else EVENT_PAGE
    return FailureLink(_FAILURES.get(failure["type"], failure["type"]), page_address(page, failure["id"]))


def scope_rows(groups: Sequence[Mapping[str, Any]], column: str, address_of: Callable[[str], str]) -> list[ScopeRow]:
    """Return the metrics of each value of a column, those with most deployments first; what has none has no address."""
    order = sorted(groups, key=lambda one: (-one["metrics"]["deployment_frequency"]["n"], one[column]))
    return [
        ScopeRow(
            group[column],
            address_of(group[column]) if group[column] else "",
            [(show_metric(group["metrics"][name]), show_count(name, group["metrics"][name])) for name in FIVE_METRICS],
        )
        for group in order
    ]
