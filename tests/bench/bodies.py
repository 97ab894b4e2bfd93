"""One typical event of each API, as a CI job or a monitor sends it, varied by a random number."""

import json
import random
from collections.abc import Callable
from typing import NamedTuple


def native(rng: random.Random) -> bytes:
    """Return one deployment of about 300 bytes."""
    n = rng.randrange(1_000_000)
    body = {"kind": "deployment", "title": f"Deploy service-{n % 500} v2.{n % 90}.{n % 7} to production", "status": "success"}
    body |= {"service": f"service-{n % 500}", "environment": "production", "source": "github_actions", "owner": f"team-{n % 40}"}
    return json.dumps(body | {"commit": f"{n:040x}", "tags": {"region": f"eu-{n % 3}"}}).encode()


def _tracker(rng: random.Random) -> bytes:
    n = rng.randrange(1_000_000)
    attributes = {"message": "Deployed via GitHub Actions", "type": 1, "priority": 2, "service": f"service-{n % 500}", "status": 3}
    attributes |= {"environment": 7, "owner": "platform-team", "source": "github_actions"}
    links = {"pullRequestLink": "https://github.com/org/repo/pull/123", "ticket": "PROJ-456"}
    return json.dumps({"title": f"Deploy service-{n % 500} v2.1.{n % 90}", "attributes": attributes, "links": links}).encode()


def _desk(rng: random.Random) -> bytes:
    n = rng.randrange(1_000_000)
    tags = [{"context": "CONTEXTLESS", "key": "service", "value": f"service-{n % 500}"}]
    body = {"eventType": "CUSTOM_DEPLOYMENT", "source": "Jenkins", "deploymentName": f"service-{n % 500}", "deploymentVersion": f"2.1.{n}"}
    return json.dumps(body | {"attachRules": {"tagRule": [{"meTypes": ["SERVICE"], "tags": tags}]}}).encode()


def _cto_ai(rng: random.Random) -> bytes:
    n = rng.randrange(1_000_000)
    body = {"event_name": "build", "event_action": "succeeded", "commit": f"{n:040x}", "repo": f"service-{n % 500}"}
    return json.dumps(body | {"branch": "main", "team_id": "02f71e12-fa48-45aa-a1f2-956b425e5bee"}).encode()


def _escapekit(rng: random.Random) -> bytes:
    n = rng.randrange(1_000_000)
    body = {"type": "UPDATE_STATE_DEPLOYMENT", "state_project": f"project-{n % 50}", "state_environment": "production"}
    return json.dumps(body | {"state_deployment": f"service-{n % 500}", "username": f"user-{n}", "allowed_groups": ["sre"]}).encode()


def _apitraffic(rng: random.Random) -> bytes:
    n = rng.randrange(1_000_000)
    metadata = {"commitSha": f"{n:040x}", "branch": "main", "imageTag": f"v2.3.{n}"}
    body = {"type": "deployment", "name": f"v2.3.{n} production release", "description": "Deployed from main branch"}
    return json.dumps(body | {"source": "github_actions", "metadata": metadata}).encode()


def alert(rng: random.Random) -> bytes:
    """Return the same deployment as an alert (Alertmanager, `POST /api/v2/alerts`, one item)."""
    n = rng.randrange(1_000_000)
    labels = {"alertname": "deployment", "status": "success", "service": f"service-{n % 500}", "environment": "production"}
    labels |= {"source": "github_actions", "owner": f"team-{n % 40}", "commit": f"{n:040x}", "region": f"eu-{n % 3}"}
    annotations = {"title": f"Deploy service-{n % 500} v2.{n % 90}.{n % 7} to production"}
    return json.dumps({"labels": labels, "annotations": annotations}).encode()


class Api(NamedTuple):
    """Where an API takes single events, and what one looks like."""

    name: str
    path: str
    body: Callable[[random.Random], bytes]


APIS = (
    Api("native", "/v1/events", native),
    Api("Tracker", "/api/v1alpha1/event", _tracker),
    Api("DESK", "/api/v1/events", _desk),
    Api("CTO.ai", "/events", _cto_ai),
    Api("EscapeKit", "/internal/create-event", _escapekit),
    Api("ApiTraffic", "/v1/accounts/acc_bench/events", _apitraffic),
)
PEER = Api("Alertmanager", "/api/v2/alerts", alert)
BY_PATH = {api.path: api for api in (*APIS, PEER)}
