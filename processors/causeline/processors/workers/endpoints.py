"""Which endpoints may be reached: what keeps a subscription from making Causeline call into the network that it runs in.

A URL is looked at before anything is sent, and every address that its name resolves to before a connection is made; the connection goes
to the address that was looked at. So neither a name that resolves to something else a moment later nor a redirect gets around it. What an
operator lists in `delivery_allow` (host names, addresses, networks) may be reached all the same, also without TLS.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from causeline.schemas.subscriptions.endpoints import AllowList, is_public

Refusal = Literal["not a URL", "credentials in the URL", "http is not allowed", "refused address"]

_MAX_PORT: Final = 65_535


class EndpointRefused(Exception):
    """The endpoint may not be reached; `why` is a closed set of words."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why: Final = why


def checked_url(url: str, allow: AllowList) -> SplitResult:
    """Return the parts of a URL that may be tried; its addresses are still to be looked at. Raises EndpointRefused.

    Plain http passes where the host is listed by name, and where it is a name or an address that may turn out to be in a listed network:
    `permitted_addresses(…, listed_only=True)` then decides by the address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EndpointRefused("not a URL") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0 or (port or 0) > _MAX_PORT or not url.isprintable():
        raise EndpointRefused("not a URL")
    if parts.username is not None or parts.password is not None:
        raise EndpointRefused("credentials in the URL")
    if "%" in parts.hostname:  # a zone id chooses one of our own interfaces
        raise EndpointRefused("refused address")
    if parts.scheme == "http" and not allow.host(parts.hostname) and not allow.networks:
        raise EndpointRefused("http is not allowed")
    return parts


def permitted_addresses(host: str, addresses: Sequence[str], allow: AllowList, *, listed_only: bool) -> list[str]:
    """Return the addresses that a host resolved to, where every one may be reached. Raises EndpointRefused otherwise, also without any.

    `listed_only` (plain http): only what the operator listed; else public addresses too.
    """
    if not addresses:
        raise EndpointRefused("refused address")
    if allow.host(host):
        return list(addresses)
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise EndpointRefused("refused address") from None
        if not allow.address(address) and (listed_only or not is_public(address)):
            raise EndpointRefused("http is not allowed" if listed_only and is_public(address) else "refused address")
    return list(addresses)
