"""Which endpoints may be reached: what keeps a subscription from making Causeline call into the network that it runs in.

A URL is looked at before anything is sent, and every address that its name resolves to before a connection is made; the connection goes
to the address that was looked at. So neither a name that resolves to something else a moment later nor a redirect gets around it. What an
operator lists in `delivery_allow` (host names, addresses, networks) may be reached all the same, also without TLS.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Refusal = Literal["not a URL", "credentials in the URL", "http is not allowed", "refused address"]

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL: Final[tuple[Network, ...]] = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "192.88.99.0/24")))
"""What the library takes for global and is not: NAT64 of local use (RFC 8215), site-local addresses, 6to4 relays (RFC 7526)."""
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_MAX_PORT: Final = 65_535


class Refused(Exception):
    """The endpoint may not be reached; `why` is a closed set of words."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why: Final = why


class Allowed(msgspec.Struct, frozen=True):
    """What an operator allows beyond public addresses: names in lower case without a final dot, and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def has_name(self, host: str) -> bool:
        """Tell whether a host is listed by its name."""
        return _plain(host) in self.names

    def has_address(self, address: Address) -> bool:
        """Tell whether an address is listed; an IPv4 address inside IPv6 counts as what it stands for."""
        return any(inner in network for inner in _readings(address) for network in self.networks if inner.version == network.version)


def allowed(text: str) -> Allowed:
    """Return what a list with commas allows: `10.1.0.0/16,hooks.internal,127.0.0.1`. Raises ValueError where a part is no such thing."""
    names: set[str] = set()
    networks: list[Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        bare = part.strip("[]")
        try:
            networks.append(ipaddress.ip_network(bare))
        except ValueError:
            if "/" in part or ":" in part:
                raise ValueError(f"{part!r} is neither a host name nor an address nor a network") from None
            names.add(_plain(part))
    return Allowed(frozenset(names), tuple(networks))


def checked_url(url: str, allow: Allowed) -> SplitResult:
    """Return the parts of a URL that may be tried; its addresses are still to be looked at. Raises Refused.

    Plain http passes where the host is listed by name, and where it is a name or an address that may turn out to be in a listed network:
    `permitted(…, listed_only=True)` then decides by the address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("not a URL") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0 or (port or 0) > _MAX_PORT or not url.isprintable():
        raise Refused("not a URL")
    if parts.username is not None or parts.password is not None:
        raise Refused("credentials in the URL")
    if "%" in parts.hostname:  # a zone id chooses one of our own interfaces
        raise Refused("refused address")
    if parts.scheme == "http" and not allow.has_name(parts.hostname) and not allow.networks:
        raise Refused("http is not allowed")
    return parts


def permitted(host: str, resolved: Sequence[str], allow: Allowed, *, listed_only: bool) -> list[str]:
    """Return the addresses that a host resolved to, where every one of them may be reached. Raises Refused otherwise, also without any.

    `listed_only` (plain http): only what the operator listed; else public addresses too.
    """
    if not resolved:
        raise Refused("refused address")
    if allow.has_name(host):
        return list(resolved)
    for text in resolved:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise Refused("refused address") from None
        if not allow.has_address(address) and (listed_only or not is_public(address)):
            raise Refused("http is not allowed" if listed_only and is_public(address) else "refused address")
    return list(resolved)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet, whatever it stands for included."""
    return all(
        inner.is_global and not inner.is_multicast and not inner.is_reserved and not any(inner in network for network in _LOCAL)
        for inner in _readings(address)
    )


def _readings(address: Address) -> tuple[Address, ...]:
    """Return the address and the IPv4 addresses that it may lead to: mapped, compatible, 6to4, Teredo, NAT64.

    A NAT64 address is only what it translates to: the prefix itself is no place.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.scope_id is not None:
        return (ipaddress.IPv6Address("::"),)
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (low,)
    inner: list[Address] = [address]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    if address in _COMPATIBLE:
        inner.append(low)
    return tuple(inner)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
