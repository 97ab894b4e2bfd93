"""The machine's clock, for the composition root to hand in."""

import asyncio
import time


class SystemClock:
    """The real Clock."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when so many of those seconds have passed."""
        await asyncio.sleep(seconds)
