"""Cookies (RFC 6265bis): those that are read, and how they are set. They are of this server's exact name, and no script reads them.

Over TLS their names begin with `__Host-`: a browser takes such a cookie from this very host only, so no other host of the domain can put
one in its place. On loopback there is no TLS, and a browser would drop a cookie that asks for it.
"""

from collections.abc import Mapping
from typing import Final, Literal

from causeline.deploy.hosts import bare_host, is_loopback

SESSION_COOKIE: Final = "causeline_session"
TENANT_COOKIE: Final = "causeline_tenant"
"""Whose events pages show while nobody has to sign in."""
ARRIVAL_COOKIE: Final = "causeline_arrival"
"""That a page was asked for anew, because a link of another site brings no cookie of a session."""
PROVIDER_COOKIE: Final = "causeline_provider"
"""What a visitor takes along to the identity provider, and shows when they come back."""
_HOST_PREFIX: Final = "__Host-"
_LONGEST: Final = 512
"""Characters of a value: the longest of ours has some 350."""

SameSite = Literal["Strict", "Lax"]


def is_local(headers: Mapping[str, str]) -> bool:
    """Tell whether the visitor reaches the server by loopback, by the header `Host`."""
    return is_loopback(bare_host(headers.get("host", "")))


def read_cookie(headers: Mapping[str, str], name: str) -> str:
    """Return the value of one of our cookies, '' without one or for one that is none of ours. Of two of a name the first holds."""
    field = headers.get("cookie")
    if field is None or name not in field:
        return ""
    pairs = [part.strip().partition("=") for part in field.split(";")]
    names = (f"{_HOST_PREFIX}{name}", name) if is_local(headers) else (f"{_HOST_PREFIX}{name}",)
    value = next((value for one in names for key, _, value in pairs if key == one), "")
    return value if len(value) <= _LONGEST else ""


def set_cookie(headers: Mapping[str, str], name: str, value: str, *, life_s: int, same_site: SameSite = "Strict") -> str:
    """Return the field `Set-Cookie` for who sent these header fields; `life_s` 0 takes the cookie away."""
    is_secure = _is_secure(headers)
    prefix, secure = (_HOST_PREFIX, "; Secure") if is_secure else ("", "")
    return f"{prefix}{name}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite={same_site}{secure}"


def _is_secure(headers: Mapping[str, str]) -> bool:
    """Tell whether the visitor speaks TLS: everywhere but on loopback, and there where a proxy that names us so says it in other fields."""
    addresses = (headers.get("origin", ""), headers.get("referer", ""))
    return not is_local(headers) or _HOST_PREFIX in headers.get("cookie", "") or any(one.startswith("https:") for one in addresses)
