"""Which pages of other sites may read answers (Fetch, "CORS protocol"): those of the origins that the operator lists, by GET only.

Exact origins, no wildcard: with authentication off an answer shows everything. Nothing that writes is offered, so a page that wants to
write goes through a server of its own. Off by default, and then it costs nothing.
"""

from collections.abc import Callable, Mapping
from typing import Final

from causeline.schemas.web.errors import Answer

_ALLOWED: Final = "Authorization, Causeline-Tenant, Last-Event-ID"
_SHOWN: Final = "Link, Retry-After, WWW-Authenticate"
_MAX_AGE_S: Final = "600"
"""How long a browser may keep what a preflight said: a setting takes effect within ten minutes."""
_READS: Final = frozenset({"GET", "HEAD"})


class Cors:
    """Adds what lets the pages of these origins read."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = origins

    def add_headers(self, method: str, header: Callable[[str], str | None], answer: Answer) -> Answer:
        """Return the answer to a request as a page may see it; `header` looks up a field of the request."""
        reads = method in _READS
        preflight = method == "OPTIONS" and header("access-control-request-method") in _READS
        if not (reads or preflight):
            return answer
        # Also where it is not let in, or a cache would show one origin's answer to another; beside what else the answer depends on.
        headers = {**answer.headers, "Vary": ", ".join(filter(None, (answer.headers.get("Vary"), "Origin")))}
        origin = header("origin")
        if origin in self._origins:
            headers |= _preflight(origin) if preflight else {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _SHOWN}
        return answer._replace(headers=headers)


def cors_for(origins: frozenset[str]) -> Cors | None:
    """Return what answers to these origins need; None where there are none."""
    return Cors(origins) if origins else None


def _preflight(origin: str) -> Mapping[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": _ALLOWED,
        "Access-Control-Max-Age": _MAX_AGE_S,
    }
