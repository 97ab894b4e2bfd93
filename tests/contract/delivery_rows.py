"""Attempts to deliver, for the laws of those who keep and show them."""

from typing import Any, Final

from causeline.schemas.records.delivery import Delivery

RECEIVED: Final = 2_500_000_000_000
"""In the year 2049: what is older than 90 days is dropped by its table."""


def delivery(delivery_id: str = "m1", **fields: Any) -> Delivery:
    """A first attempt that was delivered a second after its event came in."""
    base: dict[str, Any] = {"tenant": "acme", "subscription_id": "s1", "attempt": 1, "what": "event", "entity": "e1", "version": 1}
    base |= {"outcome": "delivered", "status_code": 200, "took_ms": 7, "received": RECEIVED}
    delivery_fields = {**base, **fields}
    return Delivery(**{"at": delivery_fields["received"] + 1_000, **delivery_fields}, id=delivery_id)
