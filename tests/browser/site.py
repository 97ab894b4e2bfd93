"""A tenant of a stack that has something on every page, and the addresses of all pages in it.

Each page that a server has is walked by the tests of this folder. What stands for a parameter of its path is in `Site.values`, by the first
part of the path and the parameter's name: a page of a new kind of thing has its line there.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.assets import ASSETS_PATH
from tests import patience
from tests.access_server import AccessServer
from tests.e2e.stream_client import a_tenant

HOSTILE: Final = "</td></script><script>window.wasRun=1</script><img src=x onerror=window.wasRun=1>\"' onload=window.wasRun=1 {{ 7*7 }}"
"""A name that is harmful wherever it is not taken as text."""
LONG: Final = "a-service-whose-name-has-no-place-to-break-" + "x" * 120
_HOUR_MS: Final = 3_600_000
_PARAMETER: Final = re.compile(r"{(\w+)(?::\w+)?}")

PAGES: Final = sorted(
    route.path
    for route in AccessServer(is_auth_required=False).apis.routes
    if route.api is PAGES_API and route.method == "GET" and route.path != ASSETS_PATH
)


class Site(NamedTuple):
    """Where a tenant's pages are. `values` are what stands for the parameters of paths: by first part and name, such as `problems id`."""

    url: str
    tenant: str
    values: Mapping[str, str]

    def address(self, page: str) -> str:
        """Return an address of a page that exists in this tenant."""
        first = page.split("/")[1]
        return self.url + _PARAMETER.sub(lambda match: quote(self.values[f"{first} {match[1]}"]), page)

    def http(self) -> httpx.Client:
        """Return a client of the API in this tenant."""
        return httpx.Client(base_url=self.url, headers={"Causeline-Tenant": self.tenant}, timeout=30)

    def tell(self, **event: object) -> str:
        """Post an event; return its id."""
        with self.http() as http:
            return _id_of(http.post("/v1/events", json={"kind": "deployment", "title": "a deployment", **event}))


def empty_site(url: str) -> Site:
    """Return a tenant that nobody ever wrote to."""
    return Site(url, a_tenant(), {})


def full_site(url: str, now_ms: int) -> Site:
    """Return a tenant with services, changes, problems, a subscription and a delivery, some of them with hostile and long names."""
    site = Site(url, a_tenant(), {})
    with site.http() as http:
        for name in ("checkout", "payments"):
            http.put(f"/v1/services/{name}", json={"depends_on": ["payments", LONG], "team": HOSTILE, "owner": "kim"}).raise_for_status()
        target = {"type": "webhook", "url": "http://127.0.0.1:9/nobody"}
        subscription = _id_of(http.post("/v1/subscriptions", json={"name": HOSTILE, "target": target}))
        event = site.tell(title="checkout 1.4", service="checkout", environment="production", start=now_ms - _HOUR_MS, status="success")
        site.tell(title=HOSTILE, service=HOSTILE, environment=HOSTILE, team=HOSTILE, text=HOSTILE, links={HOSTILE: "https://example.org/"})
        site.tell(title=LONG, service=LONG, kind="configuration", tags={LONG: HOSTILE})
        for number, service in enumerate(("checkout", HOSTILE, LONG)):
            fault = {"kind": "incident", "status": "open", "service": service, "environment": "production", "severity": "critical"}
            site.tell(**fault, title=f"{service} is slow", correlation_id=f"fault {number}")
        site.tell(
            kind="incident",
            title="was slow",
            service="payments",
            start=now_ms - _HOUR_MS,
            end=now_ms - _HOUR_MS // 2,
            correlation_id="ended",
        )
        problems = patience.asked(lambda: _list(http, "problems"), lambda each: len(each) > 3)
        problem = next(each["id"] for each in problems if each["service"] == "checkout")
        delivery = patience.asked(lambda: _list(http, "deliveries"))[0]["id"]
        call = http.get("/openapi.json").json()["paths"]["/v1/events"]["post"]["operationId"]
    names = {"services name": "checkout", "docs operation": call}
    ids = {"problems": problem, "events": event, "subscriptions": subscription, "deliveries": delivery}
    return site._replace(values={**{f"{place} id": text for place, text in ids.items()}, **names})


def _list(http: httpx.Client, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = http.get(f"/v1/{name}").raise_for_status().json()[name]
    return rows


def _id_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier
