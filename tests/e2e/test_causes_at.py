"""What was published of causes, on a whole stack: from the log into the table, over HTTP and in the terminal."""

import asyncio
import json
import time
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import CauseEntry, CauseRevision, CauseVerdict, ReasonEntry
from causeline.schemas.topics import CAUSES
from causeline.schemas.values.times import ms_of, rfc3339
from causeline.schemas.wire import codec
from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.e2e.test_causes import around, get, post
from tests.kafka_topics import until
from tests.stack import Stack

MINUTE, HOUR = 60_000, 3_600_000
FIRST = 1_001
"""Beyond what the stack itself publishes of a problem."""


def put(stack: Stack, key: str, *values: bytes | None) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
            for value in values:
                await producer.send_and_wait(CAUSES, value, key=key.encode())

    asyncio.run(send())


def revision(problem: dict[str, Any], number: int, computed_at: int, verdict: CauseVerdict, *causes: CauseEntry) -> CauseRevision:
    return CauseRevision(
        tenant=problem["tenant"],
        id=problem["id"],
        revision=number,
        occasion="scheduled",
        verdict=verdict,
        none_probability=0.2,
        candidates=7,
        model="1",
        computed_at=computed_at,
        as_of=computed_at - 5,
        causes=list(causes),
        problem_version=1,
        correlation_id=problem["correlation_id"],
        dialect="native",
        kind="incident",
        state="open",
        start=ms_of(problem["start"]),
        title=problem["title"],
    )


def entry(event_id: str, ts: int, probability: float, **fields: Any) -> CauseEntry:
    reasons = [ReasonEntry(feature="time", contribution=1.9, text="finished 4 min before the problem began")]
    base = {"score": 1.9, "relation": "same_service", "offset_seconds": -240.0, "kind": "deployment", "service": "checkout"}
    return CauseEntry(event_id=event_id, ts=ts, probability=probability, reasons=reasons, **{**base, **fields})


def test_a_ranking_is_shown_as_it_was_published_by_a_time_also_when_its_problem_is_forgotten_on_the_log(stack: Stack) -> None:
    tenant, now = a_tenant(), time.time_ns() // 1_000_000
    began = now - 3 * HOUR
    post(stack, tenant, title="Deploy checkout 1.4", service="checkout", start=rfc3339(began - 4 * MINUTE))
    post(stack, tenant, kind="incident", status="open", correlation_id="c", title="Checkout answers slowly", start=rfc3339(began))
    post(stack, tenant, kind="incident", status="closed", correlation_id="c", title="Fine again", start=rfc3339(began + 30 * MINUTE))
    (problem,) = patience.asked(lambda: get(stack, tenant, "/v1/problems")["problems"])
    (change,) = patience.asked(lambda: get(stack, tenant, "/v1/events?kind=deployment")["events"])
    gone = entry("01a2245f-e1bb-7000-8000-6b1f1c2d0e5a", began - HOUR, 0.1, title="Deploy cart 7", service="cart")
    first = revision(problem, FIRST, now - 2 * HOUR, "unknown")
    second = revision(problem, FIRST + 1, now - HOUR, "likely", entry(change["id"], ms_of(change["ts"]), 0.7, title="older title"), gone)
    put(stack, problem["id"], codec.encode_record(first), codec.encode_record(second), None)
    path = f"/v1/problems/{problem['id']}/causes"

    def asked(at: int) -> httpx.Response:
        return httpx.get(f"{stack.url}{path}", params={"at": rfc3339(at)}, headers={"Causeline-Tenant": tenant}, timeout=30)

    async def is_there() -> bool:
        answer = asked(now - 30 * MINUTE)
        return answer.status_code == 200 and answer.json()["revision"] == FIRST + 1

    asyncio.run(until(is_there))
    answer = asked(now - 30 * MINUTE).json()
    assert [(cause["event"]["title"], "raw" in cause["event"]) for cause in answer["causes"]] == [
        ("Deploy checkout 1.4", True),
        ("Deploy cart 7", False),
    ]
    assert (answer["revision"], answer["verdict"], answer["candidates"]) == (FIRST + 1, "likely", 7)
    assert (answer["computed_at"], answer["as_of"]) == (rfc3339(now - HOUR), rfc3339(now - HOUR - 5))
    assert answer["problem"]["id"] == problem["id"]
    earlier = asked(now - 90 * MINUTE).json()
    assert (earlier["revision"], earlier["verdict"], earlier["causes"]) == (FIRST, "unknown", [])
    nothing = asked(now - 150 * MINUTE)
    assert (nothing.status_code, nothing.headers["content-type"]) == (404, "application/problem+json")
    assert "was published by" in nothing.json()["detail"]
    assert get(stack, tenant, path)["revision"] > FIRST

    shown = around(stack, tenant, problem["id"], "--at", rfc3339(now - 30 * MINUTE))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"as published at {rfc3339(now - HOUR)}, revision {FIRST + 1}" in shown.stdout
    assert "Deploy cart 7" in shown.stdout
    assert json.loads(around(stack, tenant, problem["id"], "--json", "--at", "now-90m").stdout)["revision"] == FIRST


def test_a_time_to_come_and_a_window_beside_a_time_are_refused_by_name(stack: Stack) -> None:
    tenant = a_tenant()
    for query, field in (("at=now%2B1m", "at"), ("at=now&before=1h", "before")):
        refused = httpx.get(f"{stack.url}/v1/problems/x/causes?{query}", headers={"Causeline-Tenant": tenant}, timeout=30)
        assert refused.status_code == 400
        assert [error["field"] for error in refused.json()["errors"]] == [field]
