"""The account of a load under faults: what was sent, what was acknowledged, and what is found afterwards.

Clients behave as CI jobs do: each event has an idempotency key of its own and is repeated, word for word, until it is acknowledged. The
verdict reads the public topic, so that a doubled record shows even where the table would hide it, and the lists, so that a lost row shows.
"""

import asyncio
import json
import random
import uuid
from collections import Counter
from typing import NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer

from causeline.schemas.codec import decode
from causeline.schemas.event import Event
from causeline.schemas.topics import EVENTS


class Verdict(NamedTuple):
    """What became of the events."""

    sent: int
    acknowledged: int
    repeats: int
    lost: int
    doubled: int
    missing_rows: int
    doubled_rows: int


class Ledger:
    """Drives clients until told to stop, then judges."""

    def __init__(self, url: str, kafka: str, *, clients: int = 16, batch: int = 20) -> None:
        self.url, self.kafka = url, kafka
        self.tenant = uuid.uuid4().hex
        self.clients, self.batch = clients, batch
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.repeats = 0
        self.stopping = asyncio.Event()

    async def drive(self) -> None:
        """Send until `stopping` is set; every client finishes what it has begun."""
        async with httpx.AsyncClient(base_url=self.url, timeout=10, headers={"Causeline-Tenant": self.tenant}) as http:
            await asyncio.gather(*(self._client(http, n) for n in range(self.clients)))

    async def _client(self, http: httpx.AsyncClient, number: int) -> None:
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            names = [f"{number}-{turn}-{i}" for i in range(1 if turn % 2 else self.batch)]
            self.sent.update(names)
            lines = [json.dumps({"kind": "deployment", "title": name, "idempotency_key": name}) for name in names]
            await self._until_acknowledged(http, names, "\n".join(lines).encode())

    async def _until_acknowledged(self, http: httpx.AsyncClient, names: list[str], body: bytes) -> None:
        while True:
            try:
                answer = await http.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                results = answer.json()["results"]
                self.acknowledged.update((name, result["id"]) for name, result in zip(names, results, strict=True))
                return
            assert answer is None or answer.status_code in (429, 503), answer.text
            self.repeats += 1
            await asyncio.sleep(random.uniform(0.05, 0.2))

    async def judge(self, within_s: float = 60) -> Verdict:
        """Wait until the lists show every acknowledged event (bounded), then count."""
        records = await self._records()
        rows = await self._rows(within_s)
        ids = set(self.acknowledged.values())
        return Verdict(
            sent=len(self.sent),
            acknowledged=len(self.acknowledged),
            repeats=self.repeats,
            lost=len(ids - set(records)),
            doubled=sum(count - 1 for count in records.values()),
            missing_rows=len(ids - set(rows)),
            doubled_rows=sum(count - 1 for count in rows.values()),
        )

    async def _records(self) -> Counter[str]:
        """Count this tenant's records on the public topic, as a read-committed consumer sees them, until all acknowledged are there."""
        found: Counter[str] = Counter()
        wanted = set(self.acknowledged.values())
        consumer = AIOKafkaConsumer(EVENTS, bootstrap_servers=self.kafka, isolation_level="read_committed", auto_offset_reset="earliest")
        await consumer.start()
        try:
            deadline = asyncio.get_running_loop().time() + 60
            quiet = 0
            while quiet < 3 and asyncio.get_running_loop().time() < deadline:
                polled = await consumer.getmany(timeout_ms=500)
                events = [decode(record.value or b"", Event) for records in polled.values() for record in records]
                found.update(event.id for event in events if event.tenant == self.tenant)
                quiet = quiet + 1 if not polled and wanted <= set(found) else 0
        finally:
            await consumer.stop()
        return found

    async def _rows(self, within_s: float) -> Counter[str]:
        wanted = set(self.acknowledged.values())
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            rows = await self._list()
            if wanted <= set(rows) or asyncio.get_running_loop().time() > deadline:
                return rows
            await asyncio.sleep(0.2)

    async def _list(self) -> Counter[str]:
        found: Counter[str] = Counter()
        async with httpx.AsyncClient(base_url=self.url, timeout=30, headers={"Causeline-Tenant": self.tenant}) as http:
            cursor: str | None = ""
            while cursor is not None:
                answer = await http.get("/v1/events", params={"limit": "1000"} | ({"cursor": cursor} if cursor else {}))
                body = answer.raise_for_status().json()
                found.update(event["id"] for event in body["events"])
                cursor = body["next_cursor"]
        return found
