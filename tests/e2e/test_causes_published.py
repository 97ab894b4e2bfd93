"""Rankings of causes as the consumers of their topic see them, from a whole stack: as a problem opens, and as it closes."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from causeline.schemas.client import CauseRevision, decode
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES
from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.stack import Stack


async def post(http: httpx.AsyncClient, **fields: object) -> str:
    return str((await http.post("/v1/events", json={"title": "t", **fields})).raise_for_status().json()["id"])


class Topic:
    """Follows `causeline.causes` from its begin, for one tenant."""

    def __init__(self, consumer: AIOKafkaConsumer, tenant: str) -> None:
        self._consumer, self._tenant = consumer, tenant
        self.revisions: list[CauseRevision] = []

    async def until(self, good: Callable[[list[CauseRevision]], Any]) -> list[CauseRevision]:
        async def read() -> list[CauseRevision]:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                own = (decode(record) for record in records)
                self.revisions += [each for each in own if isinstance(each, CauseRevision) and each.tenant == self._tenant]
            return self.revisions

        return await patience.found(read, good)


@asynccontextmanager
async def following(stack: Stack, tenant: str) -> AsyncIterator[Topic]:
    consumer = AIOKafkaConsumer(
        CAUSES, **client_options(stack.kafka), isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        yield Topic(consumer, tenant)
    finally:
        await consumer.stop()


async def test_a_problem_after_a_deployment_is_told_with_its_cause_within_seconds_and_again_as_it_closes(stack: Stack) -> None:
    tenant = a_tenant()
    async with (
        httpx.AsyncClient(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=30) as http,
        following(stack, tenant) as topic,
    ):
        deployment = await post(http, kind="deployment", title="Deploy checkout 1.4", service="checkout")
        await post(http, kind="deployment", title="Secret", service="checkout", allowed_groups=["sre"])
        incident = {"kind": "incident", "title": "slow", "service": "checkout", "correlation_id": "slow"}
        began = time.monotonic()
        await post(http, **incident, status="open")
        (opened,) = await topic.until(len)
        print(f"opened -> read from the topic: {time.monotonic() - began:.2f} s")
        assert (opened.revision, opened.occasion, opened.is_news, opened.service, opened.state) == (1, "opened", True, "checkout", "open")
        assert [cause.event_id for cause in opened.causes] == [deployment], "seen, as it was acknowledged before; what is secret is not"
        assert opened.causes[0].title == "Deploy checkout 1.4"
        (problem,) = (await http.get("/v1/problems")).raise_for_status().json()["problems"]
        assert problem["id"] == opened.id
        asked = (await http.get(f"/v1/problems/{opened.id}/causes")).raise_for_status().json()
        assert asked["verdict"] == opened.verdict
        await post(http, **incident, status="closed")
        closed = (await topic.until(lambda revisions: len(revisions) > 1))[1]
        assert (closed.revision, closed.occasion, closed.is_news, closed.state, closed.id) == (2, "closed", False, "closed", opened.id)


async def test_many_problems_of_several_tenants_each_get_one_ranking_in_order(stack: Stack) -> None:
    tenants = [a_tenant() for _ in range(2)]
    for tenant in tenants:
        async with httpx.AsyncClient(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=30) as http:
            await post(http, kind="deployment", title="Deploy", service="s3")
            for number in range(20):
                await post(http, kind="incident", title=f"slow {number}", service=f"s{number}", correlation_id=f"c{number}", status="open")
    for tenant in tenants:
        async with following(stack, tenant) as topic:
            revisions = await topic.until(lambda revisions: len(revisions) >= 20)
            assert {revision.service for revision in revisions} == {f"s{number}" for number in range(20)}
            assert [revision.revision for revision in revisions] == [1] * 20
