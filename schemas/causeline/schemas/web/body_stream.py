"""A body that is made while it is sent and has no end of its own: what a handler gives to the HTTP shell in place of bytes.

The shell takes chunks as fast as the client does and says how the client ended it; the stream says how everything else did.
"""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

EndReason = Literal["client_gone", "slow", "server_stopping", "refused", "failed"]
"""Why a stream ended: the client left; it took too little for too long; the server stops; its token was revoked or ran out; a bug,
or the log could not be read any more."""


class BodyStream(Protocol):
    """The first `end` counts, whoever calls it; from then on no chunk comes. `close` frees what it holds, also where it never began."""

    @property
    def ended(self) -> EndReason | None:
        """Why it ended, None while it lives."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the chunks. To be asked for once."""
        ...

    def end(self, reason: EndReason) -> None:
        """End it: whoever waits for a chunk is told at once that there is none."""
        ...

    async def close(self) -> None:
        """Free what it holds; without an `end` before, as `failed`."""
        ...
