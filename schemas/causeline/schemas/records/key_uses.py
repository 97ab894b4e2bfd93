"""What a record of the configuration remembers of the idempotency keys that it was written under."""

from typing import NamedTuple


class KeyUse(NamedTuple):
    """What was said under an idempotency key: the fingerprint of its content, and when (ms UTC)."""

    fingerprint: int
    at: int
