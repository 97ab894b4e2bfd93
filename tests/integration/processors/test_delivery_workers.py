"""`causeline deliver` as a process, on the real broker and against real sockets; the test plays the delivery state."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from standardwebhooks import Webhook

from causeline.deploy.adapters import topics
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery_work import AttemptOutcome
from causeline.schemas.subscriptions.rules import SigningKey
from causeline.schemas.topics import CAUSES
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests import patience
from tests.delivery_state import KEY, SEALER, SECRET, State, attempt, webhook
from tests.ports import free_port
from tests.receiver import OK, Behaviour, Drip, Hang, Receiver, Status, receiving
from tests.revisions import a_revision
from tests.self_signed import self_signed
from tests.sink_stack import PARTITIONS
from tests.unit.processors.workers.samples import problem, slack_subscription


@contextmanager
def worker(bootstrap: str, log: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "CAUSELINE_KAFKA": bootstrap,
        "CAUSELINE_PARTITIONS": str(PARTITIONS),
        "CAUSELINE_SECRETS_KEY": KEY,
        "CAUSELINE_DELIVERY_ALLOW": "127.0.0.1",
        "CAUSELINE_DELIVERY_TIMEOUT": "2s",
        "CAUSELINE_DELIVERIES_METRICS_PORT": str(free_port()),
        "CAUSELINE_SESSION_TIMEOUT_MS": "2000",
        **env,
    }
    with log.open("ab") as out:
        command = [str(Path(sys.executable).with_name("causeline")), "deliver"]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
async def state(broker: EmbeddedBroker) -> State:
    await topics.ensure(broker.bootstrap, PARTITIONS, 1)
    return State(broker.bootstrap, PARTITIONS)


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


async def test_every_answer_has_its_outcome(broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path) -> None:
    answers: dict[str, Behaviour] = {
        "ok": OK,
        "broken": Status(500, body=b"no\x00 database\n"),
        "limited": Status(429, {"retry-after": "7"}, b"ok"),
        "gone": Status(410, body=b"ok"),
        "hang": Hang(),
        "drip": Drip(0.05),
        "huge": Status(200, body=b"x" * 5_000_000),
        "moved": Status(307, {"location": endpoint.url("/ok")}),
        "seen": Status(302, {"location": endpoint.url("/ok")}),
        "inside": Status(308, {"location": f"http://127.0.0.2:{endpoint.port}/ok"}),
        "round": Status(307, {"location": "/round"}),
    }
    for name, behaviour in answers.items():
        endpoint.answer(f"/{name}", behaviour)
    tls, _ = self_signed(tmp_path)
    with receiving(tls) as unknown_authority:
        urls = {name: endpoint.url(f"/{name}") for name in answers} | {
            "metadata": "https://169.254.169.254/latest",
            "loopback": f"https://127.0.0.2:{endpoint.port}/ok",
            "unlisted": "http://1.1.1.1/",
            "nowhere": "https://nowhere.invalid/",
            "closed": f"http://127.0.0.1:{free_port()}/",
            "tls": unknown_authority.url("/ok", "https"),
        }
        names = {f"{name}-{endpoint.port}": url for name, url in urls.items()}
        await state.know(*(webhook(name, url) for name, url in names.items()))
        with worker(broker.bootstrap, tmp_path / "worker.log"):
            await state.hand_out(*(attempt(name, number) for number, name in enumerate(names)))
            reports = await state.reports(len(names), list(names))
    reports_by_name = {report.subscription.rsplit("-", 1)[0]: report for report in reports if isinstance(report, AttemptOutcome)}
    outcomes = {name: (outcome.result, outcome.status, outcome.detail) for name, outcome in reports_by_name.items()}
    assert outcomes == {
        "ok": ("delivered", 200, ""),
        "broken": ("failed", 500, "no database"),
        "limited": ("limited", 429, "ok"),
        "gone": ("gone", 410, "ok"),
        "hang": ("failed", 0, "timeout"),
        "drip": ("failed", 0, "timeout"),
        "huge": ("delivered", 200, ""),
        "moved": ("delivered", 200, ""),
        "seen": ("failed", 302, "redirect"),
        "inside": ("failed", 0, "refused address"),
        "round": ("failed", 307, "too many redirects"),
        "metadata": ("failed", 0, "refused address"),
        "loopback": ("failed", 0, "refused address"),
        "unlisted": ("failed", 0, "refused address"),
        "nowhere": ("failed", 0, "dns"),
        "closed": ("failed", 0, "connect"),
        "tls": ("failed", 0, "tls"),
    }
    assert reports_by_name["limited"].retry_after_ms == 7_000
    assert 1_900 <= reports_by_name["hang"].took_ms < 4_000
    assert 1_900 <= reports_by_name["drip"].took_ms < 4_000
    delivery = endpoint.requests("/ok")[0]
    body = Webhook(SECRET).verify(delivery.body, dict(delivery.headers))
    assert body["type"] == "event.created"
    assert body["data"]["title"] == "rollout 0"
    assert "cookie" not in delivery.headers


async def test_a_replaced_secret_signs_until_its_time_has_come(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    old, older, new = (f"whsec_{letter * 32}" for letter in "abc")
    name = f"rotated-{endpoint.port}"
    subscription = webhook(name, endpoint.url("/"), headers={"X-Team": SEALER.seal("shop"), "Webhook-Id": SEALER.seal("forged")})
    keys = ((new, None), (old, 9_000_000_000_000), (older, 1))
    target = msgspec.structs.replace(
        subscription.target, keys=tuple(SigningKey(secret=SEALER.seal(secret), until=until) for secret, until in keys)
    )
    await state.know(msgspec.structs.replace(subscription, target=target))
    with worker(broker.bootstrap, tmp_path / "worker.log"):
        await state.hand_out(attempt(name, 1))
        delivery = (await asyncio.to_thread(endpoint.until, "/", 1))[0]
    assert delivery.headers["x-team"] == "shop"
    assert delivery.headers["webhook-id"].startswith("msg_")
    assert len(delivery.headers["webhook-signature"].split()) == 2
    for secret in (new, old):
        assert Webhook(secret).verify(delivery.body, dict(delivery.headers))


async def test_hanging_endpoints_do_not_hold_up_the_others(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    endpoint.answer("/hang", Hang())
    hanging = [f"hanging-{n}-{endpoint.port}" for n in range(8)]
    healthy = [f"healthy-{n}-{endpoint.port}" for n in range(20)]
    await state.know(*(webhook(name, endpoint.url("/hang")) for name in hanging), *(webhook(name, endpoint.url("/ok")) for name in healthy))
    with worker(broker.bootstrap, tmp_path / "worker.log", CAUSELINE_DELIVERY_TIMEOUT="60s"):
        await state.hand_out(*(attempt(name, 1) for name in hanging))
        await asyncio.to_thread(endpoint.until, "/hang", len(hanging))
        await state.hand_out(*(attempt(name, seq) for name in healthy for seq in range(10)))
        reports = await state.reports(200, healthy)
    assert {report.result for report in reports if isinstance(report, AttemptOutcome)} == {"delivered"}


async def test_a_killed_worker_leaves_nothing_undone(broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path) -> None:
    endpoint.answer("/slow", Hang(), OK)
    names = [f"killed-{n}-{endpoint.port}" for n in range(8)]
    await state.know(webhook(names[0], endpoint.url("/slow")), *(webhook(name, endpoint.url("/ok")) for name in names[1:]))
    work = [attempt(names[0], 0), *(attempt(name, seq) for seq in range(1, 40) for name in names)]
    with worker(broker.bootstrap, tmp_path / "worker.log", CAUSELINE_DELIVERY_TIMEOUT="60s") as first:
        # The first record of its partition is never finished, all that come after it are, and their offsets are asked to be committed.
        await state.hand_out(*work)
        await state.reports(len(work) - 1, names)
        await patience.lasting(2.5, "longer than the interval of the commits, which nobody can be told of")
        first.send_signal(signal.SIGKILL)
    with worker(broker.bootstrap, tmp_path / "worker.log"):
        reports = await state.reports(len(work), names)
    done_work = {(report.subscription, report.seq) for report in reports if isinstance(report, AttemptOutcome)}
    assert done_work == {(each.subscription, each.seq) for each in work}


async def test_workers_that_come_and_go_leave_nothing_undone(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    names = [f"moving-{n}-{endpoint.port}" for n in range(8)]
    await state.know(*(webhook(name, endpoint.url("/ok")) for name in names))
    work = [attempt(name, seq) for seq in range(300) for name in names]
    with worker(broker.bootstrap, tmp_path / "one.log") as first:
        await state.hand_out(*work[:800])
        await asyncio.to_thread(endpoint.until, "/ok", 100)
        with worker(broker.bootstrap, tmp_path / "two.log"):
            await state.hand_out(*work[800:1_600])
            await asyncio.to_thread(endpoint.until, "/ok", 1_000, seconds=120)
            first.terminate()
            await state.hand_out(*work[1_600:])
            reports = await state.reports(len(work), names)
    done_work = {(report.subscription, report.seq) for report in reports if isinstance(report, AttemptOutcome)}
    assert len(done_work) == len(work)


async def test_a_worker_that_is_asked_to_stop_ends_in_time_and_well(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    endpoint.answer("/hang", Hang())
    name = f"stopped-{endpoint.port}"
    await state.know(webhook(name, endpoint.url("/hang")))
    with worker(broker.bootstrap, tmp_path / "worker.log", CAUSELINE_DELIVERY_TIMEOUT="60s") as process:
        await state.hand_out(attempt(name, 1))
        await asyncio.to_thread(endpoint.until, "/hang", 1)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 5) == 0


async def test_what_is_told_of_a_problem_that_began_says_what_did_it(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    hook, chat, ready = (f"{name}-{endpoint.port}" for name in ("hook", "chat", "ready"))
    about = problem("opened", id=f"problem-{endpoint.port}")
    frame = codec.encode_record(about)
    slack = slack_subscription(url=SEALER.seal(endpoint.url("/slack")))
    rule = msgspec.structs.replace(slack.rule, id=chat)
    await state.know(
        webhook(hook, endpoint.url("/hook")), webhook(ready, endpoint.url("/ready")), msgspec.structs.replace(slack, rule=rule)
    )
    env = {"CAUSELINE_CAUSES_PATIENCE": "10s", "CAUSELINE_API_URL": f"http://127.0.0.1:{free_port()}"}
    with worker(broker.bootstrap, tmp_path / "worker.log", **env):
        await state.hand_out(attempt(ready, 1))
        await state.reports(1, [ready])
        later = int(time.time() * 1_000) + 60_000  # by a clock that is ahead: it waits as long as it may
        fields = {"what": "problem", "entity": about.id, "version": 1, "record": frame, "first_at": later}
        await state.hand_out(attempt(hook, 1, **fields), attempt(chat, 1, **fields))
        await publish(broker.bootstrap, a_revision(id="another"), a_revision(id=about.id, tenant="other"))
        await publish(broker.bootstrap, a_revision(id=about.id))
        outcomes = await state.reports(2, [hook, chat])
    assert [outcome.result for outcome in outcomes if isinstance(outcome, AttemptOutcome)] == ["delivered", "delivered"]
    told = msgspec.json.decode(endpoint.requests("/hook")[0].body)
    assert (told["type"], told["causes"]["verdict"]) == ("problem.opened", "likely")
    assert told["causes"]["causes"][0]["title"] == "checkout 1.41.0"
    message = msgspec.json.decode(endpoint.requests("/slack")[0].body)
    line = "Likely cause: deployment checkout 1.41.0, 4 min before (71 %)"
    assert message["text"] == f"Problem opened: Checkout is slow (checkout)\n{line}"
    assert message["blocks"][1]["text"]["text"] == line


async def test_a_worker_that_stops_lets_nothing_wait_for_causes(
    broker: EmbeddedBroker, state: State, endpoint: Receiver, tmp_path: Path
) -> None:
    name = f"stopping-{endpoint.port}"
    await state.know(webhook(name, endpoint.url("/stopping")))
    metrics_port = free_port()
    env = {"CAUSELINE_CAUSES_PATIENCE": "10s", "CAUSELINE_DELIVERIES_METRICS_PORT": str(metrics_port)}
    with worker(broker.bootstrap, tmp_path / "worker.log", **env) as process:
        about = problem("opened", id=f"problem-{name}")
        later = int(time.time() * 1_000) + 600_000
        await state.hand_out(
            attempt(name, 1, what="problem", entity=about.id, version=1, record=codec.encode_record(about), first_at=later)
        )

        async def is_waiting() -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    return "causeline_deliveries_in_flight 1.0" in (await client.get(f"http://127.0.0.1:{metrics_port}/metrics")).text
                except httpx.HTTPError:
                    return False

        await patience.found(is_waiting, seconds=60)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
    with worker(broker.bootstrap, tmp_path / "next.log", CAUSELINE_CAUSES_PATIENCE="0s"):  # for what it could not report any more
        (outcome,) = await state.reports(1, [name])
    assert isinstance(outcome, AttemptOutcome)
    assert outcome.result == "delivered"
    assert msgspec.json.decode(endpoint.requests("/stopping")[0].body)["causes"] is None


async def publish(bootstrap: str, *revisions: CauseRevision) -> None:
    """Publish rankings in one transaction, and others in one that is given up."""
    producer = AIOKafkaProducer(**client_options(bootstrap), transactional_id=f"causes-{id(revisions)}")
    await producer.start()
    try:
        for is_committed in (False, True):
            await producer.begin_transaction()
            for revision in revisions:
                about = revision if is_committed else msgspec.structs.replace(revision, verdict="none", causes=[])
                key = revision.id.encode()
                await producer.send(CAUSES, codec.encode_record(about), key, partition=partition_of(key, PARTITIONS))
            await (producer.commit_transaction() if is_committed else producer.abort_transaction())
    finally:
        await producer.stop()
