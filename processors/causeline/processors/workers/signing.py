"""Signatures of Standard Webhooks (https://www.standardwebhooks.com): any library of theirs checks who sent what, and when."""

from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from causeline.schemas.subscriptions.rules import SigningKey


def valid_keys(keys: Iterable[SigningKey], now: int) -> list[SigningKey]:
    """Return the keys that sign at `now` (ms UTC): a replaced one does until its time has come."""
    return [key for key in keys if key.until is None or key.until > now]


def signature_headers(secrets: Iterable[str], delivery_id: str, body: bytes, now: int) -> dict[str, str]:
    """Return the three headers of an attempt at `now` (ms UTC): id, seconds, and one `v1,…` for each secret (`whsec_…`).

    Raises ValueError (binascii.Error is one) where a secret is not base64.
    """
    seconds = now // 1000
    at = datetime.fromtimestamp(seconds, UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(delivery_id, at, text) for secret in secrets]
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(seconds)}
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})
