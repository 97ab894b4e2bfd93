"""Deliver to a webhook: the payload or the target's template, signed anew at each attempt."""

import asyncio
from typing import Any, Final

import msgspec

from causeline.processors.workers import payload, secrecy, signing
from causeline.processors.workers.answers import Verdict, verdict
from causeline.processors.workers.cause_summaries import CauseSummary
from causeline.processors.workers.ports import EndpointCall, Sender
from causeline.schemas.records.delivery_work import Attempt
from causeline.schemas.subscriptions import templates
from causeline.schemas.subscriptions.endpoints import is_reserved
from causeline.schemas.subscriptions.rules import Subscription, Target
from causeline.schemas.subscriptions.sealing import Sealer

JSON_CONTENT_TYPE: Final = "application/json"
PLAIN_TEXT: Final = "text/plain; charset=utf-8"


def own_headers(target: Target, sealer: Sealer) -> dict[str, str]:
    """Return the headers that a target adds, opened, names in lower case. Raises sealing.UnsealFailed."""
    return {name.lower(): sealer.open(sealed) for name, sealed in target.headers.items() if not is_reserved(name)}


async def body_of(document: dict[str, Any], template: str) -> tuple[bytes, str]:
    """Return body and content type. Raises templates.TemplateFailed.

    A template runs in a thread: it is bounded in its steps, but these may take longer than everybody else should wait.
    """
    if not template:
        return payload.json_body(document), JSON_CONTENT_TYPE
    text = await asyncio.to_thread(templates.render, template, payload.plain(document))
    return text.encode(), JSON_CONTENT_TYPE if _is_json(text) else PLAIN_TEXT


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


class Webhooks:
    """Tells webhooks; `sealer` opens their secrets, `address` is the server's in links."""

    def __init__(self, sender: Sender, sealer: Sealer, *, address: str) -> None:
        self._sender = sender
        self._sealer = sealer
        self._address = address

    async def deliver(
        self, attempt: Attempt, record: payload.NotifiedRecord, subscription: Subscription, now: int, causes: CauseSummary | None = None
    ) -> Verdict:
        """Send one attempt at `now` (ms UTC), of a problem with what is known of its `causes`.

        Raises sealing.UnsealFailed, templates.TemplateFailed, ValueError for a bad secret.
        """
        target = subscription.target
        document = payload.payload(record, subscription.rule, attempt.received, causes, self._address)
        body, content_type = await body_of(document, target.template)
        secrets = [self._sealer.open(key.secret) for key in signing.valid_keys(target.keys, now)]
        own, url = own_headers(target, self._sealer), self._sealer.open(target.url)
        headers = own | {"content-type": content_type} | signing.signature_headers(secrets, attempt.delivery_id, body, now)
        answer = await self._sender.send(EndpointCall(url=url, headers=headers, body=body))
        return verdict(answer, now, (*secrecy.of_headers(own), *secrecy.of_url(url)))
