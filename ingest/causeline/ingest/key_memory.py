"""Idempotency keys of what lies in the configuration: each record remembers those of its last writes.

So every server knows them, and a late repeat does not undo what was written since. Keys lie there hashed.
"""

from collections.abc import Mapping
from typing import Final

from causeline.ingest.idempotency import HEADER
from causeline.schemas.records.key_uses import KeyUse
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Conflict, FieldError

_USES_KEPT: Final = 100
"""Of one record: more writes in the time that a key is known come from a loop, whose repeats say the same."""


class KeyMemory:
    """The key of one request ('' without) at `now`, and what records remember of it for `window_ms` (ms UTC)."""

    def __init__(self, key: str, now: int, window_ms: int) -> None:
        self._name: Final = str(ids.fingerprint(key.encode())) if key else ""
        self._now, self._window_ms = now, window_ms

    @property
    def is_keyed(self) -> bool:
        """Whether the request has a key."""
        return self._name != ""

    def use(self, uses: Mapping[str, KeyUse], fingerprint: int) -> KeyUse | None:
        """Return when this was done under the same key, None where it was not. Raises Conflict for other content."""
        use = uses.get(self._name) if self._name else None
        if use is None or self.is_forgotten(use):
            return None
        if use.fingerprint != fingerprint:
            message = "came with other content before"
            raise Conflict(f"{HEADER}: {message}", (FieldError(HEADER, message),))
        return use

    def next_uses(self, uses: Mapping[str, KeyUse], fingerprint: int) -> dict[str, KeyUse]:
        """Return what a record remembers from here on, the request among it."""
        uses_left = {name: use for name, use in uses.items() if not self.is_forgotten(use) and name != self._name}
        if self._name:
            uses_left[self._name] = KeyUse(fingerprint, self._now)
        return dict([*uses_left.items()][-_USES_KEPT:])

    def is_forgotten(self, use: KeyUse) -> bool:
        """Tell whether a use is so old that its key is as good as new."""
        return use.at <= self._now - self._window_ms
