"""A large import on a whole stack, and what another tenant sees of it: nothing."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection

import httpx

from causeline.ingest.services.http import MAX_IMPORT, SERVICES_PATH
from tests import patience
from tests.stack import Stack

SERVICES = 1_000
QUIET = 20
"""Calls of the bystander before the import begins: how fast this machine is now."""


def catalog() -> bytes:
    """Return a body of 3 MB: each service names 36 others, and as many wildcards of files, of two names each."""
    services = [
        {
            "name": f"service-{number:05}",
            "team": "shop",
            "repo": "acme/shop",
            "aliases": [f"alias-{number:05}-{place}" for place in range(3)],
            "depends_on": [f"service-{(number * 7 + place) % SERVICES:05}-of-the-other-team" for place in range(36)],
            "paths": [f"service-{number:05}-of-the-whole-shop-part-{place}/*.py" for place in range(36)],
        }
        for number in range(SERVICES)
    ]
    return json.dumps(services).encode()


class Bystander:
    """One client that makes one call after the other; `took` has the seconds of each, `bad` what was not 2xx."""

    def __init__(self, url: str, call: Callable[[httpx.Client], httpx.Response]) -> None:
        self.took: list[float] = []
        self.bad: list[str] = []
        self._client = httpx.Client(base_url=url, headers={"Causeline-Tenant": f"t{uuid.uuid4().hex}"}, timeout=30)
        self._call = call
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with self._client:
            while not self._stop.is_set():
                began = time.monotonic()
                response = self._call(self._client)
                self.took.append(time.monotonic() - began)
                if not response.is_success:
                    self.bad.append(response.text)

    @contextmanager
    def calling(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


def test_another_tenant_posts_events_and_puts_a_service_as_fast_as_before_while_a_large_import_runs(stack: Stack) -> None:
    events = Bystander(stack.url, lambda client: client.post("/v1/events", json={"kind": "deployment", "title": "x", "service": "web"}))
    services = Bystander(stack.url, lambda client: client.put(f"{SERVICES_PATH}/web", json={"team": "shop"}))
    body = catalog()
    assert len(body) > 3_000_000
    with events.calling(), services.calling():
        patience.asked(lambda: min(len(events.took), len(services.took)), lambda calls: calls >= QUIET)
        quiet = {one: (len(one.took), max(one.took)) for one in (events, services)}
        headers = {"Causeline-Tenant": f"t{uuid.uuid4().hex}", "Content-Type": "application/json"}
        answer = httpx.post(f"{stack.url}{SERVICES_PATH}", content=body, headers=headers, timeout=120)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (200, SERVICES, 0)
    assert (events.bad, services.bad) == ([], [])
    for one, (calls, slowest) in quiet.items():
        assert sorted(one.took[calls:])[-2] < max(1.0, 4 * slowest)


def test_a_body_beyond_the_bound_is_refused_by_its_announced_length(stack: Stack) -> None:
    connection = HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    connection.putrequest("POST", SERVICES_PATH)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(MAX_IMPORT + 1))
    connection.endheaders()  # and not a byte of the body
    response = connection.getresponse()
    assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert f"at most {MAX_IMPORT}" in json.load(response)["detail"]
    connection.close()
