"""Whether a request that a browser adds a cookie to was made by a page of ours: what a form of another site would be sent with as well.

The cookie is `SameSite=Strict`, which says the same; but a browser's idea of a site holds all hosts of a domain, and all ports of one.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from causeline.deploy.access.cookies import SESSION_COOKIE, read_cookie
from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import ForeignPage

_SAFE: Final = frozenset({"GET", "HEAD"})
_OWN: Final = "same-origin"


def session_text(api: Api, headers: Mapping[str, str]) -> str:
    """Return the session cookie where that is what shows who asks, '' otherwise: whoever gives a header `Authorization` means that."""
    return read_cookie(headers, SESSION_COOKIE) if "session" in api.schemes and "authorization" not in headers else ""


def demand_own_page(method: str, headers: Mapping[str, str], public_host: str) -> None:
    """Let a request pass that a page of this server made, or that only reads. Raises ForeignPage.

    `Origin` names the page's host, which is the request's, or that of the server's public address (`host[:port]`, '' where it has none)
    where a proxy asks by another name. Browsers that leave it out say `Sec-Fetch-Site`; who says neither is no browser and needs no cookie.
    """
    if method in _SAFE:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None and site is None:
        raise ForeignPage("a session changes something only from a page of this server: the header Origin is missing")
    if origin is not None and not _is_own(origin, headers.get("host", ""), public_host):
        raise ForeignPage(f"the header Origin names {origin[:200]!r}: a session changes something only from a page of this server")
    if site is not None and site != _OWN:
        raise ForeignPage("the header Sec-Fetch-Site says that a page of another site asks")


def _is_own(origin: str, host: str, public_host: str) -> bool:
    scheme, _, netloc = origin.lower().partition("://")
    return scheme in ("http", "https") and netloc != "" and netloc in (host.lower(), public_host.lower())


def local_path(address: str) -> str:
    """Return the path and query of an address where a visitor may be sent on, '/' for what leads elsewhere or to the session itself."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = parts.path if parts.path.startswith("/") else "/"
    is_plain = address.isascii() and address.isprintable() and not path.startswith(("//", "/\\")) and "\\" not in address
    if not is_plain or path == "/session" or path.startswith("/session/"):
        return "/"
    return f"{path}?{parts.query}" if parts.query else path


def path_of_referer(headers: Mapping[str, str]) -> str:
    """Return the page of this server that a visitor comes from, '/' where that is not known."""
    referer = headers.get("referer", "")
    try:
        netloc = urlsplit(referer).netloc
    except ValueError:
        return "/"
    return local_path(referer) if netloc and netloc.lower() == headers.get("host", "").lower() else "/"
