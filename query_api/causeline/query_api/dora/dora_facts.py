"""What the metrics know of events and problems: no more than this, so that what is counted can be read off.

A reader makes these of rows; nothing here knows SQL, JSON or a clock. Times are ms UTC. Names of services are as they were sent: aliases
are resolved where facts are taken in. Ids are Causeline's, also in `related_id`: the forms of other APIs are resolved by the reader.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

DEPLOYMENT_KINDS: Final = ("deployment", "release", "change")
"""Kinds that may be deployments. Of each service only the first one counts that it has, so that nothing is counted twice."""

NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})

AUDIT_DIALECT: Final = "escapekit"
"""Its events say who asked for a deployment, not that there was one."""

DEFAULTING_DIALECTS: Final = frozenset({"cto_ai"})
"""APIs whose events may know no environment: they are of the definition's default one. Of other APIs none means that it is unknown."""

EndOfProblem = Literal["closed", "timeout", "abandoned"]
"""What ended a problem: a signal; that nobody reported it any more; that people gave up on it (CTO.ai's incident failed)."""


class ListedCommit(NamedTuple):
    """A commit as a deployment lists it, with its time where the list has one."""

    id: str
    time: int | None = None


class ChangeFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The newest version of one event that may be a deployment, or a part of one.

    `tags` needs only those that are asked for: `deployment_id`, `rollback`, `status`, and the definition's hotfix tags.
    """

    id: str
    kind: str = "deployment"
    ts: int
    dialect: str = "native"
    status: str = ""
    start: int | None = None
    end: int | None = None
    service: str = ""
    environment: str = ""
    release: str = ""
    commit: str = ""
    commits: tuple[ListedCommit, ...] = ()
    branch: str = ""
    title: str = ""
    team: str = ""
    repo: str = ""
    project: str = ""
    tags: dict[str, str] = {}
    related_id: str = ""


class CommitEvent(NamedTuple):
    """An event that says when a commit was: one of kind `commit`, or of kind `change` as it was initiated."""

    commit: str
    ts: int
    kind: Literal["commit", "change"] = "commit"
    status: str = ""


class Confirmation(NamedTuple):
    """That somebody said, at a time, which event was the cause of a problem (`none`: that no change was)."""

    event: str
    at: int


class ProblemFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The newest state of one problem, with the columns of the event that opened it, and what is known of its cause.

    `closed` is None while it is open. `likely_cause` is the first cause of its ranking where the verdict is `likely`, else empty.
    """

    id: str
    opened: int
    closed: int | None = None
    closed_by: EndOfProblem = "closed"
    dialect: str = "native"
    service: str = ""
    environment: str = ""
    team: str = ""
    repo: str = ""
    project: str = ""
    confirmations: tuple[Confirmation, ...] = ()
    rejections: frozenset[str] = frozenset()
    likely_cause: str = ""


class ProblemScope(NamedTuple):
    """Where there ever was a problem, whenever that was: a scope without one has no source of them, and its rates are unknown."""

    service: str = ""
    environment: str = ""
    team: str = ""
    repo: str = ""
    project: str = ""
    dialect: str = "native"
