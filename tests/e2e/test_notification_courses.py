"""What becomes of a subscription over time, on a whole stack: it pauses, begins in the past, dies and is retried, and ends."""

import asyncio
import subprocess
import time
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import delivery_id
from causeline.schemas.records.event import Event
from causeline.schemas.topics import DELIVERIES_LOG, EVENTS
from causeline.schemas.wire import codec
from tests.e2e.stream_client import eventually
from tests.e2e.subscriber import SUBSCRIPTIONS, Json, Team, told, told_once
from tests.kafka_topics import read_committed
from tests.receiver import Status
from tests.stack import Stack

TRACKER = "/api/v1alpha1/event"
PARTITIONS = 4


def rewritten(team: Team, event_id: str, *titles: str) -> None:
    """Change the title of an event, once for each."""
    for title in titles:
        team.asked("PUT", TRACKER, {"id": event_id, "title": title})


def listed(team: Team, subscription: Json, count: int) -> list[Json]:
    """Wait until the API lists so many deliveries of a subscription; return them, newest first."""

    def ask() -> list[Json]:
        rows: list[Json] = team.asked("GET", f"/v1/deliveries?subscription={subscription['id']}")["deliveries"]
        return rows

    eventually(lambda: len(ask()) == count)
    return ask()


def cli(team: Team, *args: str) -> subprocess.CompletedProcess[str]:
    command = [*causeline_argv("deliveries"), *args, "--url", team.stack.url, "--tenant", team.tenant]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_waited_while_it_was_paused_comes_in_order(team: Team) -> None:
    paused = team.subscribe("paused")
    team.subscribe("all")
    team.change(paused, state="paused")
    event_id = team.asked("POST", TRACKER, {"title": "1"})["id"]
    rewritten(team, event_id, "2", "3")
    team.until("all", 3)
    eventually(lambda: team.asked("GET", f"{SUBSCRIPTIONS}/{paused['id']}")["health"]["waiting"] == 3)
    assert team.titles("paused") == []
    team.change(paused, state="active")
    rewritten(team, event_id, "4")
    team.until("paused", 4)
    assert team.titles("paused") == ["1", "2", "3", "4"]


def test_a_subscription_that_begins_in_the_past_is_told_all_of_it_first(team: Team) -> None:
    team.subscribe("all")
    past = [team.tell(f"past {number}", service=f"s{number}") for number in range(20)]
    event_id = team.asked("POST", TRACKER, {"title": "1"})["id"]
    rewritten(team, event_id, "2", "3")
    team.until("all", len(past) + 3)
    subscription = team.subscribe("late", start_from="-1h")
    rewritten(team, event_id, "4")
    listed(team, subscription, len(past) + 4)  # before: what arrives within seconds is read with the past, and events go side by side
    new = team.tell("new")
    assert len(listed(team, subscription, len(past) + 5)) == len(past) + 5
    payloads = told_once(team.until("late", len(past) + 5))
    order = [payload["data"]["id"] for payload in payloads]
    assert [payload["data"]["title"] for payload in payloads if payload["data"]["id"] == event_id] == ["1", "2", "3", "4"]
    assert sorted(order) == sorted([*past, *[event_id] * 4, new])
    assert order.index(new) > max(order.index(each) for each in past)


def test_a_deleted_subscription_is_told_nothing_more(team: Team) -> None:
    ended = team.subscribe("ended")
    team.subscribe("all")
    team.tell("before")
    team.until("ended", 1)
    team.asked("DELETE", f"{SUBSCRIPTIONS}/{ended['id']}", status=204)
    team.tell("after")
    team.until("all", 2)
    assert team.titles("ended") == ["before"]
    team.asked("GET", f"{SUBSCRIPTIONS}/{ended['id']}", status=404)


def test_deliveries_are_listed_by_the_api_and_the_command(team: Team) -> None:
    team.receiver.answer(team.path("hook"), Status(503, body=b"not now"), Status(200))
    subscription = team.subscribe("hook")
    event_id = team.tell("twice")
    first, second = team.until("hook", 2)
    assert first.webhook_id == second.webhook_id
    eventually(lambda: listed(team, subscription, 1)[0]["outcome"] == "delivered")
    (delivery,) = listed(team, subscription, 1)
    assert (delivery["id"], delivery["entity"], delivery["attempt"], delivery["status_code"]) == (first.webhook_id, event_id, 2, 200)
    attempts = team.asked("GET", f"/v1/deliveries/{delivery['id']}")["attempts"]
    assert [(each["outcome"], each["status_code"]) for each in attempts] == [("retried", 503), ("delivered", 200)]
    printed = cli(team, "list", "--subscription", subscription["id"])
    assert (printed.returncode, delivery["id"] in printed.stdout, "delivered" in printed.stdout) == (0, True, True)


def died(team: Team, subscription: Json, event: Event, frame: bytes) -> str:
    """Put on the log that the tenth attempt to tell an event has failed, which would take days; return the id of the delivery."""
    now = time.time_ns() // 1_000_000
    about: dict[str, Any] = {"what": "event", "entity": event.id, "version": event.version, "received": event.ingest_ts, "at": now}
    name = delivery_id(subscription["id"], "event", event.id, event.version)
    row = Delivery(
        tenant=team.tenant, subscription_id=subscription["id"], id=name, attempt=10, outcome="dead", status_code=500, record=frame, **about
    )

    async def send() -> None:
        async with AIOKafkaProducer(**client_options(team.stack.kafka)) as producer:
            await producer.send_and_wait(DELIVERIES_LOG, codec.encode_record(row), key=row.id.encode())

    asyncio.run(send())
    return name


def published(stack: Stack, event_id: str) -> bytes:
    """Return an event as it lies on the public topic."""
    for partition in range(PARTITIONS):
        for _, frame in asyncio.run(read_committed(stack.kafka, EVENTS, partition)):
            if frame and codec.decode_record(frame, Event).id == event_id:
                return frame
    raise LookupError(event_id)


def test_what_died_arrives_when_it_is_retried(team: Team) -> None:
    event_id = team.tell("before anybody asked", service="shop")
    eventually(lambda: event_id in [each["id"] for each in team.asked("GET", "/v1/events")["events"]])
    frame = published(team.stack, event_id)
    subscription = team.subscribe("hook")
    name = died(team, subscription, codec.decode_record(frame, Event), frame)
    assert listed(team, subscription, 1)[0]["outcome"] == "dead"
    process = cli(team, "retry", name)
    assert process.returncode == 0, process.stdout + process.stderr
    (delivery,) = team.until("hook", 1)
    assert (delivery.webhook_id, told(delivery)["data"]["id"], told(delivery)["type"]) == (name, event_id, "event.created")
    eventually(lambda: listed(team, subscription, 1)[0]["outcome"] == "delivered")
    assert httpx.get(f"{team.stack.url}/v1/deliveries/{name}", headers={"Causeline-Tenant": "another"}).status_code == 404
