"""What a page was answered last, kept for when it is not answered: whoever comes in an incident sees the state of before, with its time.

Kept for a tenant and the groups of who asked, so that nobody is shown what only others may see; and as few as a server can hold without a
thought, each tenant its own share, since this is a help and no store.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.visits import Visit
from causeline.schemas.web.errors import TooMuch, Unavailable

KEEP_MS: Final = 3_600_000
_TENANTS: Final = 64
_PARTS: Final = 16
"""Of a tenant: the four of a page, for four kinds of visitors."""

_Key = tuple[tuple[str, ...] | None, str]


class DatedPart(NamedTuple):
    """A part of a page: what was answered, now or at `at` (ms UTC), or a default; and why it is not answered now."""

    value: Any
    refusal: str = ""
    at: int | None = None


_NOTHING: Final[Mapping[_Key, DatedPart]] = MappingProxyType({})


class LastGood:
    """The newest answers of each tenant. Of one process, and lost with it."""

    def __init__(self, tenants: int = _TENANTS, parts: int = _PARTS) -> None:
        self._most_tenants, self._most_parts = tenants, parts
        self._tenants: Final[OrderedDict[str, OrderedDict[_Key, DatedPart]]] = OrderedDict()

    async def read(self, visit: Visit, name: str, answer: Awaitable[Any], default: object, *, is_kept: bool) -> DatedPart:
        """Return what is answered now; else, of a part that is kept, the last answer within an hour; else the default.

        Raises refusals that are neither of the server's state nor of the question's size.
        """
        request = visit.request
        key = (request.groups, name)
        try:
            part = DatedPart(await answer)
        except TooMuch as refusal:
            return DatedPart(default, refusal.message)
        except Unavailable as refusal:
            earlier = self._tenants.get(request.tenant, _NOTHING).get(key) if is_kept else None
            if earlier is None or earlier.at is None or visit.now - earlier.at > KEEP_MS:
                return DatedPart(default, refusal.message)
            return earlier._replace(refusal=refusal.message)
        if is_kept:
            self._keep(request.tenant, key, part._replace(at=visit.now))
        return part

    def _keep(self, tenant: str, key: _Key, part: DatedPart) -> None:
        parts = self._tenants.setdefault(tenant, OrderedDict())
        parts[key] = part
        parts.move_to_end(key)
        self._tenants.move_to_end(tenant)
        while len(parts) > self._most_parts:
            parts.popitem(last=False)
        while len(self._tenants) > self._most_tenants:
            self._tenants.popitem(last=False)
