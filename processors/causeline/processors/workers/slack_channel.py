"""Deliver to Slack: by an incoming webhook, or by a token, which threads the transitions of a problem below its first message.

With a token, the first message of a problem is its state: later transitions are posted into its thread, and the first message is edited to
show the newest one. It is edited first: to edit it again does no harm where the post then fails and is repeated. A ranking of causes goes
into the thread too, and edits nothing.
"""

from typing import Any, Final

import msgspec

from causeline.processors.workers import payload, secrecy, slack
from causeline.processors.workers.answers import Verdict, clean, verdict
from causeline.processors.workers.cause_summaries import CauseSummary
from causeline.processors.workers.ports import EndpointAnswer, EndpointCall, ProblemChanges, Sender, WindowChange
from causeline.processors.workers.slack_blocks import SlackMessage
from causeline.processors.workers.webhooks import body_of
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery_work import Attempt
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule, Subscription
from causeline.schemas.subscriptions.sealing import Sealer

API: Final = "https://slack.com/api"
_JSON: Final = {"content-type": "application/json; charset=utf-8"}
_MAX_ANSWER: Final = 262_144
"""An answer repeats the message, whose blocks may be some 20 KiB."""
_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_BEGINNINGS: Final = frozenset({"opened", "reopened"})


class _SlackAnswer(msgspec.Struct, frozen=True):
    """What the Web API answers: `error` where it is not `ok`, else where the message is."""

    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""


class Slack:
    """Tells Slack. `address` is the server's in links, `api` where Slack's Web API is."""

    def __init__(self, sender: Sender, sealer: Sealer, changes: ProblemChanges, *, address: str, api: str = API) -> None:
        self._sender = sender
        self._sealer = sealer
        self._changes = changes
        self._address = address
        self._api = api.rstrip("/")

    async def deliver(
        self, attempt: Attempt, record: payload.NotifiedRecord, subscription: Subscription, now: int, causes: CauseSummary | None = None
    ) -> Verdict:
        """Make one attempt at `now` (ms UTC), of a problem with what is known of its `causes`.

        Raises sealing.UnsealFailed, templates.TemplateFailed.
        """
        target = subscription.target
        message = slack.with_look(await self._message(attempt, record, subscription, causes), target)
        if not target.slack_token:
            url = self._sealer.open(target.url)
            answer = await self._sender.send(EndpointCall(url=url, headers=_JSON, body=msgspec.json.encode(message)))
            return verdict(answer, now, secrecy.of_url(url, is_path_secret=True))
        token = self._sealer.open(target.slack_token)
        channel, _, first = attempt.thread.partition(":")
        if not first:
            return await self._call("chat.postMessage", token, {"channel": target.slack_channel, **message}, now)
        if not isinstance(record, CauseRevision):
            await self._call("chat.update", token, {"channel": channel, "ts": first, **message}, now)
        posting = await self._call("chat.postMessage", token, {"channel": channel, "thread_ts": first, **message}, now)
        return msgspec.structs.replace(posting, thread=attempt.thread)

    async def _message(
        self, attempt: Attempt, record: payload.NotifiedRecord, subscription: Subscription, causes: CauseSummary | None
    ) -> SlackMessage:
        rule, target = subscription.rule, subscription.target
        if target.template:
            body, _ = await body_of(payload.payload(record, rule, attempt.received, causes, self._address), target.template)
            return _of_template(body)
        return slack.slack_message(record, rule, self._address, await self._context(record, rule, attempt), causes)

    async def _context(self, record: payload.NotifiedRecord, rule: Rule, attempt: Attempt) -> list[WindowChange]:
        """Ask what changed before a problem that began, and again where its first message is edited: that replaces all of it."""
        if not isinstance(record, Problem) or record.is_deleted or not (record.transition in _BEGINNINGS or attempt.thread):
            return []
        return await self._changes.around(rule.tenant, rule.groups, record.id)

    async def _call(self, method: str, token: str, arguments: dict[str, Any], now: int) -> Verdict:
        headers = {**_JSON, "authorization": f"Bearer {token}"}
        call = EndpointCall(url=f"{self._api}/{method}", headers=headers, body=msgspec.json.encode(arguments), read=_MAX_ANSWER)
        answer = await self._sender.send(call)
        status_verdict = verdict(answer, now, (token,))
        return (
            _judge(answer, status_verdict, token)
            if isinstance(answer, EndpointAnswer) and status_verdict.result == "delivered"
            else status_verdict
        )


def _judge(answer: EndpointAnswer, status_verdict: Verdict, token: str) -> Verdict:
    """Return what an answer of the Web API means: its status is 200 also where it refuses."""
    try:
        slack_answer = msgspec.json.decode(answer.body, type=_SlackAnswer)
    except msgspec.DecodeError:
        slack_answer = _SlackAnswer(ok=False)
    if slack_answer.ok:
        thread = f"{slack_answer.channel}:{slack_answer.ts}" if slack_answer.channel and slack_answer.ts else ""
        return msgspec.structs.replace(status_verdict, thread=thread)
    error = clean(secrecy.without(slack_answer.error, (token,))) or "not an answer of Slack"
    return Verdict(result="limited" if error in _LIMITED else "failed", status=answer.status, detail=error)


def _of_template(body: bytes) -> SlackMessage:
    """Return the message that a template made: a JSON object as it is, anything else as its text."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return {"text": body.decode()}
