"""Pages of other sites while nobody is authenticated: who can reach the server then may do everything, and a browser can be made to.

Two ways lead from a page to a server that only its reader's machine or network reaches. The page sends requests to it (a simple request is
sent whoever may read the answer), which `Origin` and `Sec-Fetch-Site` tell. Or the page's own name is pointed at the server's address (DNS
rebinding), so that for the browser both are one site, which `Host` tells: a page is found by its name, so an address is never such a
name. Clients that are no browser send neither `Origin` nor `Sec-Fetch-*`, and a `Host` that the operator knows.

With `auth=required` a page has no token, and no browser adds one by itself, so nothing is asked of the names; a browser does add the
cookie of a session, and then `own_pages.py` asks who sends. gRPC needs HTTP/2 without
TLS, which no browser speaks. Public routes show the same to everybody, and probes and scrapers ask for them by any name.

Links from other sites are followed: a browser's navigation by GET shows its answer to nobody but its user.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from causeline.deploy.hosts import bare_host, is_loopback
from causeline.deploy.settings import Settings
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.web.errors import ForeignPage

ANY: Final = "*"
_READS: Final = frozenset({"GET", "HEAD"})
_LOOPBACK: Final = "localhost"
_TENANTS_OF_HOSTS: Final = tuple(dialect.tenant_of_host for dialect in DIALECTS if dialect.tenant_of_host is not None)


class Browsers(NamedTuple):
    """Whom a server without authentication answers. `hosts` are names in lower case without ports, `origins` as a browser sends them.

    `on_network` says that it is bound to more than loopback. There a name without a dot, such as a container's, is taken too: it cannot be
    bought, and who can make one on the network reaches the server directly.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    on_network: bool = False

    def judge(self, method: str, headers: Mapping[str, str]) -> None:
        """Let the request pass. Raises ForeignPage where a page of another site may have made it."""
        if "host" in headers and not self._own_name(headers["host"]):
            name = headers["host"][:200]
            raise ForeignPage(f"the header Host names {name!r}: a name that this server goes by is listed in CAUSELINE_ALLOWED_HOSTS")
        origin = headers.get("origin")
        if origin is not None and not self._own_page(method, origin, headers.get("host", "")):
            raise ForeignPage(f"the header Origin names {origin[:200]!r}: pages that may read are listed in CAUSELINE_CORS_ORIGINS")
        if headers.get("sec-fetch-site") == "cross-site" and origin not in self.origins and not _navigates(method, headers):
            raise ForeignPage("the header Sec-Fetch-Site says that a page of another site asks")

    def _own_name(self, host: str) -> bool:
        name = bare_host(host)
        return (
            name == _LOOPBACK
            or name in self.hosts
            or ANY in self.hosts
            or _is_address(name)
            or (self.on_network and name != "" and "." not in name)
            or any(tenant_of(host) is not None for tenant_of in _TENANTS_OF_HOSTS)
        )

    def _own_page(self, method: str, origin: str, host: str) -> bool:
        """Say whether a page of this origin may ask: of the server itself, of this machine, or let in by the operator, to read."""
        if origin in self.origins:
            return method in _READS
        scheme, separator, netloc = origin.lower().partition("://")
        if not separator or scheme not in ("http", "https"):
            return False  # `null`: a sandboxed frame or a file, which any page can make
        name = bare_host(netloc)
        return netloc == host.lower() or name in self.hosts or is_loopback(name)


def browsers_for(settings: Settings) -> Browsers:
    """Return the rules of a server with these settings."""
    own_names = {bare_host(urlsplit(address).netloc) for address in (settings.public_address, settings.api_address)}
    allowed_names = {part.strip().lower() for part in settings.allowed_hosts.split(",")}
    names = (own_names | allowed_names | {settings.host.lower()}) - {""}
    return Browsers(frozenset(names), origins_of(settings.cors_origins), not is_loopback(settings.host))


def origins_of(text: str) -> frozenset[str]:
    """Return the origins of a list with commas."""
    return frozenset(part.strip() for part in text.split(",")) - {""}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _navigates(method: str, headers: Mapping[str, str]) -> bool:
    """Say whether a user follows a link (Fetch Metadata, "Resource Isolation Policy")."""
    return method in _READS and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
