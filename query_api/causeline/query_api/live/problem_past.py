"""What problems looked like before: whoever was shown that a problem began is shown how it goes on and that it ends.

A problem may lose what a stream asks for (its priority, a tag) while it lasts. So a transition is shown where the problem is, or ever was,
as it was asked for. That is a fact of the problem and not of the stream: a client that comes back with an id, on another server too, is
shown the same. What the readers of the log pass is remembered; of older problems the rows are asked, once for each batch.

Where the rows cannot be asked in time, or do not have a version yet, a transition is looked at as if that had not been.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog

from causeline.schemas.records.problem import Problem
from causeline.schemas.web.errors import OverShare, TooMuch, Unavailable

_log = structlog.get_logger(__name__)

MAX_BYTES: Final = 16 << 20
"""Of what is remembered, some 20,000 problems; beyond it those go that were not looked at for longest."""
MAX_LOOKS: Final = 100
"""Looks of one problem, the first ones: what it was opened as is always among them."""
_MAX_ASKED: Final = 500
PATIENCE_S: Final = 1.0
"""How long all live streams may wait for rows at once, of however many tenants."""
_OVERHEAD: Final = 400

AskLooks = Callable[[str, Sequence[str]], Awaitable[list[Problem]]]
"""See `EventStore.looks`."""
TransitionKey = tuple[str, str, int]
"""A transition of a problem: tenant, id, version."""
ProblemKey = tuple[str, str]


class _Past:
    """The looks of a problem, each in its first version, and the version up to which they are known."""

    __slots__ = ("looks", "newest", "size")

    def __init__(self) -> None:
        self.looks: list[Problem] = []
        self.newest = 0
        self.size = _OVERHEAD


class ProblemPast:
    """`asked` reads looks from the rows, which `load` waits for so many seconds in all."""

    def __init__(self, asked: AskLooks, patience_s: float = PATIENCE_S) -> None:
        self._asked = asked
        self._patience_s: Final = patience_s
        self._known: OrderedDict[ProblemKey, _Past] = OrderedDict()
        self._size = 0

    async def load(self, transitions: Iterable[TransitionKey]) -> None:
        """Learn what is not known of problems before these versions of them."""
        missing: dict[str, dict[str, int]] = {}
        for tenant, own, version in transitions:
            known = self._known.get((tenant, own))
            if version > 1 and (known is None or known.newest < version - 1):
                missing.setdefault(tenant, {}).setdefault(own, version)
        if not missing:
            return
        try:
            async with asyncio.timeout(self._patience_s):
                for tenant, versions in missing.items():
                    wanted = list(versions)
                    for at in range(0, len(wanted), _MAX_ASKED):
                        await self._ask(tenant, wanted[at : at + _MAX_ASKED], versions)
        except TimeoutError:
            _warn_unread(sum(map(len, missing.values())), "the rows do not come in time")

    def before(self, problem: Problem) -> list[Problem]:
        """Return how a problem looked in earlier versions, as far as that is known, and remember how it looks now."""
        place = (problem.tenant, problem.id)
        known = self._known.get(place)
        looks = [look for look in known.looks if look.version < problem.version] if known is not None else []
        if problem.version == (known.newest if known is not None else 0) + 1:
            self._learn(place, problem)
        elif known is not None:
            self._known.move_to_end(place)
        return looks

    async def _ask(self, tenant: str, wanted: Sequence[str], versions: dict[str, int]) -> None:
        try:
            found = await self._asked(tenant, wanted)
        except (Unavailable, OverShare, TooMuch) as error:
            _warn_unread(len(wanted), str(error))
            return
        for look in found:
            self._learn((tenant, look.id), look)
        for own in wanted:
            known = self._known.get((tenant, own))
            if known is not None:
                known.newest = max(known.newest, versions[own] - 1)

    def _learn(self, place: ProblemKey, problem: Problem) -> None:
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = _Past()
            self._size += known.size
        self._known.move_to_end(place)
        known.newest = max(known.newest, problem.version)
        look = _look(problem)
        if len(known.looks) < MAX_LOOKS and all(_look(other) != look for other in known.looks):
            known.looks.append(problem)
            size = _OVERHEAD + sum(
                len(part) for part in (problem.title, problem.text, *problem.tags, *problem.tags.values(), *problem.entities)
            )
            known.size += size
            self._size += size
        while self._size > MAX_BYTES and len(self._known) > 1:
            _, gone = self._known.popitem(last=False)
            self._size -= gone.size


def _warn_unread(problems: int, reason: str) -> None:
    _log.warning("earlier problems cannot be read, streams are matched without them", problems=problems, reason=reason)


def _look(problem: Problem) -> tuple[object, ...]:
    """Return what filters ask of a problem."""
    columns = (problem.dialect, problem.kind, problem.service, problem.environment, problem.priority)
    return (*columns, problem.title, problem.text, problem.tags, problem.entities)
