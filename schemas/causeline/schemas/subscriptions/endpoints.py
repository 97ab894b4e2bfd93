"""Where deliveries may go: the one rule, judged by the name when a subscription is made and by the addresses when it is delivered.

A webhook is a request that a client makes this server's network send. So private, loopback and link-local addresses (the metadata services
of clouds among them) are out of reach, and everything goes by https, unless an operator lists a host, an address or a network.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

IpAddress = IPv4Address | IPv6Address

MAX_URL: Final = 2_048
_AROUND: Final = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\ufeff"
"""What a URL has around it when it is pasted: blanks and line ends of every kind, a zero width space, a byte order mark."""
_HOST: Final = re.compile(r"(?!-)[\w-]{1,63}(?:\.(?!-)[\w-]{1,63})*\.?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE: Final = re.compile(r"[^\x00-\x20\x7f\\]+")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL: Final = tuple(ip_network(text) for text in ("64:ff9b:1::/48", "fec0::/10", "192.88.99.0/24"))
"""What the library takes for global and is not: NAT64 of local use (RFC 8215), site-local addresses, 6to4 relays (RFC 7526)."""
_COMPATIBLE: Final = IPv6Network("::/96")
_RESERVED: Final = frozenset(
    {"content-type", "content-length", "host", "user-agent", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_RESERVED_PREFIXES: Final = ("webhook-", "proxy-")


class AllowList(NamedTuple):
    """What an operator lists (`CAUSELINE_DELIVERY_ALLOW`): names in lower case, and networks (an address is a network of one)."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowList":
        """Return what a comma separated list says. Raises ValueError that names the part which is neither."""
        hosts, networks = set(), []
        for part in (part.strip() for part in text.split(",")):
            if not part:
                continue
            try:
                networks.append(ip_network(part.strip("[]")))
            except ValueError:
                if _HOST.fullmatch(part) is None or _is_number(part):
                    raise ValueError(f"{part[:100]!r} is neither a host name nor an address nor a network") from None
                hosts.add(_name(part))
        return cls(frozenset(hosts), tuple(networks))

    def and_host_of(self, url: str) -> "AllowList":
        """Return the list with the host of a URL on it."""
        return self._replace(hosts=self.hosts | {_name(urlsplit(url).hostname or "")})

    def host(self, name: str) -> bool:
        """Tell whether a host is listed, by its name or, where it is written as an address, by a network."""
        literal = address_of(name)
        return _name(name) in self.hosts or (literal is not None and self.address(literal))

    def address(self, address: IpAddress) -> bool:
        """Tell whether an address is listed; an IPv4 address inside IPv6 counts as what it stands for."""
        return any(one.version == network.version and one in network for one in _readings(address) for network in self.networks)


def is_public(address: IpAddress) -> bool:
    """Tell whether an address belongs to the open Internet, and whatever it stands for too."""
    return all(
        inner.is_global and not inner.is_multicast and not inner.is_reserved and not any(inner in network for network in _LOCAL)
        for inner in _readings(address)
    )


def address_of(host: str) -> IpAddress | None:
    """Return the address that a host of a URL is written as, None for a name."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def origin_of(url: str) -> tuple[str, str]:
    """Return scheme and host with port of a URL, both empty where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def is_reserved(header: str) -> bool:
    """Tell whether a header of a webhook is set by Causeline: a subscription neither adds nor replaces it."""
    name = header.lower()
    return name in _RESERVED or name.startswith(_RESERVED_PREFIXES)


def trim_url(url: str) -> str:
    """Return a URL without what is around it. Inside of it nothing is forgiven."""
    return url.strip(_AROUND)


def refusal_of_url(url: str, allow_list: AllowList) -> str | None:
    """Return why nothing is ever delivered to a URL, None where something may be. What its name resolves to is not known here."""
    if len(url) > MAX_URL:
        return f"has more than {MAX_URL} characters"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "must be an http or https URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or _PRINTABLE.fullmatch(url) is None or parts.port == 0:
        return "must be an http or https URL"
    return _refusal_of_host(parts, parts.hostname, allow_list)


def _refusal_of_host(parts: SplitResult, host: str, allow_list: AllowList) -> str | None:
    literal = address_of(host)
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or password: send them in a header"
    if literal is None and (_HOST.fullmatch(host) is None or _is_number(host)):
        return "does not name a host"
    return None if allow_list.host(host) else _refusal_of_unlisted(parts.scheme, host, literal)


def _refusal_of_unlisted(scheme: str, host: str, literal: IpAddress | None) -> str | None:
    if literal is not None and not is_public(literal):
        return f"leads to the address {literal}, which is not public: list it in CAUSELINE_DELIVERY_ALLOW"
    if _name(host) == "localhost" or _name(host).endswith(".localhost"):
        return "leads to this machine: list the host in CAUSELINE_DELIVERY_ALLOW"
    return "must be https: by http only hosts in CAUSELINE_DELIVERY_ALLOW are reached" if scheme == "http" else None


def _name(host: str) -> str:
    return host.lower().rstrip(".")


def _is_number(host: str) -> bool:
    """Tell whether a host is one of the old ways to write an IPv4 address (`127.1`, `0x7f000001`), which resolvers still take."""
    return _NUMBER.fullmatch(_name(host).rpartition(".")[2]) is not None


def _readings(address: IpAddress) -> tuple[IpAddress, ...]:
    """Return the address and the IPv4 addresses that it may lead to: mapped, compatible, 6to4, Teredo, NAT64.

    A NAT64 address is only what it translates to: the prefix itself is no place.
    """
    if isinstance(address, IPv4Address):
        return (address,)
    if address.scope_id is not None:
        return (IPv6Address("::"),)
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (low,)
    inner: list[IpAddress] = [address]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    if address in _COMPATIBLE:
        inner.append(low)
    return tuple(inner)
