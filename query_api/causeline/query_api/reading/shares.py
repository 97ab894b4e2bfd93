"""Whose query runs next: the places of a pool, shared among tenants, so that the heavy questions of one leave room for the others.

Three rules. A tenant that holds no place takes any that is free. One that holds some leaves the last free place to those without, and holds
at most half of all while another tenant runs or waits. Who waits is served by tenant in turn, and within a tenant in order.
"""

import asyncio
from collections import deque
from typing import Final

from causeline.schemas.web.errors import OverShare, Unavailable


class Shares:
    """Places in one event loop. `waiting` bounds who waits in all, `waiting_each` those of one tenant."""

    def __init__(self, places: int, waiting: int, waiting_each: int) -> None:
        self._places: Final = places
        self._waiting: Final = waiting
        self._waiting_each: Final = waiting_each
        self._places_of: dict[str, int] = {}
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        """In the order of turns. Nobody waits in an empty queue: it goes."""

    def places_of(self, tenant: str) -> int:
        """Return how many places a tenant holds."""
        return self._places_of.get(tenant, 0)

    def queue_length(self, tenant: str) -> int:
        """Return how many of a tenant wait."""
        return len(self._queues.get(tenant, ()))

    async def enter(self, tenant: str) -> None:
        """Take a place, as soon as it is this tenant's turn; who is cancelled meanwhile waits no more.

        Raises OverShare where the tenant has as many waiting as it may, Unavailable where all have.
        """
        if tenant not in self._queues and self._may(tenant):
            self._places_of[tenant] = self.places_of(tenant) + 1
            return
        if sum(map(len, self._queues.values())) >= self._waiting:
            raise Unavailable("too many queries are waiting", retry_after_s=1)
        if self.queue_length(tenant) >= self._waiting_each:
            raise OverShare(f"{self._waiting_each} queries of the tenant are waiting already")
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(turn)
        self._serve()  # whoever waits alone behind the rules of a moment ago may go now
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(tenant)
            else:
                self._forget(tenant, turn)
            raise

    def leave(self, tenant: str) -> None:
        """Give a place back."""
        self._places_of[tenant] -= 1
        if not self._places_of[tenant]:
            del self._places_of[tenant]
        self._serve()

    def _may(self, tenant: str) -> bool:
        own, free = self.places_of(tenant), self._places - sum(self._places_of.values())
        if not own:
            return free > 0
        alone = self._places_of.keys() <= {tenant} and self._queues.keys() <= {tenant}
        return free > 1 and (alone or own < self._places // 2)

    def _serve(self) -> None:
        """Let in whoever may, by tenant in turn."""
        while (tenant := next((one for one in self._queues if self._may(one)), None)) is not None:
            queue = self._queues.pop(tenant)
            turn = queue.popleft()
            if queue:
                self._queues[tenant] = queue  # at the end: the next turn is another tenant's
            if not turn.done():
                self._places_of[tenant] = self.places_of(tenant) + 1
                turn.set_result(None)

    def _forget(self, tenant: str, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(tenant, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[tenant]
            self._serve()
