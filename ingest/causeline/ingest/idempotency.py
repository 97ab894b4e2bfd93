"""The header Idempotency-Key: beyond the API documents, taken by every writing call, so that a retry stores nothing twice."""

from collections.abc import Mapping
from typing import Final

from causeline.schemas.errors import Invalid

MAX_KEY: Final = 255
_HEADER: Final = "idempotency-key"


def idempotency_key(headers: Mapping[str, str]) -> str:
    """Return the key, empty where there is none (header names in lower case). Raises Invalid for one of more than 255 characters."""
    key = headers.get(_HEADER, "").strip()
    if len(key) > MAX_KEY:
        raise Invalid(f"the header Idempotency-Key has more than {MAX_KEY} characters", where="HEADER")
    return key
