"""Hosts as this machine sees them: whether an address leads no further, and by which address a server here is reached."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bare_host(netloc: str) -> str:
    """Return the host of `host[:port]` in lower case, without the brackets of an IPv6 address and the dot of a full name."""
    netloc = netloc.strip().lower()
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0].removesuffix(".")


def reachable(host: str) -> str:
    """Return an address that reaches a server bound to `host` from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
