"""How long an embedded engine may do nothing until its process ends, so that a supervisor starts the next one.

The engine's threads are threads of this process: nothing in it can take back what they hold, and another handle on the same engine waits
for the same. A server of ClickHouse is somebody else's process, and is waited for. Nothing acknowledged is lost: it is on the log.
"""

from collections.abc import Sequence
from typing import Final, Protocol

PATIENCE_MS: Final = 20_000
"""Beyond the seconds until a part is stuck (`QueryLimits.overdue_s`, twice, since the first handles are replaced): 40 s in all."""


class EngineStuck(RuntimeError):
    """The embedded engine does nothing any more, and nothing in this process can change that."""


class EnginePart(Protocol):
    """What asks the engine."""

    @property
    def stuck(self) -> str:
        """Say what does not come back, '' where everything does."""
        ...


class EnginePatience:
    """Folds looks at what is stuck; a single look at which nothing is begins the time anew."""

    def __init__(self, patience_ms: int = PATIENCE_MS) -> None:
        self._patience_ms: Final = patience_ms
        self._since: int | None = None

    def look(self, stuck: Sequence[str], now: int) -> None:
        """Take in one look, made at `now` (ms of a clock that never steps back). Raises EngineStuck where it has been so for too long."""
        reasons = [reason for reason in stuck if reason]
        if not reasons:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since > self._patience_ms:
            raise EngineStuck(f"the embedded engine does nothing any more: {'; '.join(reasons)}")
