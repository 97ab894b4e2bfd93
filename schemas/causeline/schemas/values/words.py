r"""What a word of a text is: the rule of `q`, in lists, streams and subscriptions alike.

A word is a run of letters, digits and the marks on them (Unicode's L, Nd, Nl, Mn, Mc); a symbol such as an emoji is a word of its own; all
else separates, be it a curly quote, a dash or a no-break space. Text that is written without spaces is one word. Letter case does not
matter. What must change together: this rule, `WORD_PATTERN`, and the index `said` of `clickhouse/0008_words.sql`, which holds the pattern
(the contract suite of the event store compares what both find).
"""

import re
import unicodedata
from typing import Final

WORD_PATTERN: Final = r"[\p{L}\p{Nd}\p{Nl}][\p{L}\p{Nd}\p{Nl}\p{Mn}\p{Mc}]*|[\p{So}\p{No}]"
"""The rule as RE2 says it, which knows classes of characters that `re` does not."""

_ASCII: Final = re.compile(r"[0-9A-Za-z]+")
_LETTERS: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl"})
_MARKS: Final = frozenset({"Mn", "Mc"})
_SYMBOLS: Final = frozenset({"So", "No"})
_BMP: Final = 0x10000


class _Spacing(dict[int, str]):
    """Each character as it stands between words: itself, or between blanks, or a blank. What is common is kept: 65,536 entries at most."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        replacement = character if category in _LETTERS or category in _MARKS else f" {character} " if category in _SYMBOLS else " "
        if code < _BMP:
            self[code] = replacement
        return replacement


_SPACING: Final = _Spacing()


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order, in lower case."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    runs = (_from_its_letter(run) for run in text.translate(_SPACING).split(" "))
    return " ".join(run for run in runs if run).lower().split()


def _from_its_letter(run: str) -> str:
    """Return a run without the marks it begins with: they belong to no letter of it (an emoji's variation, left behind)."""
    start = 0
    while start < len(run) and unicodedata.category(run[start]) in _MARKS:
        start += 1
    return run[start:]
