"""How a change ended, by the words that its status and its title say it with.

Letter case, `_`, `-` and blanks do not count.
"""

import re
from collections.abc import Mapping
from typing import Final

from causeline.query_api.causes.facts import Outcome
from causeline.schemas.records.event import Event

FAILURES: Final = frozenset({"failure", "failed", "error", "errored", "cancelled", "canceled", "aborted", "rejected", "timedout"})
BEGINNINGS: Final = frozenset({"initiated", "opened", "started", "inprogress", "running", "pending"})
_ROLLED_BACK: Final = frozenset({"rolledback", "rollback", "reverted"})
_MARK: Final = re.compile(r"\b(?:rollback|roll[ -]back|revert)", re.IGNORECASE)
_SPELLING: Final = re.compile(r"[\s_-]")
_NO: Final = frozenset({"", "0", "false", "no"})


def fold_status(status: str) -> str:
    """Return a status without what does not count."""
    return _SPELLING.sub("", status).lower()


def outcome_of(status: str) -> Outcome:
    """Return how a change ended, as its status says."""
    word = fold_status(status)
    return "failed" if word in FAILURES else "rolled_back" if word in _ROLLED_BACK else ""


def has_flag(tags: Mapping[str, str], name: str) -> bool:
    """Tell whether a tag is there and does not say no."""
    value = tags.get(name)
    return value is not None and value.strip().lower() not in _NO


def is_rollback(title: str, tags: Mapping[str, str]) -> bool:
    """Tell whether an event is marked as one that rolls back another: by the tag `rollback`, or by its title."""
    if has_flag(tags, "rollback"):
        return True
    return may_say_rollback(title) and _MARK.search(title) is not None


def may_say_rollback(text: str) -> bool:
    """Tell whether a text may hold a mark of a rollback, or several texts, one after the other: a look before the search."""
    words = text.lower()
    return "roll" in words or "revert" in words


def rolls_back(event: Event, whole: Event) -> bool:
    """Tell whether an event that names a change rolls it back: it is marked so, or has another release. Else it is a step of it."""
    return is_rollback(event.title, event.tags) or bool(event.release and event.release != whole.release)
