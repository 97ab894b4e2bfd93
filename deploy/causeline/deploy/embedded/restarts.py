"""When something that died is started again, and how its end is told. Pure."""

import signal
from typing import Final

FIRST_S: Final = 0.2
LONGEST_S: Final = 5.0
HEALTHY_S: Final = 30.0
"""Who ran this long had recovered: the next delay is the first one again."""


def next_delay(previous: float | None, ran_s: float) -> float:
    """Return the seconds to wait before the next start; `previous` is the delay before the last one, None if there was none."""
    if previous is None or ran_s >= HEALTHY_S:
        return FIRST_S
    return min(previous * 2, LONGEST_S)


def reason(code: int) -> str:
    """Say how a process ended: `exit code 1`, or by name the signal that ended it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
