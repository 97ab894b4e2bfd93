"""One name of a path, which is what stands between two slashes, against git's wildcards of it, in bounded steps. Pure.

Between two `*` stands a piece of fixed length. Where it fits first, whatever follows has the most room, so the first place is taken and no
other one is ever tried. Where `*` is the only wildcard, each piece is one search of a text; where `?` or `[…]` is in it, letters are looked
at one by one, at most as many times as the name has letters, times the pattern's.
"""

from typing import Final, NamedTuple

_ANYTHING: Final = "*"
_WILD: Final = frozenset("*?[\\")
_PLAIN_A_STEP: Final = 1_024
_LETTERS_A_STEP: Final = 16
"""Letters of a name times letters of a pattern that count as one step, where texts are searched for and where letters are looked at."""


class LetterSet(NamedTuple):
    """What `[…]` stands for, or `?`: one letter of these, or of these spans (first and last); or any other one."""

    letters: frozenset[str] = frozenset()
    spans: tuple[tuple[str, str], ...] = ()
    is_negated: bool = False

    def has(self, letter: str) -> bool:
        """Tell whether it stands for a letter."""
        return (letter in self.letters or any(first <= letter <= last for first, last in self.spans)) is not self.is_negated


_ANY_LETTER: Final = LetterSet(is_negated=True)
_Letters = tuple[str | LetterSet, ...]
_Piece = str | _Letters
"""A text; or, where some letter of it is a set, letter by letter."""


class NameGlob(NamedTuple):
    """A wildcard: its text, and the pieces between its `*`; one piece where there is none."""

    text: str
    pieces: tuple[_Piece, ...]
    is_plain: bool

    def cost(self, name: str) -> int:
        """Return how many steps `fits` counts as: its pieces, and more where it may look at many letters."""
        return len(self.pieces) + len(name) * len(self.text) // (_PLAIN_A_STEP if self.is_plain else _LETTERS_A_STEP)

    def fits(self, name: str) -> bool:
        """Tell whether it matches a whole name."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return len(name) == len(first) and _is_at(first, name, 0)
        at, end = len(first), len(name) - len(last)
        if at > end or not _is_at(first, name, 0) or not _is_at(last, name, end):
            return False
        for piece in self.pieces[1:-1]:
            place = _find(piece, name, at, end)
            if place < 0:
                return False
            at = place + len(piece)
        return True


def parse_name(text: str) -> str | NameGlob:
    """Return what one name of a pattern says: itself, where nothing in it is a wildcard. Raises ValueError saying what is wrong."""
    if _WILD.isdisjoint(text):
        return text
    pieces: list[_Piece] = []
    letters: list[str | LetterSet] = []
    at = 0
    while at < len(text):
        letter, at = text[at], at + 1
        if letter == _ANYTHING:
            pieces.append(_piece(letters))
            letters = []
        elif letter == "?":
            letters.append(_ANY_LETTER)
        elif letter == "[":
            one, at = _parse_set(text, at)
            letters.append(one)
        elif letter == "\\":
            letters.append(_unescape(text, at))
            at += 1
        else:
            letters.append(letter)
    pieces.append(_piece(letters))
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    return NameGlob(text, _without_blanks(pieces), all(isinstance(piece, str) for piece in pieces))


def _without_blanks(pieces: list[_Piece]) -> tuple[_Piece, ...]:
    """Return the pieces without those between two `*` that stand together."""
    return (pieces[0], *(piece for piece in pieces[1:-1] if piece), *pieces[1:][-1:])


def _piece(letters: list[str | LetterSet]) -> _Piece:
    return "".join(map(str, letters)) if all(isinstance(one, str) for one in letters) else tuple(letters)


def _parse_set(text: str, at: int) -> tuple[LetterSet, int]:
    """Return the set whose `[` stands before a place, and the place behind its `]`."""
    is_negated = text[at : at + 1] in ("!", "^")
    start = at = at + is_negated
    letters: set[str] = set()
    spans: list[tuple[str, str]] = []
    while at < len(text) and (text[at] != "]" or at == start):
        if text.startswith("[:", at):
            raise ValueError("has a [: within its [, which means nothing here; write the letters, or a span of them")
        first, at = _letter(text, at)
        if text[at : at + 1] != "-" or text[at + 1 : at + 2] in ("", "]"):
            letters.add(first)
            continue
        last, at = _letter(text, at + 1)
        if first > last:
            raise ValueError(f"has the span {first}-{last}, which holds nothing")
        spans.append((first, last))
    if at >= len(text):
        raise ValueError("has a [ without its ]")
    return LetterSet(frozenset(letters), tuple(spans), is_negated), at + 1


def _letter(text: str, at: int) -> tuple[str, int]:
    """Return the letter at a place of a set, and the place behind it."""
    return (_unescape(text, at + 1), at + 2) if text[at] == "\\" else (text[at], at + 1)


def _unescape(text: str, at: int) -> str:
    if at >= len(text):
        raise ValueError("ends with a \\ that stands before nothing")
    return text[at]


def _find(piece: _Piece, name: str, at: int, end: int) -> int:
    """Return the first place from `at` on where a piece fits before `end`, -1 where there is none."""
    if isinstance(piece, str):
        return name.find(piece, at, end)
    return next((place for place in range(at, end - len(piece) + 1) if _is_at(piece, name, place)), -1)


def _is_at(piece: _Piece, name: str, at: int) -> bool:
    if isinstance(piece, str):
        return name.startswith(piece, at)
    letters = zip(piece, name[at : at + len(piece)], strict=True)
    return all(one == letter if isinstance(one, str) else one.has(letter) for one, letter in letters)
