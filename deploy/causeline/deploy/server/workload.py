"""How much writing may be under way at once: as much as is answered in time, and never more than memory allows.

Waiting shows as time, memory as bytes, so the bound is in bytes and follows the time. By Little's law what is under way is rate times
time: the limit is cut in proportion when an answer took longer than the target, at most once in the time that one answer takes (what
was let in before a cut says nothing about the limit after it), and grows by an eighth of what is answered in time. Below it everything is
let in, so there is no mode to fall into or to recover from. It is TCP's rule (RFC 5681) on requests.

Tenants are apart: what one holds beyond half of the limit, such as a single large request, keeps itself out and nobody else.
"""

from typing import Final

from causeline.schemas import telemetry
from causeline.schemas.web.errors import Overloaded, OverShare

REQUEST: Final = 4 << 10
"""What a request weighs beside its body: a single event takes as much time as 4 KiB
of a batch (8.4 k/s against 36.6 k events/s of 710 bytes)."""

MAX_WORK_BYTES: Final = 64 << 20
_START: Final = 2 << 20
"""The first burst is answered in time too: 20,000 small events in batches, half a second of work."""
_LEAST: Final = 1 << 20
"""Seven batches of 500 small events: half a second even on a machine that does 8,000 a second. Lower, a busy machine refused single events
while one batch was under way."""
_GROWTH: Final = 8
_DEEPEST_CUT: Final = 0.5
_COMPANY_S: Final = 10.0
"""A tenant is not alone for so long after another one asked."""


class Workload:
    """What is under way, in all and by tenant. Times are seconds of any steady clock. The metrics show the one that `is_shown`."""

    def __init__(self, target_s: float, *, most: int = MAX_WORK_BYTES, start: int = _START, is_shown: bool = True) -> None:
        self._target = target_s
        self._most = most
        self.limit = min(start, most)
        self.under_way = 0
        self._weights: dict[str, int] = {}
        self._cut_at = float("-inf")
        self._latest = self._before = ("", float("-inf"))
        if is_shown:
            telemetry.WORK_BYTES.set_function(lambda: self.under_way)
            telemetry.WORK_LIMIT_BYTES.set_function(lambda: self.limit)

    def enter(self, tenant: str, body: int, now: float) -> int:
        """Let a request with so many bytes in and return its weight for `leave`. Raises OverShare or Overloaded.

        A request is let in whenever the limit is not reached, however large it is: otherwise small ones would keep large ones out for
        ever. So at most one request of a tenant, 16 MiB, lies beyond the limit, and half of the limit is the others' also then.
        """
        self._saw(tenant, now)
        tenant_weight = self._weights.get(tenant, 0)
        if tenant_weight >= self.limit // 2 and self._in_company(tenant, now):
            raise OverShare("the tenant holds half of the work that can be done in time, and others wait")
        if self.under_way >= self.limit and self._beside_shares(tenant) >= self.limit:
            raise Overloaded("more is asked than can be done in time")
        weight = body + REQUEST
        self._weights[tenant] = tenant_weight + weight
        self.under_way += weight
        return weight

    def _beside_shares(self, tenant: str) -> int:
        """Return what is under way, of every other tenant at most its share."""
        share = self.limit // 2
        return sum(weight if other == tenant else min(weight, share) for other, weight in self._weights.items())

    def leave(self, tenant: str, weight: int, began: float, now: float, *, tells: bool) -> None:
        """Take out what `enter` let in at `began`; `tells` where the time it took is the time of writing."""
        rest = self._weights[tenant] - weight
        if rest:
            self._weights[tenant] = rest
        else:
            del self._weights[tenant]
        if tells:
            self._learn(weight, began, now)
        self.under_way -= weight

    def _learn(self, weight: int, began: float, now: float) -> None:
        took = now - began
        if took <= self._target:
            self.limit = min(self._most, self.limit + weight // _GROWTH)
        elif began > self._cut_at:
            self._cut_at = now
            self.limit = max(_LEAST, int(self.limit * max(_DEEPEST_CUT, self._target / took)))

    def _saw(self, tenant: str, now: float) -> None:
        if tenant != self._latest[0]:
            self._before = self._latest
        self._latest = (tenant, now)

    def _in_company(self, tenant: str, now: float) -> bool:
        other, at = self._before if self._latest[0] == tenant else self._latest
        return other != tenant and now - at < _COMPANY_S
