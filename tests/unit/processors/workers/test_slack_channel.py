from typing import Any

import msgspec
import pytest

from causeline.processors.adapters.memory.workers import MemoryChanges, MemorySender, answer
from causeline.processors.workers.cause_summaries import summarize
from causeline.processors.workers.ports import Unanswered, WindowChange
from causeline.processors.workers.slack_channel import Slack
from causeline.schemas.records.problem import Transition
from tests.delivery_state import SEALER, T0, attempt
from tests.revisions import a_revision
from tests.unit.processors.workers.samples import problem, sealed, slack_subscription

HOOK = "https://hooks.slack.com/services/T/B/secret"
API = "https://slack.example/api"
POST, UPDATE = f"{API}/chat.postMessage", f"{API}/chat.update"
POSTED = answer(200, {"ok": True, "channel": "C1", "ts": "17.5", "message": {"text": "x"}})
BY_TOKEN = slack_subscription(slack_token=sealed("xoxb-1"), slack_channel="#ops", slack_username="Bot")


def bodies(sender: MemorySender) -> list[tuple[str, dict[str, Any]]]:
    return [(call.url, msgspec.json.decode(call.body)) for call in sender.calls]


def channel(sender: MemorySender, changes: MemoryChanges | None = None) -> Slack:
    return Slack(sender, SEALER, changes or MemoryChanges(), address="https://causeline.example", api=API)


async def test_an_incoming_webhook_gets_the_message() -> None:
    sender = MemorySender({HOOK: [answer(200, b"ok")]})
    outcome = await channel(sender).deliver(attempt("sub", 1), problem("opened"), slack_subscription(url=sealed(HOOK)), T0)
    assert (outcome.result, outcome.thread) == ("delivered", "")
    assert bodies(sender)[0][1]["blocks"][0]["type"] == "header"


async def test_the_first_message_of_a_problem_comes_back_as_its_thread() -> None:
    sender = MemorySender({POST: [POSTED]})
    outcome = await channel(sender).deliver(attempt("sub", 1), problem("opened"), BY_TOKEN, T0)
    assert (outcome.result, outcome.thread) == ("delivered", "C1:17.5")
    assert sender.calls[0].headers["authorization"] == "Bearer xoxb-1"
    ((_, body),) = bodies(sender)
    assert (body["channel"], body["username"]) == ("#ops", "Bot")
    assert "thread_ts" not in body


async def test_a_later_transition_edits_the_first_message_and_goes_into_its_thread() -> None:
    sender = MemorySender({POST: [POSTED], UPDATE: [answer(200, {"ok": False, "error": "cant_update_message"})]})
    outcome = await channel(sender).deliver(attempt("sub", 2, thread="C1:17.5"), problem("closed"), BY_TOKEN, T0)
    assert (outcome.result, outcome.thread) == ("delivered", "C1:17.5")
    (edited, first), (posted, reply) = bodies(sender)
    assert (edited, first["channel"], first["ts"]) == (UPDATE, "C1", "17.5")
    assert (posted, reply["channel"], reply["thread_ts"]) == (POST, "C1", "17.5")
    assert "Problem closed" in first["text"]


async def test_causes_go_into_the_thread_of_their_problem_and_edit_nothing() -> None:
    sender = MemorySender({POST: [POSTED], UPDATE: [POSTED]})
    outcome = await channel(sender).deliver(attempt("sub", 2, thread="C1:17.5"), a_revision(), BY_TOKEN, T0)
    assert (outcome.result, outcome.thread) == ("delivered", "C1:17.5")
    ((posted, reply),) = bodies(sender)
    assert (posted, reply["channel"], reply["thread_ts"]) == (POST, "C1", "17.5")
    assert "Likely cause" in reply["text"]


async def test_a_message_that_is_edited_shows_the_causes_that_are_known_now() -> None:
    sender = MemorySender({POST: [POSTED], UPDATE: [POSTED]})
    await channel(sender).deliver(attempt("sub", 2, thread="C1:17.5"), problem("closed"), BY_TOKEN, T0, summarize(a_revision()))
    assert ["Likely cause" in body["text"] for _, body in bodies(sender)] == [True, True]


@pytest.mark.parametrize(
    ("said", "result", "detail"),
    [
        (answer(200, {"ok": False, "error": "ratelimited"}), "limited", "ratelimited"),
        (answer(200, {"ok": False, "error": "channel_not_found"}), "failed", "channel_not_found"),
        (answer(200, {"ok": False, "error": "invalid_auth"}), "failed", "invalid_auth"),
        (answer(200, {"ok": False, "error": "account_inactive"}), "failed", "account_inactive"),
        (answer(200, b"<html>"), "failed", "not an answer of Slack"),
        (answer(429, b"", "30"), "limited", ""),
        (answer(503, b"later"), "failed", "later"),
        (Unanswered("timeout"), "failed", "timeout"),
    ],
)
async def test_slack_says_no_in_many_ways(said: Any, result: str, detail: str) -> None:
    outcome = await channel(MemorySender({POST: [said]})).deliver(attempt("sub", 1), problem("opened"), BY_TOKEN, T0)
    assert (outcome.result, outcome.detail) == (result, detail)
    assert outcome.retry_after_ms == (30_000 if outcome.status == 429 else 0)


@pytest.mark.parametrize(
    ("transition", "thread", "is_asked"),
    [("opened", "", True), ("reopened", "", True), ("refreshed", "", False), ("closed", "", False), ("closed", "C1:17.5", True)],
)
async def test_what_changed_is_asked_where_it_is_shown(transition: Transition, thread: str, is_asked: bool) -> None:  # noqa: FBT001
    changes = MemoryChanges([WindowChange(id="c", kind="deployment", title="rollout")])
    sender = MemorySender({POST: [POSTED], UPDATE: [POSTED]})
    await channel(sender, changes).deliver(attempt("sub", 1, thread=thread), problem(transition), BY_TOKEN, T0)
    assert changes.calls == ([("t", ("ops",), "problem/1")] if is_asked else [])
    assert ("What changed" in msgspec.json.encode(bodies(sender)[0][1]).decode()) == is_asked


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{"text": "a", "x": 1}', {"text": "a", "x": 1}),
        ("plain {{ type }}", {"text": "plain problem.opened"}),
        ("{{ causes.verdict }}: {{ causes.causes[0].title }}", {"text": "likely: checkout 1.41.0"}),
    ],
)
async def test_a_template_makes_the_message(template: str, said: dict[str, Any]) -> None:
    sender = MemorySender({HOOK: [answer(200, b"ok")]})
    subscription = slack_subscription(url=sealed(HOOK), template=template)
    await channel(sender).deliver(attempt("sub", 1), problem("opened"), subscription, T0, summarize(a_revision()))
    assert bodies(sender) == [(HOOK, said)]
