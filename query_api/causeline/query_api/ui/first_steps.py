"""What a new store is told: the calls of the first minute as lines of a shell, and an event that a button sends. Pure."""

from typing import Final, NamedTuple

import msgspec

from causeline.query_api.ui.curl import curl_line, server_address
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.web.principal import DEFAULT_TENANT

TEST_EVENT: Final = {
    "kind": "deployment",
    "title": "A test event",
    "text": "Sent by the button of an empty page, to see what becomes of an event.",
    "service": "example",
    "environment": "test",
    "tags": {"test": "true"},
}
_DEPLOYMENT: Final = {"kind": "deployment", "title": "Deploy checkout 1.4", "service": "checkout", "environment": "production"}
_INCIDENT: Final = {"kind": "incident", "status": "open", "title": "Checkout is slow", "service": "checkout", "environment": "production"}


class FirstCall(NamedTuple):
    """What a call is for, and the call as a line of a shell."""

    purpose: str
    line: str


def first_calls(request: HttpRequest) -> list[FirstCall]:
    """Return three calls of the server that a visitor reached, as that visitor makes them: something changes, breaks, and why."""
    headers = {"Causeline-Tenant": request.tenant} if request.tenant != DEFAULT_TENANT else {}
    if request.caller:
        headers["Authorization"] = "Bearer YOUR_TOKEN"
    address, with_media = server_address(request), {"Content-Type": "application/json", **headers}
    bodies = {"Say that something changed": _DEPLOYMENT, "Say that something broke": _INCIDENT}
    calls = [
        FirstCall(purpose, curl_line("POST", f"{address}/v1/events", with_media, msgspec.json.encode(body).decode()))
        for purpose, body in bodies.items()
    ]
    return [*calls, FirstCall("Ask which change did it", curl_line("GET", f"{address}/v1/causes?service=checkout&at=now", headers))]
