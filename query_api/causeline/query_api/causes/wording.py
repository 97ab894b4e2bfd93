"""Text: rare words that the problem and the change share. What is rare, the tenant's events say; short words and numbers are no words."""

import math
from functools import lru_cache
from typing import Final

from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.schemas.values.words import words_of

_SHORTEST: Final = 3
_COMMON: Final = 0.02
"""A word in more than this share of the events tells nothing."""
_MOST: Final = 2.0
_SHOWN: Final = 3


def weigh_text(problem: ProblemFacts, change: Candidate, context: Context) -> Evidence | None:
    """Return the sum of the shared words' rarity, each at most 1, together at most 2."""
    if context.documents <= 1:
        return None
    shared = _problem_words(problem.title, problem.text) & _words(change.title, change.text)
    counts = {word: max(1, context.word_counts.get(word, 1)) for word in shared}
    rare = sorted((count, word) for word, count in counts.items() if count <= max(1, _COMMON * context.documents))
    if not rare:
        return None
    weight = math.fsum(1 - math.log(count) / math.log(context.documents) for count, _ in rare)
    quotes = ", ".join(f"“{word}”" for _, word in rare[:_SHOWN])
    return Evidence((Term("text", min(_MOST, weight)),), f"both speak of {quotes}")


@lru_cache(maxsize=64)
def _problem_words(title: str, text: str) -> frozenset[str]:
    """Return the words of a problem, which are asked for with every candidate."""
    return frozenset(_words(title, text))


def _words(*texts: str) -> set[str]:
    words = words_of("\n".join(texts))
    return {word for word in words if len(word) >= _SHORTEST and not word.isdigit()}
