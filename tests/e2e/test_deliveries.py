"""A whole stack delivers: `causeline up` with its workers, a problem in its tables, a message for Slack that says what changed before."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import httpx
import jwt
import msgspec
import pytest
from aiokafka.errors import KafkaError

from causeline.schemas.records.delivery_work import AttemptOutcome
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule, Subscription, Target
from causeline.schemas.topics import PROBLEMS
from causeline.schemas.wire import codec
from tests import patience
from tests.delivery_state import KEY, SEALER, T0, State, attempt, webhook
from tests.kafka_topics import read_committed, until
from tests.ports import free_port
from tests.receiver import Status, receiving
from tests.stack import Stack

PARTITIONS = 4
SECRET = "s" * 40
SLACK_PORT = free_port()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that wants tokens, and whose Slack is on this machine."""
    env = {
        "CAUSELINE_AUTH": "required",
        "CAUSELINE_JWT_SECRET": SECRET,
        "CAUSELINE_SECRETS_KEY": KEY,
        "CAUSELINE_DELIVERY_ALLOW": "127.0.0.1",
        "CAUSELINE_SLACK_API": f"http://127.0.0.1:{SLACK_PORT}/api",
    }
    own_stack = Stack(tmp_path_factory.mktemp("delivering") / "data", **env)
    own_stack.start()
    yield own_stack
    own_stack.stop()


def api(stack: Stack) -> httpx.Client:
    claims = {"tenant": "t", "scope": "ingest read", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return httpx.Client(base_url=stack.url, headers={"authorization": f"Bearer {token}"}, timeout=10)


async def opened(stack: Stack) -> bytes:
    """Push a deployment and then an incident; return the framed problem."""
    with api(stack) as http:
        rollout = {"kind": "deployment", "title": "checkout 2.4", "service": "checkout"}
        event_id = http.post("/v1/events", json=rollout).raise_for_status().json()["id"]

        async def listed() -> bool:
            answer = await asyncio.to_thread(http.get, "/v1/events")
            return event_id in [event["id"] for event in answer.raise_for_status().json()["events"]]

        await until(listed)
        incident = {
            "title": "Checkout is slow",
            "attributes": {"type": "incident", "status": "open", "service": "checkout", "priority": "P1"},
        }
        http.post("/api/v1alpha1/event", json=incident).raise_for_status()

    async def published() -> bytes | None:
        for partition in range(PARTITIONS):
            for _, frame in await read_committed(stack.kafka, PROBLEMS, partition):
                if frame and codec.decode_record(frame, Problem).title == "Checkout is slow":
                    return frame
        return None

    frame = await patience.found(published)
    assert frame is not None
    return frame


async def test_slack_is_told_what_changed_before_a_problem(stack: Stack) -> None:
    frame = await opened(stack)
    about = codec.decode_record(frame, Problem)
    target = Target(type="slack", slack_token=SEALER.seal("xoxb"), slack_channel="#ops")
    rule = Rule(id="ops", tenant="t", revision=1, created_at=T0, groups=("ops",))
    state = State(stack.kafka, PARTITIONS)
    with receiving(port=SLACK_PORT) as slack:
        answer_body = msgspec.json.encode({"ok": True, "channel": "C1", "ts": "17.5"})
        slack.answer("/api/chat.postMessage", Status(200, body=answer_body))
        await state.know(Subscription(rule=rule, target=target, updated_at=T0))
        await state.hand_out(attempt("ops", 1, what="problem", entity=about.id, version=about.version, record=frame))
        posted = (await asyncio.to_thread(slack.until, "/api/chat.postMessage", 1))[0]
        (report,) = await state.reports(1, ["ops"])
    assert isinstance(report, AttemptOutcome)
    assert (report.result, report.thread) == ("delivered", "C1:17.5")
    metrics = (await asyncio.to_thread(httpx.get, stack.metrics["deliver"])).text
    assert "causeline_delivery_context_missed_total{" not in metrics
    texts = [block["text"]["text"] for block in msgspec.json.decode(posted.body)["blocks"] if "text" in block]
    assert texts[0] == ":red_circle: Problem opened: Checkout is slow"
    changed = texts[-1].split("\n")
    assert changed[0] == "*What changed*"
    assert changed[1].startswith("• *deployment* ")
    assert changed[1].endswith("(same service): checkout 2.4 · checkout")
    assert 'causeline_delivery_attempts_total{result="delivered"} 1.0' in metrics


async def test_deliveries_go_on_after_the_broker_was_killed(stack: Stack) -> None:
    state = State(stack.kafka, PARTITIONS)
    broker = stack.child("kafka.Kafka")
    broker.kill()
    broker.wait()
    with receiving() as endpoint:

        async def is_known() -> bool:
            try:
                await state.know(webhook("after", endpoint.url("/")))
            except KafkaError:
                return False
            return True

        await until(is_known, seconds=60)
        await state.hand_out(attempt("after", 1))
        (report,) = await state.reports(1, ["after"])
    assert isinstance(report, AttemptOutcome)
    assert report.result == "delivered"


async def test_a_worker_that_is_killed_is_started_again(stack: Stack) -> None:
    killed = stack.child("causeline deliver")
    killed.kill()

    def again() -> bool:
        with contextlib.suppress(LookupError):
            return stack.child("causeline deliver").pid != killed.pid
        return False

    await patience.holds(again)
