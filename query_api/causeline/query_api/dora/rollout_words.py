"""What the words of an event say of a rollout: that it succeeded, that it failed, or that it is not over. And what marks a hotfix.

Letter case, `_`, `-` and blanks do not count. Any other word than those below is one of something under way, and counts for nothing.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from causeline.query_api.causes.outcomes import FAILURES, fold_status, has_flag
from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.schemas.dora.definition import Hotfix
from causeline.schemas.dora.globs import MAX_COMPARED, matches_glob, stem_of

RolloutOutcome = Literal["success", "failure", "unfinished"]

SUCCESSES: Final = frozenset(
    {"success", "succeeded", "successful", "done", "ok", "complete", "completed", "finished", "deployed", "passed", "warning"}
)
STATUS_TAG: Final = "status"


@lru_cache(maxsize=1024)
def rollout_outcome(status: str) -> RolloutOutcome:
    """Return what a status says. None at all is a mark of something that was done."""
    word = fold_status(status)
    if not word or word in SUCCESSES:
        return "success"
    return "failure" if word in FAILURES else "unfinished"


def outcome_of_fact(fact: ChangeFact) -> RolloutOutcome:
    """Return what an event says: its status, else its tag `status`."""
    status = fact.status
    if not status or status.isspace():
        status = fact.tags.get(STATUS_TAG, "")
    return rollout_outcome(status)


class HotfixMark:
    """The definition's marks of a hotfix. Branches repeat, so what was said of one is kept as long as this is."""

    def __init__(self, hotfix: Hotfix) -> None:
        self._tags: Final = hotfix.tags
        self._titles: Final = hotfix.titles
        self._branches: Final = hotfix.branches
        self._known_branches: Final[dict[str, bool]] = {"": False}

    def pick(self, facts: Sequence[ChangeFact]) -> list[int]:
        """Return the numbers of the events that are marked, of many: where no title is looked at, branches are compared once."""
        suspects: Iterable[int] = range(len(facts))
        if not self._titles:
            branches = {branch for branch in {fact.branch for fact in facts} if self._is_branch(branch)}
            suspects = [number for number, fact in enumerate(facts) if fact.tags or fact.branch in branches]
        return [number for number in suspects if self.is_on(facts[number])]

    def is_on(self, fact: ChangeFact) -> bool:
        """Tell whether an event is marked: by a flag, by its branch or by its title."""
        if fact.tags and any(has_flag(fact.tags, tag) for tag in self._tags):
            return True
        if self._titles and fact.title and _fits_any(self._titles, fact.title):
            return True
        return self._is_branch(fact.branch)

    def _is_branch(self, branch: str) -> bool:
        is_hotfix = self._known_branches.get(branch)
        if is_hotfix is None:
            is_hotfix = self._known_branches[branch] = _fits_any(self._branches, branch)
        return is_hotfix


def mark_among(facts: Iterable[ChangeFact], hotfix: Hotfix) -> HotfixMark:
    """Return the marks of a hotfix that some of these events may have: few titles say anything, and all are compared with each glob."""
    titles = "\n".join([fact.title[:MAX_COMPARED] for fact in facts]).casefold()
    return HotfixMark(msgspec.structs.replace(hotfix, titles=tuple(glob for glob in hotfix.titles if stem_of(glob) in titles)))


def _fits_any(globs: Iterable[str], text: str) -> bool:
    return any(matches_glob(glob, text) for glob in globs)
