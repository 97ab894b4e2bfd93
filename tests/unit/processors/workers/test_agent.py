import msgspec
import pytest

from causeline.processors.adapters.memory.log import ManualClock
from causeline.processors.adapters.memory.workers import MemoryDirectory, MemoryLogReader, MemorySender, answer
from causeline.processors.workers.agent import Agent, reads_the_log
from causeline.processors.workers.known_causes import KnownCauses
from causeline.processors.workers.webhooks import Webhooks
from causeline.schemas.records.delivery_work import AttemptOutcome, Notification, Refill, Refilled, decode_message, encode_delivery_work
from causeline.schemas.subscriptions.rules import SigningKey, Subscription
from causeline.schemas.subscriptions.sealing import Sealer
from causeline.schemas.wire import codec
from tests.delivery_state import SEALER, T0, attempt, event, webhook

URL = "https://hooks.example/x"


def agent(
    *subscriptions: Subscription,
    sender: MemorySender | None = None,
    log: tuple[bytes, ...] = (),
    now: int = T0,
    causes: KnownCauses | None = None,
) -> Agent:
    clock = ManualClock(now)
    known = KnownCauses(0) if causes is None else causes
    channels = Webhooks(sender or MemorySender({URL: [answer(200)]}), SEALER, address="https://causeline.example")
    return Agent(MemoryDirectory(*subscriptions), {"webhook": channels}, MemoryLogReader(log, clock.now_ms), known, clock)


async def outcome(worker: Agent, **fields: object) -> AttemptOutcome:
    report = await worker.work(encode_delivery_work(attempt("sub", 7, attempt=3, **fields)))
    assert report is not None
    assert report.key == b"sub"
    attempt_outcome = decode_message(report.value)
    assert isinstance(attempt_outcome, AttemptOutcome)
    assert (attempt_outcome.subscription, attempt_outcome.seq, attempt_outcome.attempt) == ("sub", 7, 3)
    return attempt_outcome


async def test_an_attempt_is_reported_with_its_numbers() -> None:
    assert (await outcome(agent(webhook("sub", URL)))).result == "delivered"


async def test_an_unknown_subscription_is_a_failed_attempt() -> None:
    report = await outcome(agent())
    assert (report.result, report.detail) == ("failed", "subscription not known yet")
    assert (await outcome(agent(webhook("sub", URL)), revision=2)).detail == "subscription not known yet"


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ({"template": "{{"}, "template: line 1: unexpected 'end of template'"),
        ({"template": "{{ 1 % 0 }}"}, "template: ZeroDivisionError"),
        ({"headers": {"x": "not sealed"}}, "the secrets of the subscription were sealed with another key"),
        ({"keys": (SigningKey(secret=SEALER.seal("whsec_é")),)}, "internal: "),
    ],
)
async def test_a_target_that_cannot_be_used_is_a_failed_attempt(target: dict[str, object], detail: str) -> None:
    subscription = webhook("sub", URL)
    unusable = msgspec.structs.replace(subscription, target=msgspec.structs.replace(subscription.target, **target))
    report = await outcome(agent(unusable))
    assert report.result == "failed"
    assert report.detail.startswith(detail)


async def test_secrets_of_another_key_are_not_opened() -> None:
    other = Sealer("a" * 43 + "=")
    subscription = webhook("sub", URL)
    report = await outcome(
        agent(msgspec.structs.replace(subscription, target=msgspec.structs.replace(subscription.target, url=other.seal(URL))))
    )
    assert report.detail == "the secrets of the subscription were sealed with another key"


@pytest.mark.parametrize(
    ("template", "content_type"), [('{"a": {{ data.title | tojson }}}', "application/json"), ("{{ type }}", "text/plain")]
)
async def test_a_template_makes_the_body(template: str, content_type: str) -> None:
    subscription = webhook("sub", URL)
    sender = MemorySender({URL: [answer(200)]})
    await outcome(
        agent(msgspec.structs.replace(subscription, target=msgspec.structs.replace(subscription.target, template=template)), sender=sender)
    )
    assert sender.calls[0].headers["content-type"].startswith(content_type)
    assert sender.calls[0].body in {b'{"a": "rollout 7"}', b"event.created"}


async def test_a_part_of_the_log_is_reported_for_its_subscription() -> None:
    notification = Notification(subscriptions=("sub", "other"), what="test", entity="e", version=1, received=T0, at=T0)
    log = (
        encode_delivery_work(notification),
        b"\xc1",
        encode_delivery_work(msgspec.structs.replace(notification, subscriptions=("other",))),
    )
    report = await agent(log=log).work(encode_delivery_work(Refill(subscription="sub", partition=0, since=0, at=T0)))
    assert report is not None
    refill = decode_message(report.value)
    assert isinstance(refill, Refilled)
    assert (refill.since, refill.until) == (0, 3)
    assert refill.found == (msgspec.structs.replace(notification, subscriptions=("sub",)),)


LATE = {"begin_within_ms": 45_000, "at": T0}


@pytest.mark.parametrize(("delay", "result"), [(0, "delivered"), (45_000, "delivered"), (45_001, "unsent"), (-3_600_000, "delivered")])
async def test_an_attempt_that_lay_too_long_is_not_sent_and_says_so(delay: int, result: str) -> None:
    sender = MemorySender({URL: [answer(200)]})
    report = await outcome(agent(webhook("sub", URL), sender=sender, now=T0 + delay), **LATE)
    assert (report.result, report.delivery_id, report.at) == (result, attempt("sub", 7).delivery_id, T0 + delay)
    assert len(sender.calls) == (result == "delivered")


async def test_an_attempt_of_a_state_that_names_no_time_is_always_sent() -> None:
    assert (await outcome(agent(webhook("sub", URL), now=T0 + 3_600_000))).result == "delivered"


async def test_a_part_of_the_log_that_was_asked_for_too_long_ago_is_not_read() -> None:
    late = Refill(subscription="sub", partition=0, since=0, **LATE)
    assert await agent(now=T0 + 45_001).work(encode_delivery_work(late)) is None
    assert await agent(now=T0 + 45_000).work(encode_delivery_work(late)) is not None


async def test_work_that_cannot_be_read_is_left() -> None:
    assert await agent().work(b"\xc1") is None


async def test_work_that_is_not_utf8_is_left() -> None:
    damaged_work = encode_delivery_work(attempt("sub", 7, entity="eeee")).replace(b"eeee", b"e\xff\xfee")
    assert not reads_the_log(damaged_work)
    assert await agent().work(damaged_work) is None


@pytest.mark.parametrize(("groups", "result"), [(None, "delivered"), (("sec",), "delivered"), ((), "withheld"), (("ops",), "withheld")])
async def test_a_restricted_event_that_waited_is_told_as_far_as_the_rule_goes_now(groups: tuple[str, ...] | None, result: str) -> None:
    subscription = webhook("sub", URL)
    changed = msgspec.structs.replace(subscription, rule=msgspec.structs.replace(subscription.rule, groups=groups))
    sender = MemorySender({URL: [answer(200)]})
    report = await outcome(agent(changed, sender=sender), record=codec.encode_record(event(7, allowed_groups=["sec"])))
    assert report.result == result
    assert len(sender.calls) == (result == "delivered")


SECRET_URL = "https://hooks.example/x?token=t0ps3cret%2Fq"
ECHOES = [
    "bad token s3cr3t/value&more",
    '{"authorization": "Bearer s3cr3t\\/value&more"}',
    "<b>s3cr3t/value&amp;more</b>",
    "GET /x?h=s3cr3t%2Fvalue%26more",
    "at /x?token=t0ps3cret%2Fq",
    '{"args": {"token": "t0ps3cret/q"}}',
    "login admin:hunter22",
    " " * 4_000 + "Authorization: Bearer s3cr3t/va",
]


@pytest.mark.parametrize("echo", ECHOES, ids=range(len(ECHOES)))
async def test_an_endpoint_that_repeats_the_request_brings_no_secret_into_the_log(echo: str) -> None:
    headers = {"authorization": SEALER.seal("Bearer s3cr3t/value&more"), "x-login": SEALER.seal("Basic YWRtaW46aHVudGVyMjI=")}
    sender = MemorySender({SECRET_URL: [answer(500, echo.encode())]})
    report = await outcome(agent(webhook("sub", SECRET_URL, headers=headers), sender=sender))
    assert report.result == "failed"
    assert "***" in report.detail
    assert not any(secret in report.detail for secret in ("s3cr3t", "t0ps3cret", "hunter22"))
