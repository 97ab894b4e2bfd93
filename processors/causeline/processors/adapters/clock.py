"""The machine's clock, for the composition root to hand in."""

import time


class SystemClock:
    """The real Clock."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()
