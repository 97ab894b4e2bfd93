"""How often an address may fail to sign in: a bounded table. Pure; nobody guesses 256 random bits, but who tries must not cost much."""

import ipaddress
from collections import OrderedDict
from typing import Final

from causeline.schemas.web.errors import TooManyAttempts

MOST_FAILURES: Final = 20
WINDOW_MS: Final = 300_000
MAX_ADDRESSES: Final = 4_096
"""Addresses that are remembered; beyond it the one that failed longest ago is forgotten."""
_IPV6_NETWORK: Final = 64


class Attempts:
    """Failures by address since the first one of a window. Behind a proxy all are of the proxy's address, and share its window."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def look(self, client: str, now: int) -> None:
        """Let an address try at `now` (ms UTC); `client` is `address:port`. Raises TooManyAttempts."""
        began, count = self._failures.get(_network(client), (now, 0))
        left_ms = began + WINDOW_MS - now
        if count >= MOST_FAILURES and 0 < left_ms <= WINDOW_MS:
            raise TooManyAttempts("too many wrong tokens came from your address: try again later", -(-left_ms // 1_000))

    def fail(self, client: str, now: int) -> None:
        """Note that an address failed."""
        network = _network(client)
        began, count = self._failures.pop(network, (now, 0))
        is_over = not 0 <= now - began < WINDOW_MS
        self._failures[network] = (now, 1) if is_over else (began, count + 1)
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _network(client: str) -> str:
    """Return what one party has: an address of IPv4, or 64 bits of one of IPv6."""
    text = client.rpartition(":")[0].strip("[]").removeprefix("::ffff:")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return text if address.version == 4 else str(ipaddress.ip_network((int(address), _IPV6_NETWORK), strict=False))  # noqa: PLR2004
