"""What `causeline demo` asks of a running server: what any client may ask."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeVar

from causeline.deploy.adapters.api_client import ApiError, CommandClient, RequestRefused, segment
from causeline.deploy.commands.demo.fleet import REPO_PREFIX
from causeline.deploy.commands.demo.marks import DEMO_MEMBER, DEMO_TAG, EVENT_VALUE, INCIDENT, PROBLEM_VALUE, Body
from causeline.deploy.variables import DEMO_TOKEN

_EVENTS: Final = "/v1/events"
_SERVICES: Final = "/v1/services"
_TAGS: Final = tuple(("tag", f"{DEMO_TAG}:{value}") for value in (PROBLEM_VALUE, EVENT_VALUE))
_AT_ONCE: Final = 8
"""Opinions under way: each is answered with a ranking."""
_DELETED_AT_ONCE: Final = 100
"""Events of one request that takes them back: what the API allows."""

_Item = TypeVar("_Item")


class StoredEvent(NamedTuple):
    """What the server has of an event of the demo: its id, its kind, and what it says of itself (`marks.py`)."""

    id: str
    kind: str
    about: Body

    @property
    def is_problem(self) -> bool:
        """Tell whether it is an incident."""
        return self.kind == INCIDENT


class DemoClient(CommandClient):
    """One server. Every method raises ApiError."""

    variable = DEMO_TOKEN
    scopes = "it takes `ingest` and `read`"

    def foreign_services(self, names: Iterable[str]) -> list[str]:
        """Return which of these services are there and not the demo's."""
        wanted_names = set(names)
        return [name for name, repo in self._services() if name in wanted_names and not repo.startswith(REPO_PREFIX)]

    def own_services(self) -> list[str]:
        """Return the services of the demo that are there."""
        return [name for name, repo in self._services() if repo.startswith(REPO_PREFIX)]

    def put_services(self, services: Sequence[Body]) -> None:
        """Replace services."""
        _refuse_rejections(services, "name", self._api.call("POST", _SERVICES, json=services)["results"])

    def delete_services(self, names: Iterable[str]) -> None:
        """Forget services."""
        for name in names:
            self._api.call("DELETE", f"{_SERVICES}/{segment(name)}")

    def send(self, bodies: Sequence[Body]) -> list[str]:
        """Send events; return their ids. What was sent before is answered with the id that it has."""
        results = self._api.call("POST", _EVENTS, json=bodies)["results"]
        _refuse_rejections(bodies, "title", results)
        return [result["id"] for result in results]

    def stored_events(self, limit: int | None = None) -> Iterator[StoredEvent]:
        """Yield the events of the demo, newest first."""
        for event in self._api.list_items(_EVENTS, "events", _TAGS, limit):
            yield StoredEvent(event["id"], event["kind"], event["raw"].get(DEMO_MEMBER, {}))

    def count_problems(self) -> int:
        """Return how many problems of the demo there are."""
        return sum(1 for _ in self._api.list_items("/v1/problems", "problems", [("tag", f"{DEMO_TAG}:{PROBLEM_VALUE}")]))

    def assess(self, opinions: Sequence[tuple[str, str, Body]]) -> Iterator[int]:
        """Say what is known of causes of problems, by the ids of both (`none` is no change), several at once; yield how many are said."""
        return _at_once(opinions, lambda opinion: self._api.call("PUT", _feedback(opinion[0], opinion[1]), json=opinion[2]))

    def withdraw(self, problem: str, cause: str) -> None:
        """Take back what was said; a problem that is gone takes it along."""
        _let_go(lambda: self._api.call("DELETE", _feedback(problem, cause)))

    def delete_events(self, ids: Sequence[str]) -> Iterator[int]:
        """Delete events; yield how many are gone. What is gone already counts."""
        for begin in range(0, len(ids), _DELETED_AT_ONCE):
            portion = ids[begin : begin + _DELETED_AT_ONCE]
            self._api.call("DELETE", _EVENTS, params=[("id", event_id) for event_id in portion])
            yield begin + len(portion)

    def _services(self) -> Iterator[tuple[str, str]]:
        for service in self._api.list_items(_SERVICES, "services", ()):
            yield service["name"], service["repo"] or ""


def _at_once(items: Sequence[_Item], ask: Callable[[_Item], object]) -> Iterator[int]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for number, _ in enumerate(threads.map(ask, items), start=1):
            yield number


def _feedback(problem: str, cause: str) -> str:
    return f"/v1/problems/{segment(problem)}/causes/{segment(cause)}/feedback"


def _let_go(ask: Callable[[], object]) -> None:
    try:
        ask()
    except RequestRefused:
        return


def _refuse_rejections(bodies: Sequence[Body], name: str, results: Sequence[dict[str, Any]]) -> None:
    """Raise ApiError for the first of several that the server does not take."""
    for body, result in zip(bodies, results, strict=True):
        if result["status"] == "rejected":
            reasons = "; ".join(f"{error['field']}: {error['message']}" for error in result["errors"])
            raise ApiError(f"the server refuses {body[name]!r}: {reasons}")
