"""A team that subscribes over the native API and has its webhooks on this machine; every test has a tenant of its own."""

import json
from typing import Any

import httpx

from tests.e2e.stream_client import a_tenant
from tests.receiver import Received, Receiver
from tests.stack import Stack

Json = dict[str, Any]
SUBSCRIPTIONS = "/v1/subscriptions"


class Team:
    """One tenant of a stack, and an endpoint of which it has some paths."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.tenant = a_tenant()
        self.stack, self.receiver = stack, receiver
        self.http = httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": self.tenant}, timeout=30)

    def path(self, name: str) -> str:
        """Return the path of a webhook."""
        return f"/{self.tenant}/{name}"

    def url(self, name: str) -> str:
        return self.receiver.url(self.path(name))

    def subscribe(self, name: str, *, target: Json | None = None, **body: Any) -> Json:
        """Subscribe the webhook of this name; return what was answered, with the secret."""
        aimed = {"type": "webhook", "url": self.url(name), **(target or {})}
        return self.asked("POST", SUBSCRIPTIONS, {"name": name, "target": aimed, **body}, 201)

    def change(self, subscription: Json, **patch: Any) -> Json:
        return self.asked("PATCH", f"{SUBSCRIPTIONS}/{subscription['id']}", patch)

    def tell(self, title: str, **columns: Any) -> str:
        """Post an event; return its id."""
        event_id: str = self.asked("POST", "/v1/events", {"kind": "deployment", "title": title, **columns}, 201)["id"]
        return event_id

    def asked(self, method: str, path: str, body: Any = None, status: int = 200) -> Json:
        """Return the answer to a request that must have this status."""
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    def until(self, name: str, count: int) -> list[Received]:
        """Wait until the webhook of this name was asked so often; return its requests."""
        return self.receiver.until(self.path(name), count)

    def titles(self, name: str) -> list[str]:
        """Return the titles that the webhook of this name was told, in the order of arrival."""
        return [told(each)["data"]["title"] for each in self.receiver.requests(self.path(name))]


def told(request: Received) -> Json:
    """Return the payload of a request."""
    payload: Json = json.loads(request.body)
    return payload


def types(requests: list[Received]) -> list[str]:
    """Return the types of payloads."""
    return [told(each)["type"] for each in requests]


def told_once(requests: list[Received]) -> list[Json]:
    """Return the payloads as a receiver takes them that drops the ids that it knows, as all have to: in the order of first arrival."""
    first: dict[str, Json] = {}
    for each in requests:
        first.setdefault(each.webhook_id, told(each))
    return list(first.values())
