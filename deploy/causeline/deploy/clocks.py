"""The clocks of the running system: the only place, with the adapters, where time is read."""

import time


def now_ms() -> int:
    """Return the wall clock in ms since the epoch, UTC. It may step back."""
    return time.time_ns() // 1_000_000
