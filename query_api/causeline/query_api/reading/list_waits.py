"""For which positions of the log a list waits, and when it does not: what its tenant wrote through this server a moment ago. Pure.

Who pastes a write and then a list wants to see the write; the rows follow the log by some 100 ms. A list that waits for them in a pipeline
that takes longer is slow to no use, hence the rules:

- only for what the tenant itself wrote within the last second, and once seen, never again;
- never for a partition whose rows are known to lag more than a second behind its log;
- a wait that was in vain keeps everybody from waiting for its partition for `SILENCE_S`: where a busy pipeline takes 400 ms, lists lose
  300 ms once in two seconds and not each time.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

LIST_WAIT_S: Final = 0.3
"""What a list waits at most."""
_TTL_S: Final = 1.0
SILENCE_S: Final = 2.0
LAGGING_S: Final = 2.5
"""What is applied is noticed by the next look, a second later, and that may be the one after a look in vain: what is known to be older than
this is what lags more than a second."""
_TENANTS: Final = 10_000
"""Tenants that are remembered, the latest to write; at 300 bytes for each and a few partitions 3 MB."""


class _LatestWrite(NamedTuple):
    offset: int
    at: float
    is_shown: bool = False
    is_passed_on: bool = False


class ListWaits:
    """What tenants wrote lately, and which partitions are not waited for. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float], *, tenants: int = _TENANTS) -> None:
        self._clock: Final = clock
        self._limit: Final = tenants
        self._tenants: Final[OrderedDict[str, dict[int, _LatestWrite]]] = OrderedDict()
        self._silent: Final[dict[int, float]] = {}

    def __len__(self) -> int:
        return len(self._tenants)

    def wrote(self, tenant: str, positions: Iterable[tuple[int, int]]) -> None:
        """Remember the newest (partition, offset) of every partition among these, which are in order within each."""
        now = self._clock()
        writes = self._tenants.pop(tenant, None)
        writes = self._tenants[tenant] = {} if writes is None else writes
        for partition, offset in dict(positions).items():
            if partition not in writes or writes[partition].offset < offset:
                writes[partition] = _LatestWrite(offset, now)
        if len(self._tenants) > self._limit:
            self._tenants.popitem(last=False)

    def worth(self, tenant: str, behind: Callable[[int], float], *, with_forwarded: bool) -> dict[int, int]:
        """Return the positions that a list of a tenant waits for, by partition. `behind`: seconds that a partition's rows may lag.

        `with_forwarded`: what was passed on to other partitions is asked for too.
        """
        writes = self._tenants.get(tenant)
        if writes is None:
            return {}
        now = self._clock()
        for partition in [p for p, w in writes.items() if w.at <= now - _TTL_S]:
            del writes[partition]
        if not writes:
            del self._tenants[tenant]
        return {
            p: w.offset
            for p, w in writes.items()
            if not (w.is_passed_on if with_forwarded else w.is_shown) and self._silent.get(p, now) <= now and behind(p) <= LAGGING_S
        }

    def waited(self, tenant: str, positions: Mapping[int, int], missing: frozenset[int], *, with_forwarded: bool) -> None:
        """Take in what became of a wait for positions. Waiting in vain for what is passed on says nothing of the partition it came from."""
        until = self._clock() + SILENCE_S
        writes = self._tenants.get(tenant, {})
        for partition, offset in positions.items():
            write = writes.get(partition)
            if partition in missing:
                if not with_forwarded:
                    self._silent[partition] = until
            elif write is not None and write.offset == offset:
                writes[partition] = write._replace(is_shown=True, is_passed_on=write.is_passed_on or with_forwarded)
