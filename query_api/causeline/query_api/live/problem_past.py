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
    """`ask_looks` reads looks from the rows, which `load` waits for so many seconds in all."""

    def __init__(self, ask_looks: AskLooks, patience_s: float = PATIENCE_S) -> None:
        self._ask_looks = ask_looks
        self._patience_s: Final = patience_s
        self._pasts: OrderedDict[ProblemKey, _Past] = OrderedDict()
        self._size = 0

    async def load(self, transitions: Iterable[TransitionKey]) -> None:
        """Learn what is not known of problems before these versions of them."""
        missing: dict[str, dict[str, int]] = {}
        for tenant, own, version in transitions:
            past = self._pasts.get((tenant, own))
            if version > 1 and (past is None or past.newest < version - 1):
                missing.setdefault(tenant, {}).setdefault(own, version)
        if not missing:
            return
        try:
            async with asyncio.timeout(self._patience_s):
                for tenant, versions in missing.items():
                    problem_ids = list(versions)
                    for at in range(0, len(problem_ids), _MAX_ASKED):
                        await self._ask(tenant, problem_ids[at : at + _MAX_ASKED], versions)
        except TimeoutError:
            _warn_unread(sum(map(len, missing.values())), "the rows do not come in time")

    def before(self, problem: Problem) -> list[Problem]:
        """Return how a problem looked in earlier versions, as far as that is known, and remember how it looks now."""
        place = (problem.tenant, problem.id)
        past = self._pasts.get(place)
        looks = [look for look in past.looks if look.version < problem.version] if past is not None else []
        if problem.version == (past.newest if past is not None else 0) + 1:
            self._learn(place, problem)
        elif past is not None:
            self._pasts.move_to_end(place)
        return looks

    async def _ask(self, tenant: str, problem_ids: Sequence[str], versions: dict[str, int]) -> None:
        try:
            looks = await self._ask_looks(tenant, problem_ids)
        except (Unavailable, OverShare, TooMuch) as error:
            _warn_unread(len(problem_ids), str(error))
            return
        for look in looks:
            self._learn((tenant, look.id), look)
        for own in problem_ids:
            past = self._pasts.get((tenant, own))
            if past is not None:
                past.newest = max(past.newest, versions[own] - 1)

    def _learn(self, place: ProblemKey, problem: Problem) -> None:
        past = self._pasts.get(place)
        if past is None:
            past = self._pasts[place] = _Past()
            self._size += past.size
        self._pasts.move_to_end(place)
        past.newest = max(past.newest, problem.version)
        look = _look(problem)
        if len(past.looks) < MAX_LOOKS and all(_look(other) != look for other in past.looks):
            past.looks.append(problem)
            size = _OVERHEAD + sum(
                len(part) for part in (problem.title, problem.text, *problem.tags, *problem.tags.values(), *problem.entities)
            )
            past.size += size
            self._size += size
        while self._size > MAX_BYTES and len(self._pasts) > 1:
            _, oldest = self._pasts.popitem(last=False)
            self._size -= oldest.size


def _warn_unread(problems: int, reason: str) -> None:
    _log.warning("earlier problems cannot be read, streams are matched without them", problems=problems, reason=reason)


def _look(problem: Problem) -> tuple[object, ...]:
    """Return what filters ask of a problem."""
    columns = (problem.dialect, problem.kind, problem.service, problem.environment, problem.priority)
    return (*columns, problem.title, problem.text, problem.tags, problem.entities)
