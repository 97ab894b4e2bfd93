"""What a filled store is asked over HTTP: every native read and the lists of the five APIs, each with many different parameters.

A name is what the table and the picture call a query; its requests differ in service, time, id, entity and words, so that no cache answers
for another. Windows are around events that are there. `YEAR` names those that nobody should have to ask but may.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from causeline.schemas.dialects.apitraffic import sids as apitraffic_sids
from causeline.schemas.dialects.desk.vocabulary import stored_id
from causeline.schemas.dialects.tracker.times import DAY_MS
from causeline.schemas.values.times import rfc3339
from tests.bench.volume_fill import ENTITIES, SERVICES, TENANT

HOUR_MS: Final = 3_600_000
_BUILDS: Final = 100_000


class Request(NamedTuple):
    """A GET of the largest tenant: a path and its parameters."""

    path: str
    parameters: list[tuple[str, str]]


class Samples(NamedTuple):
    """Rows that are there, as the engine gives them: `events` by API (`keyed`: with an id that tells no time), and ids of problems.

    `first` and `last` are the times (ms UTC) between which events lie, `last` not after now.
    """

    events: Mapping[str, list[dict[str, Any]]]
    problems: list[str]
    first: int
    last: int


def requests(samples: Samples, n: int) -> dict[str, list[Request]]:
    """Return `n` requests of each query."""
    rng = random.Random(n)
    return {name: [make(rng, samples) for _ in range(n)] for name, make in QUERIES.items()}


def _get(path: str, **parameters: Any) -> Request:
    """Return a request; `from_` is the parameter `from`."""
    return Request(path, [(name.rstrip("_"), str(value)) for name, value in parameters.items()])


def _at(rng: random.Random, samples: Samples, width: int) -> dict[str, str]:
    """Return a window of a width somewhere in the stored time."""
    start = rng.randrange(samples.first, max(samples.last - width, samples.first + 1))
    return {"from": rfc3339(start), "to": rfc3339(start + width)}


def _year(samples: Samples) -> dict[str, str]:
    return {"from": rfc3339(samples.last - 365 * DAY_MS), "to": rfc3339(samples.last)}


def _event(rng: random.Random, samples: Samples, api: str) -> dict[str, Any]:
    return rng.choice(samples.events[api])


def _service(rng: random.Random) -> str:
    return f"service-{rng.randrange(SERVICES)}"


def _entity(rng: random.Random) -> str:
    return f"SERVICE-{rng.randrange(ENTITIES):016X}"


def _native(path: str, width: int = 0, **filters: Callable[[random.Random], Any]) -> Callable[[random.Random, Samples], Request]:
    """Return a maker of requests of a native list in a window of a width (0: none, -1: the last year)."""

    def make(rng: random.Random, samples: Samples) -> Request:
        window = {} if width == 0 else _year(samples) if width < 0 else _at(rng, samples, width)
        return _get(path, **window, **{name: value(rng) for name, value in filters.items()})

    return make


def _desk(width: int, **filters: Callable[[random.Random], Any]) -> Callable[[random.Random, Samples], Request]:
    def make(rng: random.Random, samples: Samples) -> Request:
        start = rng.randrange(samples.first, max(samples.last - width, samples.first + 1))
        return _get("/api/v1/events", from_=start, to=start + width, **{name: value(rng) for name, value in filters.items()})

    return make


def _tracker(path: str, width: int = 0, **filters: Callable[[random.Random], Any]) -> Callable[[random.Random, Samples], Request]:
    def make(rng: random.Random, samples: Samples) -> Request:
        window = {} if width == 0 else _year(samples) if width < 0 else _at(rng, samples, width)
        dated = {f"{'start' if name == 'from' else 'end'}_date": value for name, value in window.items()}
        return _get(f"/api/v1alpha1/events/{path}", **dated, **{name: value(rng) for name, value in filters.items()})

    return make


def _slack(rng: random.Random, samples: Samples) -> Request:
    return _get(f"/api/v1alpha1/event/{_event(rng, samples, 'slack')['tags']['slackId']}")


def _stored(rng: random.Random, samples: Samples) -> Request:
    event = _event(rng, samples, "desk")
    return _get(f"/api/v1/events/{stored_id(event['id'], event['ms'])}")


def _cto_ai(*tests: tuple[str, Callable[[random.Random], Any]], window: bool = False) -> Callable[[random.Random, Samples], Request]:
    def make(rng: random.Random, samples: Samples) -> Request:
        since = [("timestamp[$gte]", rfc3339(rng.randrange(samples.first, samples.last)))] if window else []
        parameters = [(name, str(value(rng))) for name, value in tests]
        return Request("/api/v1/events", [("team_id", f"team-{rng.randrange(40)}"), *since, *parameters])

    return make


def _escapekit(path: Callable[[random.Random], str]) -> Callable[[random.Random, Samples], Request]:
    return lambda rng, _: _get(f"/api/v1/events/query{path(rng)}")


def _marker(width: int, **filters: Callable[[random.Random], Any]) -> Callable[[random.Random, Samples], Request]:
    def make(rng: random.Random, samples: Samples) -> Request:
        window = _at(rng, samples, width) if width else {}
        dated = {f"{'start' if name == 'from' else 'end'}Time": value for name, value in window.items()}
        return _get(f"/v1/accounts/{TENANT}/events", **dated, **{name: value(rng) for name, value in filters.items()})

    return make


def _always(value: Any) -> Callable[[random.Random], Any]:
    return lambda _: value


def _words(rng: random.Random) -> str:
    return f"pipeline {rng.randrange(_BUILDS)}"


_EVENTS: Final = "/v1/events"
_DAY: Final = DAY_MS
_WEEK: Final = 7 * DAY_MS
_MONTH: Final = 30 * DAY_MS
_QUARTER: Final = 90 * DAY_MS

QUERIES: Final[Mapping[str, Callable[[random.Random, Samples], Request]]] = {
    "event by id": lambda rng, s: _get(f"{_EVENTS}/{_event(rng, s, 'native')['id']}"),
    "event by id, keyed": lambda rng, s: _get(f"{_EVENTS}/{_event(rng, s, 'keyed')['id']}"),
    "events, service, 24 h": _native(_EVENTS, _DAY, service=_service),
    "events, service": _native(_EVENTS, service=_service),
    "events": _native(_EVENTS, limit=lambda rng: rng.randrange(50, 150)),
    "events, 24 h, 1,000 rows": _native(_EVENTS, _DAY, limit=_always(1_000)),
    "events, kind and status, 7 d": _native(_EVENTS, _WEEK, kind=_always("deployment"), status=_always("failure")),
    "events, environment and priority, 7 d": _native(_EVENTS, _WEEK, environment=_always("staging"), priority=_always("P1")),
    "events, API and kind": _native(_EVENTS, dialect=_always("tracker"), kind=_always("incident")),
    "events, tag, 7 d": _native(_EVENTS, _WEEK, tag=lambda rng: f"cluster:k8s-{rng.randrange(25)}"),
    "events, tag": _native(_EVENTS, tag=lambda rng: f"cluster:k8s-{rng.randrange(25)}"),
    "events, entity, 30 d": _native(_EVENTS, _MONTH, entity=_entity),
    "events, entity": _native(_EVENTS, entity=_entity),
    "events, words, 24 h": _native(_EVENTS, _DAY, q=_always("migration"), service=_service),
    "events, rare words": _native(_EVENTS, q=_words),
    "events, rare words, a year": _native(_EVENTS, -1, q=_words),
    "events, words and service, a year": _native(_EVENTS, -1, q=_always("hotfix"), service=_service),
    "events, a year, oldest first": _native(_EVENTS, -1, order=_always("asc"), limit=lambda rng: rng.randrange(900, 1_000)),
    "annotations, service, 24 h": _native("/v1/annotations", _DAY, service=_service),
    "changes, service": lambda rng, s: _get("/v1/changes", at=_event(rng, s, "native")["ms"], service=_service(rng)),
    "changes, entity, 7 d back": lambda rng, s: _get("/v1/changes", at=_event(rng, s, "desk")["ms"], before="7d", entity=_entity(rng)),
    "problems": _native("/v1/problems", limit=lambda rng: rng.randrange(50, 150)),
    "problems, open": _native("/v1/problems", state=_always("open")),
    "problems, service, 24 h": _native("/v1/problems", _DAY, service=_service),
    "problem by id": lambda rng, s: _get(f"/v1/problems/{rng.choice(s.problems)}"),
    "problem's changes": lambda rng, s: _get(f"/v1/problems/{rng.choice(s.problems)}/changes"),
    "problem's causes": lambda rng, s: _get(f"/v1/problems/{rng.choice(s.problems)}/causes"),
    "histogram, 24 h": _native("/v1/histogram", _DAY, step=_always("5m")),
    "histogram, service, 7 d": _native("/v1/histogram", _WEEK, step=_always("1h"), service=_service),
    "histogram, a year": _native("/v1/histogram", -1, step=_always("1d"), by=lambda rng: rng.choice(["kind", "status"])),
    "insights, a quarter": _native("/v1/insights", _QUARTER, step=_always("week")),
    "insights, team, 30 d": _native("/v1/insights", _MONTH, team=lambda rng: f"team-{rng.randrange(40)}"),
    "Tracker: by id": lambda rng, s: _get(f"/api/v1alpha1/event/{_event(rng, s, 'tracker')['id']}"),
    "Tracker: by Slack id": _slack,
    "Tracker: list": _tracker("list", page=lambda rng: rng.randrange(1, 20)),
    "Tracker: today": _tracker("today", per_page=lambda rng: rng.randrange(10, 100)),
    "Tracker: search, service, 7 d": _tracker("search", _WEEK, service=_service),
    "Tracker: search, service": _tracker("search", service=_service, per_page=_always(100)),
    "Tracker: search, related": lambda rng, s: _get(
        "/api/v1alpha1/events/search", related_id=_event(rng, s, "related")["related_id"], per_page=100
    ),
    "Tracker: search, unpaged, a year": _tracker("search", -1, status=_always("failure"), service=_service),
    "Tracker: stats, 24 h": _tracker("stats", _DAY),
    "Tracker: stats by month": _tracker("stats/monthly", service=_service),
    "DESK: by id": _stored,
    "DESK: list, 2 h": _desk(2 * HOUR_MS),
    "DESK: list, type, 24 h": _desk(_DAY, eventType=_always("CUSTOM_DEPLOYMENT")),
    "DESK: list, entity, 7 d": _desk(_WEEK, entityId=_entity),
    "DESK: problems, 24 h": _desk(_DAY, eventType=_always("ERROR_EVENT")),
    "CTO.ai: team": _cto_ai(),
    "CTO.ai: team, since": _cto_ai(window=True),
    "CTO.ai: team, repository, action": _cto_ai(("repo", _service), ("event_action", _always("failure"))),
    "CTO.ai: team, sorted by a field": _cto_ai(("$sort[repo]", _always(1)), window=True),
    "EscapeKit: all": lambda rng, _: _get("/api/v1/events/query", limit=rng.randrange(50, 150)),
    "EscapeKit: project": _escapekit(lambda rng: f"/project/project-{rng.randrange(50)}"),
    "EscapeKit: project, environment": _escapekit(lambda rng: f"/project/project-{rng.randrange(50)}/production"),
    "EscapeKit: named deployment": _escapekit(lambda rng: f"/project/project-{(n := rng.randrange(50))}/production/service-{n + 50}"),
    "EscapeKit: inventory": _escapekit(lambda rng: f"/inventory/project-{rng.randrange(50)}"),
    "ApiTraffic: by sid": lambda rng, s: _get(f"/v1/accounts/{TENANT}/events/{apitraffic_sids.sid_of(_event(rng, s, 'apitraffic')['id'])}"),
    "ApiTraffic: list": _marker(0, limit=lambda rng: rng.randrange(25, 100)),
    "ApiTraffic: list, bucket, 7 d": _marker(_WEEK, bucketSid=lambda rng: f"bkt_{rng.randrange(SERVICES)}"),
    "ApiTraffic: list, environment": _marker(0, environmentSid=lambda rng: f"env_{rng.randrange(30)}"),
}

YEAR: Final = tuple(name for name in QUERIES if "year" in name or "month" in name)
"""The widest questions: a mix of clients asks them too."""
