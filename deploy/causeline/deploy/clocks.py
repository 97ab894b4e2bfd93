"""The clocks of the running system: the only place, with the adapters, where time is read."""

import time
from typing import Final

import structlog

from causeline.schemas.telemetry import CLOCK_STEPS

_log: Final = structlog.get_logger(__name__)

_STEP_MS: Final = 1_000
"""Smaller differences are how a time service slews, or a look that was late between its two readings."""


def now_ms() -> int:
    """Return the wall clock in ms since the epoch, UTC. It may step back."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return ms since some moment, by a clock that never steps back: for how long ago something was."""
    return time.monotonic_ns() // 1_000_000


class StepWatch:
    """Tells when the wall clock stepped: how far it is from the steady one changes only then."""

    def __init__(self) -> None:
        self._apart: int | None = None

    def look(self, wall: int, steady: int) -> None:
        """Compare with the last look; log and count a step. Both in ms."""
        before, self._apart = self._apart, wall - steady
        if before is not None and abs(step := self._apart - before) >= _STEP_MS:
            CLOCK_STEPS.labels("back" if step < 0 else "forward").inc()
            _log.warning("clock stepped", seconds=step / 1_000)
