"""ApiTraffic's names of things: accounts and events (ApiTraffic, "Path Parameters").

An event's sid is its id in the form of a KSUID: 32-bit seconds and the 128 bits of the id, in 27 base62 digits. The seconds are a function
of the id alone, so that a sid never changes and a retry with its idempotency key gets the same one: a UUIDv7 has its time in it,
any other id gets 0. Tools that read KSUIDs read the event's time.
"""

import re
import string
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from causeline.schemas.values import ids
from causeline.schemas.web.errors import NotFound

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES: Final = {digit: value for value, digit in enumerate(_BASE62)}
_DIGITS: Final = 27
_ID_BITS: Final = 128
_KSUID_EPOCH_S: Final = 1_400_000_000
_MAX_SECONDS: Final = (1 << 32) - 1
_SID: Final = re.compile(r"evt_([0-9A-Za-z]{27})")
_ACCOUNT: Final = re.compile(r"acc_[0-9A-Za-z]{1,64}")


def sid_of(event_id: str) -> str:
    """Return the sid of an id (a UUID text)."""
    ts = ids.ts_of(event_id)
    seconds = 0 if ts is None else min(max(ts // 1000 - _KSUID_EPOCH_S, 0), _MAX_SECONDS)
    value = (seconds << _ID_BITS) | int(event_id.replace("-", ""), 16)
    digits = []
    for _ in range(_DIGITS):
        value, digit = divmod(value, len(_BASE62))
        digits.append(_BASE62[digit])
    return "evt_" + "".join(reversed(digits))


def id_of_sid(sid: str) -> str | None:
    """Return the id that a sid stands for, None for one that no event has (the document's own examples have 24 and 21 characters)."""
    match = _SID.fullmatch(sid)
    if match is None:
        return None
    value = 0
    for digit in match[1]:
        value = value * len(_BASE62) + _VALUES[digit]
    event_id = str(UUID(int=value & ((1 << _ID_BITS) - 1)))
    return event_id if sid_of(event_id) == sid else None


def account_of(params: Mapping[str, str]) -> str:
    """Return the account of a path, which is the tenant. Raises NotFound for what cannot name one."""
    account = params["accountSid"]
    if _ACCOUNT.fullmatch(account) is None:
        raise NotFound(f"there is no account {account[:100]}", where="PATH")
    return account
