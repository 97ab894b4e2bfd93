"""How a column that has no letter case is stored: the one rule that writes it and every filter that asks for it have in common.

Kinds and statuses are words of a vocabulary, so `Deployment` and `deployment` are one kind. Names (service, environment, priority, tags)
are kept and compared as they were sent. What must change together: nothing. A filter that was stored before folds itself as it is read.
"""

from collections.abc import Iterable


def fold_case(text: str) -> str:
    """Return a kind or a status as it is stored: without blanks around it, in lower case."""
    return text.strip().lower()


def fold_case_all(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds or statuses that a filter asks for, as they are stored, each once."""
    return tuple(dict.fromkeys(map(fold_case, texts)))
