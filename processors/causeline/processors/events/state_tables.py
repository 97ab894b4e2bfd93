"""The tables of a partition's state, by state key, and how one round sees them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Generic, Protocol

import structlog

from causeline.processors.events.state import (
    REFRESH,
    EarlyCloses,
    ProblemState,
    RecentEvent,
    V,
    decode_alarms,
    decode_problem,
    sooner,
    tenant_of_key,
)
from causeline.processors.runtime.timers import Timers
from causeline.schemas.telemetry import UNREADABLE_RECORDS
from causeline.schemas.topics import CHANGELOG

_log: Final = structlog.get_logger(__name__)


class ProblemTable:
    """The problems of a partition, by state key. `open_of` counts the open ones of each tenant (of its name in UTF-8).

    A restored one stays as the bytes of its changelog record until it is first looked at: decoding a million of them would be most of a
    restore, and their objects most of the memory, while a fleet touches a few at a time.
    """

    def __init__(self) -> None:
        self._problems: dict[bytes, ProblemState | bytes] = {}
        self._open: set[bytes] = set()
        self.open_of: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return len(self._problems)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record. Its timers, and whether it counts as open, are due to `alarms`."""
        if value is None:
            self._problems.pop(key, None)
            self._count(key, is_open=False)
        else:
            self._problems[key] = value

    def get(self, key: bytes) -> ProblemState | None:
        """Return a problem, None without one."""
        problem = self._problems.get(key)
        if isinstance(problem, bytes):
            try:
                problem = self._problems[key] = decode_problem(problem)
            except ValueError as error:
                self._drop(key, error)
                return None
        return problem

    def put(self, key: bytes, value: ProblemState | None) -> None:
        """Set or remove a problem."""
        if value is None:
            self._problems.pop(key, None)
        else:
            self._problems[key] = value
        self._count(key, is_open=value is not None and value.is_open)

    def _drop(self, key: bytes, error: ValueError) -> None:
        """Forget a restored problem that cannot be read, as a restore does with what it reads at once."""
        del self._problems[key]
        self._count(key, is_open=False)
        UNREADABLE_RECORDS.labels(CHANGELOG).inc()
        _log.error("record_unreadable", topic=CHANGELOG, key=repr(key[:100]), error=type(error).__name__, detail=str(error)[:500])

    def _count(self, key: bytes, *, is_open: bool) -> None:
        if is_open == (key in self._open):
            return
        tenant = tenant_of_key(key)
        if is_open:
            self._open.add(key)
            self.open_of[tenant] += 1
        else:
            self._open.remove(key)
            self.open_of[tenant] -= 1
            if not self.open_of[tenant]:
                del self.open_of[tenant]

    def items(self) -> Iterator[tuple[bytes, ProblemState]]:
        """Yield every problem with its state key."""
        for key, problem in self._problems.items():
            yield key, decode_problem(problem) if isinstance(problem, bytes) else problem

    def alarms(self, keys: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield the timers (instant in ms UTC, timer key) of restored problems that were not looked at since, and count the open ones."""
        open_keys: list[bytes] = []
        for key in keys:
            problem = self._problems.get(key)
            if isinstance(problem, bytes):
                try:
                    waking = decode_alarms(problem)
                except ValueError as error:
                    self._drop(key, error)
                    continue
                if not waking.is_open:
                    self._count(key, is_open=False)
                elif key not in self._open:
                    open_keys.append(key)
                at = waking.leave_at
                if at is not None:
                    yield at, key
                at = waking.publish_at
                if at is not None:
                    yield at, REFRESH + key[1:]
        # Counted at once, which is cheaper than one by one.
        self._open.update(open_keys)
        self.open_of.update(map(tenant_of_key, open_keys))


class ClosesTable(dict[bytes, EarlyCloses]):
    """Early closes of a partition, by state key. `of` counts the keys of each tenant."""

    def __init__(self) -> None:
        super().__init__()
        self.of: Counter[bytes] = Counter()

    def put(self, key: bytes, value: EarlyCloses | None) -> None:
        """Set or remove the closes of a correlation id."""
        tenant, was = tenant_of_key(key), key in self
        if value is not None:
            self[key] = value
        else:
            self.pop(key, None)
        self.of[tenant] += (value is not None) - was
        if not self.of[tenant]:
            del self.of[tenant]


class EventTable(dict[bytes, RecentEvent]):
    """The recent events of a partition, by state key."""

    def put(self, key: bytes, value: RecentEvent | None) -> None:
        """Set or remove an event."""
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value


class Table(Protocol[V]):
    """Committed values by state key."""

    def get(self, key: bytes, /) -> V | None:
        """Return the value of a key, None without one."""
        ...

    def put(self, key: bytes, value: V | None) -> None:
        """Set or remove the value of a key."""
        ...


class Overlay(Generic[V]):
    """A table as one round sees it: what it changed, over what is committed. None means removed."""

    def __init__(self, base: Table[V]) -> None:
        self._base = base
        self.changes: dict[bytes, V | None] = {}

    def get(self, key: bytes) -> V | None:
        """Return the value of a key, None without one."""
        if key in self.changes:
            return self.changes[key]
        return self._base.get(key)

    def put(self, key: bytes, value: V | None) -> None:
        """Set or remove the value of a key."""
        self.changes[key] = value

    def write(self) -> None:
        """Make the changes in the table."""
        for key, value in self.changes.items():
            self._base.put(key, value)


def restore(table: Table[V], timers: Timers, key: bytes, value: V | None) -> None:
    """Apply one changelog record to a table, and schedule its key where no earlier timer waits for it."""
    current = table.get(key)
    for at, timer_key in sooner(key, current, value):
        timers.schedule(at, timer_key)
    table.put(key, value)
