"""The golden fortnight as clients of each API would send it: six deployments, a failed attempt, three incidents of one service.

It lies in the two newest weeks that are over, from Monday to Sunday, since old times are refused by some APIs and forgotten by the store.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpx

from causeline.schemas.values.times import rfc3339

SERVICE: Final = "checkout"
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
MINUTE: Final = 60_000
_MONDAY: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""
FORTNIGHT: Final = 14 * DAY


def newest_fortnight() -> int:
    """Return the Monday (ms UTC) on which the two newest whole weeks began."""
    weeks = (time.time_ns() // 1_000_000 - FORTNIGHT - _MONDAY) // (7 * DAY)
    return _MONDAY + weeks * 7 * DAY


class Commit(NamedTuple):
    """A commit, and when it was: ms from the Monday."""

    id: str
    at: int


class Rollout(NamedTuple):
    """A deployment, or an attempt that failed. `release` is its version, `undone` the deployment that it rolls back."""

    name: str
    at: int
    release: str
    commits: Sequence[Commit] = ()
    is_failed: bool = False
    undone: str = ""


class Incident(NamedTuple):
    """An incident that is over."""

    name: str
    opened: int
    closed: int


def _at(day: int, hour: int, minute: int = 0) -> int:
    """Return a time of a day of January 2024, as ms from its first."""
    return (day - 1) * DAY + hour * HOUR + minute * MINUTE


ROLLOUTS: Final = (
    Rollout("d1", _at(2, 10), "1", [Commit("c1", _at(1, 10))]),
    Rollout("d2", _at(3, 12), "2", [Commit("c2", _at(3, 9))]),
    Rollout("d3", _at(4, 15), "3", [Commit("c3", _at(2, 15)), Commit("c4", _at(4, 13))]),
    Rollout("d4", _at(9, 10), "4", [Commit("c5", _at(8, 10))]),
    Rollout("d5", _at(9, 11, 30), "3", undone="d4"),
    Rollout("a1", _at(10, 9), "5", is_failed=True),
    Rollout("d6", _at(11, 9), "6", [Commit("c6", _at(10, 21))]),
)
INCIDENTS: Final = (
    Incident("i1", _at(9, 10, 20), _at(9, 11, 40)),
    Incident("i2", _at(9, 10, 45), _at(9, 11, 40)),
    Incident("i3", _at(13, 3), _at(13, 5)),
)


class Sender:
    """Sends it to a server, into a tenant of its own. `ids` has Causeline's id of each event where the API tells it."""

    carries_old_incidents = True

    def __init__(self, url: str) -> None:
        self.monday = newest_fortnight()
        self.tenant = uuid.uuid4().hex
        self.http = httpx.Client(base_url=url, headers={"Causeline-Tenant": self.tenant}, timeout=60)

    def send(self) -> None:
        """Send everything in order of time."""
        steps: list[tuple[int, Callable[[], None]]] = [(one.at, lambda one=one: self.deploy(one)) for one in ROLLOUTS]  # type: ignore[misc]
        if self.carries_old_incidents:
            steps += [(one.opened, lambda one=one: self.open(one)) for one in INCIDENTS]  # type: ignore[misc]
            steps += [(one.closed, lambda one=one: self.close(one)) for one in INCIDENTS]  # type: ignore[misc]
        for _, step in sorted(steps, key=lambda step: step[0]):
            step()

    def deploy(self, rollout: Rollout) -> None:
        """Send a deployment."""
        raise NotImplementedError

    def open(self, incident: Incident) -> None:
        """Say that an incident began."""
        raise NotImplementedError

    def close(self, incident: Incident) -> None:
        """Say that it is over."""

    def time(self, at: int) -> str:
        """Return a time of the fortnight."""
        return rfc3339(self.monday + at)

    def commits(self, rollout: Rollout) -> list[dict[str, str]]:
        """Return its commits, as all APIs take them."""
        return [{"id": commit.id, "time": self.time(commit.at)} for commit in rollout.commits]

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a body; return the answer's."""
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


class NativeSender(Sender):
    """Every fact has a place: commits, tags, `related_id`, a start and an end of incidents."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._ids: dict[str, str] = {}

    def deploy(self, rollout: Rollout) -> None:
        body = {
            "kind": "deployment",
            "title": f"Deploy {rollout.release}",
            "ts": self.time(rollout.at),
            "status": "failure" if rollout.is_failed else "success",
            "service": SERVICE,
            "environment": "production",
            "release": rollout.release,
            "commits": self.commits(rollout),
            "tags": {"rollback": "true"} if rollout.undone else {},
        }
        self._ids[rollout.name] = self.post("/v1/events", body | ({"related_id": self._ids[rollout.undone]} if rollout.undone else {}))[
            "id"
        ]

    def open(self, incident: Incident) -> None:
        span = {"ts": self.time(incident.opened), "start": self.time(incident.opened), "end": self.time(incident.closed)}
        body = {"kind": "incident", "title": incident.name, "status": "closed", "service": SERVICE, "environment": "production", **span}
        self.post("/v1/events", body)


class CtoAiSender(Sender):
    """No environment (the tenant's default one) and no release. Problems are a repository's, one at a time: each incident has its own."""

    def _send(self, name: str, action: str, at: int, repo: str, **more: Any) -> None:
        body = {"team_id": "team", "event_name": name, "event_action": action, "repo": repo, "service": SERVICE, "timestamp": self.time(at)}
        self.post("/events", body | more)

    def deploy(self, rollout: Rollout) -> None:
        action = "failed" if rollout.is_failed else "succeeded"
        marks: dict[str, Any] = {"rollback": True} if rollout.undone else {}
        self._send("deployment", action, rollout.at, "shop/checkout", commits=self.commits(rollout), **marks)

    def open(self, incident: Incident) -> None:
        self._send("incident", "initiated", incident.opened, f"shop/{incident.name}")

    def close(self, incident: Incident) -> None:
        self._send("incident", "succeeded", incident.closed, f"shop/{incident.name}")


class TrackerSender(Sender):
    """Marks are the title and `relatedId`; an incident is over when it is sent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._ids: dict[str, str] = {}

    def _send(self, title: str, start: int, end: int, **attributes: Any) -> str:
        own = {"service": SERVICE, "environment": 7, "startDate": self.time(start), "endDate": self.time(end), **attributes}
        answer = self.post("/api/v1alpha1/event", {"title": title, "attributes": own})
        return str(answer["event"]["metadata"]["id"])

    def deploy(self, rollout: Rollout) -> None:
        title = f"Rollback to {rollout.release}" if rollout.undone else f"Deploy {rollout.release}"
        related = {"relatedId": self._ids[rollout.undone]} if rollout.undone else {}
        status = 4 if rollout.is_failed else 3
        self._ids[rollout.name] = self._send(title, rollout.at, rollout.at, type=1, status=status, commits=self.commits(rollout), **related)

    def open(self, incident: Incident) -> None:
        self._send(incident.name, incident.opened, incident.closed, type=4, status=8)


class ApiTrafficSender(Sender):
    """Service, commits and marks lie in `metadata`, the environment in `environmentSids`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.tenant = f"acc_{self.tenant}"
        self.http.headers["Causeline-Tenant"] = self.tenant

    def _send(self, kind: str, name: str, start: int, end: int, **metadata: Any) -> None:
        times = {"startedAt": self.time(start), "endedAt": self.time(end)}
        body = {"type": kind, "name": name, "environmentSids": ["production"], "metadata": {"service": SERVICE, **metadata}, **times}
        self.post(f"/v1/accounts/{self.tenant}/events", body)

    def deploy(self, rollout: Rollout) -> None:
        marks = {"rollback": True} if rollout.undone else {}
        status = "failed" if rollout.is_failed else "success"
        self._send("deployment", f"v{rollout.release}", rollout.at, rollout.at, status=status, commits=self.commits(rollout), **marks)

    def open(self, incident: Incident) -> None:
        self._send("incident", incident.name, incident.opened, incident.closed)


class DeskSender(Sender):
    """Deployments of 30 days, but problems of an hour ago at most, which only a timeout ends: the fortnight's incidents cannot be said.

    One that is open now says that somebody reports problems at all.
    """

    carries_old_incidents = False
    _ATTACHED: Final = {"entityIds": ["SERVICE-1"]}

    def send(self) -> None:
        super().send()
        body = {"eventType": "ERROR_EVENT", "source": "probe", "title": "Error rate", "timeoutMinutes": 60, "attachRules": self._ATTACHED}
        where = {"service": SERVICE, "environment": "production"}
        self.post(f"/e/{self.tenant}/api/v1/events", body | {"description": "5xx above 2 %", "customProperties": where})

    def deploy(self, rollout: Rollout) -> None:
        marks = ({"rollback": True} if rollout.undone else {}) | ({"status": "failed"} if rollout.is_failed else {})
        body = {
            "eventType": "CUSTOM_DEPLOYMENT",
            "source": "ci",
            "deploymentName": SERVICE,
            "deploymentVersion": rollout.release,
            "start": self.monday + rollout.at,
            "end": self.monday + rollout.at,
            "attachRules": self._ATTACHED,
            "customProperties": {"service": SERVICE, "environment": "production", "commits": self.commits(rollout), **marks},
        }
        self.post(f"/e/{self.tenant}/api/v1/events", body)


SENDERS: Final[Mapping[str, type[Sender]]] = {
    "native": NativeSender,
    "cto_ai": CtoAiSender,
    "tracker": TrackerSender,
    "apitraffic": ApiTrafficSender,
    "desk": DeskSender,
}
