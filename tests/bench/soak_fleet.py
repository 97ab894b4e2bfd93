"""What a fleet does beside its batches: keyed events that are repeated, problems that time out, readers."""

import asyncio
import time
import uuid
from collections.abc import Awaitable

import httpx

from tests import patience


class Beside:
    """What a fleet does beside its batches: keyed repeats, problems that time out, readers. Counts what it was told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tenant = f"soak-{uuid.uuid4().hex[:8]}"
        self.acknowledged: set[str] = set()
        self.repeats = 0
        self.problems = 0
        self.reads: list[float] = []
        self.errors: list[str] = []

    async def run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.url, timeout=30, headers={"Causeline-Tenant": self.tenant}) as http:
            await asyncio.gather(self._post_keyed(http, deadline), self._problems(http, deadline), self._reads(http, deadline))

    async def _post_keyed(self, http: httpx.AsyncClient, deadline: float) -> None:
        number = 0
        while time.monotonic() < deadline:
            number += 1
            for _ in range(2 if number % 5 == 0 else 1):
                body = {"kind": "deployment", "title": f"keyed {number}", "idempotency_key": f"key-{number}"}
                answer = await self._ask(http.post("/v1/events", json=body))
                if answer is not None:
                    self.acknowledged.add(answer.json()["id"])
            self.repeats += number % 5 == 0
            await patience.lasting(0.05, "the pace of the keyed events")

    async def _problems(self, http: httpx.AsyncClient, deadline: float) -> None:
        while time.monotonic() < deadline:
            self.problems += 1
            body = {
                "eventType": "ERROR_EVENT",
                "source": "soak",
                "title": f"error {self.problems}",
                "description": "soak",
                "timeoutMinutes": 1,
            }
            body |= {"attachRules": {"entityIds": [f"SERVICE-{self.problems:016X}"]}}
            await self._ask(http.post("/api/v1/events", json=body))
            await patience.lasting(0.5, "the pace of the problems")

    async def _reads(self, http: httpx.AsyncClient, deadline: float) -> None:
        questions = (
            "/v1/events?from=now-15m&limit=100",
            "/v1/events?from=now-1h&service=service-7&limit=100",
            "/v1/problems?from=now-15m",
            "/v1/histogram?from=now-1h&to=now&step=5m&by=kind",
        )
        number = 0
        while time.monotonic() < deadline:
            number += 1
            began = time.perf_counter()
            tenant = {"Causeline-Tenant": "default" if number % 2 else self.tenant}
            await self._ask(http.get(questions[number % len(questions)], headers=tenant))
            self.reads.append(time.perf_counter() - began)
            await patience.lasting(1, "the pace of the questions")

    async def _ask(self, request: Awaitable[httpx.Response]) -> httpx.Response | None:
        try:
            answer = await request
        except httpx.HTTPError as error:
            self.errors.append(repr(error))
            return None
        if answer.is_error:
            self.errors.append(f"{answer.status_code} {answer.text[:200]}")
            return None
        return answer
