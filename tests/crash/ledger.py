"""The account of a load under faults: what was sent, what was acknowledged, and what is found afterwards.

Clients behave as CI jobs do: each write has an idempotency key of its own and is repeated, word for word, until it is acknowledged. Most
send new events; some lead Tracker incidents through their lives with PUTs, so that the order of versions and of problem transitions shows.
The verdict reads the public topics, so that a doubled record shows even where the table would hide it, and the lists, so that a lost or
an outdated row shows.
"""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from typing import Any, NamedTuple

import httpx

from tests import patience
from tests.crash import topic_reader
from tests.crash.account import Counts, judge_lives, judge_versions
from tests.crash.gaps import Gaps

TRACKER = "/api/v1alpha1/event"
OPEN, CLOSE, DONE = 7, 8, 9
_LIFE: list[dict[str, object]] = [{"status": OPEN}, {"owner": "ops"}, {"status": CLOSE}, {"status": OPEN}, {"status": DONE}]
"""The attributes of each write of an incident: it is opened, changed, closed, opened again and done."""
_CLOSINGS = 2
_LISTED_S = 120.0
"""An event that lists do not show for so long is not late but lost; the longest fault takes a minute."""


class Verdict(NamedTuple):
    """What became of the writes.

    `outdated_rows` are events that lists do not show in their newest version, and closed problems that they show as open; `gaps` is what
    the clients waited.
    """

    sent: int
    acknowledged: int
    repeats: int
    lost: int
    doubled: int
    missing_rows: int
    doubled_rows: int
    out_of_order: int
    outdated_rows: int
    gaps: Gaps

    @property
    def exact(self) -> bool:
        """Return whether every write was acknowledged and is found once, in its place and in its newest version."""
        wrong = (self.lost, self.doubled, self.missing_rows, self.doubled_rows, self.out_of_order, self.outdated_rows)
        return not any(wrong) and self.acknowledged == self.sent


class Ledger:
    """Drives clients until told to stop, then judges.

    `clients` send new events, `incidents` change theirs, and one more looks how soon lists show what was acknowledged.
    """

    def __init__(self, url: str, kafka: str, *, clients: int = 12, incidents: int = 4, batch: int = 20) -> None:
        self.url, self.kafka = url, kafka
        self.tenant = uuid.uuid4().hex
        self.clients, self.incidents, self.batch = clients, incidents, batch
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}
        self.writes: Counter[str] = Counter()
        self.titles: dict[str, str] = {}
        self.closings: dict[str, int] = {}
        self.repeats = 0
        self.gaps = Gaps()
        self.stopping = asyncio.Event()
        self._begin: topic_reader.Ends = {}

    async def drive(self) -> None:
        """Send until `stopping` is set; every client finishes what it has begun."""
        self._begin = await topic_reader.ends(self.kafka)
        async with self._client() as http, asyncio.TaskGroup() as tasks:
            for n in range(self.clients):
                tasks.create_task(self._send_events(http, n))
            for n in range(self.incidents):
                tasks.create_task(self._lead_incidents(http, n))
            tasks.create_task(self._look(http))

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=10, headers={"Causeline-Tenant": self.tenant})

    async def _send_events(self, http: httpx.AsyncClient, number: int) -> None:
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            names = [f"{number}-{turn}-{i}" for i in range(1 if turn % 2 else self.batch)]
            lines = [json.dumps({"kind": "deployment", "title": name, "idempotency_key": name}) for name in names]
            self.sent.update(names)
            answer = await self._until_acknowledged(http, "POST", "/v1/events", "\n".join(lines).encode(), {}, "application/x-ndjson")
            for name, result in zip(names, answer["results"], strict=True):
                self._note(name, result["id"], name)

    async def _lead_incidents(self, http: httpx.AsyncClient, number: int) -> None:
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            event_id = ""
            for step, attributes in enumerate(_LIFE):
                name = f"incident-{number}-{turn}-{step}"
                self.sent.add(name)
                first = {"type": 4, "service": f"s{number}"}
                named = {"id": event_id, "title": name, "attributes": attributes}
                body = named if event_id else {"title": name, "attributes": first | attributes}
                content = json.dumps(body).encode()
                answer = await self._until_acknowledged(http, "PUT" if event_id else "POST", TRACKER, content, {"Idempotency-Key": name})
                event_id = answer["id"]
                self._note(name, event_id, name)
            self.closings[event_id] = _CLOSINGS

    async def _look(self, http: httpx.AsyncClient) -> None:
        """Write one event after the other, and wait for each until a list shows it."""
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            name = f"probe-{turn}"
            self.sent.add(name)
            content = json.dumps({"kind": "probe", "title": name, "service": name}).encode()
            answer = await self._until_acknowledged(http, "POST", "/v1/events", content, {"Idempotency-Key": name})
            self._note(name, answer["id"], name)
            began = time.monotonic()
            await self._until_listed(http, name)
            self.gaps.note_listing(time.monotonic() - began)

    async def _until_listed(self, http: httpx.AsyncClient, service: str) -> None:
        async def listed() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                answer = await http.get("/v1/events", params={"service": service, "limit": 1})
                return answer.status_code == 200 and bool(answer.json()["events"])
            return False

        await patience.found(listed, seconds=_LISTED_S)

    async def _until_acknowledged(
        self, http: httpx.AsyncClient, method: str, path: str, body: bytes, headers: dict[str, str], media: str = "application/json"
    ) -> Any:
        while True:
            try:
                answer = await http.request(method, path, content=body, headers={"Content-Type": media, **headers})
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code in (200, 201):
                return answer.json()
            assert answer is None or answer.status_code in (429, 503), f"{method} {path}: {answer.status_code} {answer.text}"
            self.repeats += 1
            await patience.lasting(random.uniform(0.05, 0.2), "between two tries, as clients do")

    def _note(self, name: str, event_id: str, title: str) -> None:
        self.gaps.note_write(time.monotonic())
        self.acknowledged[name] = event_id
        self.writes[event_id] += 1
        self.titles[event_id] = title

    async def judge(self, within_s: float = 60) -> Verdict:
        """Wait until topics and lists show every acknowledged write (bounded), then count."""
        read = await topic_reader.read(self.kafka, self.tenant, self._begin, self._is_complete)
        versions, lives = judge_versions(self.writes, read.events), judge_lives(self.closings, read.moves)
        counts = Counts(*(a + b for a, b in zip(versions, lives, strict=True)))
        rows = await self._rows(within_s)
        listed = Counter(event_id for event_id, _ in rows)
        return Verdict(
            sent=len(self.sent),
            acknowledged=len(self.acknowledged),
            repeats=self.repeats,
            lost=counts.lost,
            doubled=counts.doubled,
            out_of_order=counts.out_of_order,
            missing_rows=len(self.titles.keys() - listed.keys()),
            doubled_rows=sum(count - 1 for count in listed.values()),
            outdated_rows=sum(self.titles.get(event_id) != title for event_id, title in set(rows)) + await self._open_problems(within_s),
            gaps=self.gaps,
        )

    def _is_complete(self, read: topic_reader.Read) -> bool:
        return len({(seen.id, seen.version) for seen in read.events}) >= sum(self.writes.values())

    async def _rows(self, within_s: float) -> list[tuple[str, str]]:
        """Return id and title of every row of the lists, once they are all there in their newest version, or the time is up."""
        newest_rows = set(self.titles.items())
        return await patience.found_by(self._list, lambda rows: newest_rows <= set(rows), seconds=within_s, every=0.2)

    async def _open_problems(self, within_s: float) -> int:
        """Return how many problems are listed as open, once there are none (every incident was led to its end), or the time is up."""
        async with self._client() as http:

            async def open_ones() -> int:
                answer = await http.get("/v1/problems", params={"state": "open", "limit": "1000"})
                return len(answer.raise_for_status().json()["problems"])

            return await patience.found_by(open_ones, lambda number: not number, seconds=within_s, every=0.2)

    async def _list(self) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        async with httpx.AsyncClient(base_url=self.url, timeout=30, headers={"Causeline-Tenant": self.tenant}) as http:
            cursor: str | None = ""
            while cursor is not None:
                answer = await http.get("/v1/events", params={"limit": "1000"} | ({"cursor": cursor} if cursor else {}))
                body = answer.raise_for_status().json()
                rows += [(event["id"], event["title"]) for event in body["events"]]
                cursor = body["next_cursor"]
        return rows
