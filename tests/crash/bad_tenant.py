"""A tenant that tells the same to two endpoints, one of which is bad: its trickle of events and problems, and what the API shows of it."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, get_args

import httpx

from causeline.schemas.records.problem import Transition
from tests import patience
from tests.crash.ledger import CLOSE, OPEN, TRACKER
from tests.receiver import Receiver
from tests.stack import Stack

TICK_S: Final = 0.2
_EVENTS_A_STEP: Final = 4
_LIFE: Final[list[dict[str, object]]] = [{"status": OPEN, "type": 4}, {"owner": "ops"}, {"status": CLOSE}]
"""The attributes of each write of an incident: it opens, changes, closes."""
_LOOK_S: Final = 1.0
"""Seldom enough that looking (a scrape renders every series) does not show in what is measured meanwhile."""


class Sample(NamedTuple):
    """An event and the monotonic time at which it was acknowledged."""

    event: str
    at: float


class Tenant:
    """`bad` and `healthy` are the ids of its subscriptions; both are told everything, refreshes too."""

    def __init__(self, stack: Stack, bad: Receiver, healthy: Receiver) -> None:
        self.name = uuid.uuid4().hex
        self.path = f"/{self.name}"
        self.samples: list[Sample] = []
        self.writes = 0
        self.bad, self.healthy = "", ""
        self._metrics = stack.metrics["processors"]
        self._urls = (bad.url(self.path), healthy.url(self.path))
        self.http = httpx.AsyncClient(base_url=stack.url, timeout=30, headers={"Causeline-Tenant": self.name})

    async def subscribe(self) -> None:
        """Subscribe both endpoints."""
        self.bad, self.healthy = [await self._subscription(url) for url in self._urls]

    async def _subscription(self, url: str) -> str:
        body = {"name": "all", "filter": {"transition": list(get_args(Transition))}, "target": {"type": "webhook", "url": url}}
        answer = await self.http.post("/v1/subscriptions", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def send(self, stopping: asyncio.Event) -> None:
        """Send an event at every tick, and a step in the life of an incident now and then; what was opened is closed at the end."""
        turn, incident, step = 0, "", 0
        while not stopping.is_set() or step:
            turn += 1
            answer = await self.http.post("/v1/events", json={"kind": "deployment", "title": f"turn {turn}"})
            assert answer.status_code == 201, answer.text
            self.samples.append(Sample(answer.json()["id"], time.monotonic()))
            self.writes += 1
            if turn % _EVENTS_A_STEP == 0:
                incident = await self._step(incident if step else "", step)
                step = (step + 1) % len(_LIFE)
            await patience.lasting(TICK_S, "the pace of the load")

    async def _step(self, incident: str, step: int) -> str:
        named = {"id": incident} if incident else {}
        body = {**named, "title": f"step {step}", "attributes": {"service": "shop", **_LIFE[step]}}
        answer = await self.http.request("PUT" if incident else "POST", TRACKER, json=body)
        assert answer.status_code == 200, answer.text
        self.writes += 1
        return str(answer.json()["id"])

    async def enable(self) -> None:
        """Enable the bad subscription again."""
        answer = await self.http.patch(f"/v1/subscriptions/{self.bad}", json={"state": "active"})
        assert answer.status_code == 200, answer.text

    async def health(self, subscription: str) -> dict[str, Any]:
        """Return what the processors said last of a subscription."""
        answer = await self.http.get(f"/v1/subscriptions/{subscription}")
        document: dict[str, Any] = answer.raise_for_status().json()["health"] or {}
        return document

    async def incidents(self, state: str) -> list[dict[str, Any]]:
        """Return the problems about the bad subscription that are listed in a state."""
        answer = await self.http.get("/v1/problems", params={"state": state, "service": "causeline", "limit": "1000"})
        problems = answer.raise_for_status().json()["problems"]
        return [each for each in problems if each["tags"].get("subscription") == self.bad]

    async def metric(self, name: str) -> float | None:
        """Return what the processors' metrics say of the bad subscription, None for nothing."""
        async with httpx.AsyncClient(timeout=10) as http:
            lines = (await http.get(self._metrics)).raise_for_status().text.splitlines()
        start = f'causeline_subscription_{name}{{subscription="{self.bad}",tenant="{self.name}"}} '
        return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)

    async def deliveries(self) -> list[dict[str, Any]]:
        """Return every delivery of the bad subscription as its newest attempt."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"subscription": self.bad, "limit": "1000"} | ({"cursor": cursor} if cursor else {})
            page = (await self.http.get("/v1/deliveries", params=params)).raise_for_status().json()
            rows += page["deliveries"]
            cursor = page["next_cursor"]
        return rows

    async def statuses(self, deliveries: list[dict[str, Any]]) -> Counter[str]:
        """Return how attempts ended: the status, or the word where there was none."""
        counts = Counter(_told(each) for each in deliveries if each["attempt"] == 1)
        for each in deliveries:
            if each["attempt"] > 1:
                delivery = (await self.http.get(f"/v1/deliveries/{each['id']}")).raise_for_status().json()
                counts.update(_told(attempt) for attempt in delivery["attempts"])
        return counts


def _told(attempt: dict[str, Any]) -> str:
    return str(attempt["status_code"] or attempt["detail"])


async def until(look: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Look until it is so; return whether it was in time."""
    return await patience.found_by(look, seconds=within_s, every=_LOOK_S)
