r"""A tag as one text, `key:value`, as filters say it: in query strings, streams, subscriptions and tools alike.

The first colon ends the key. A key that holds one is written with a backslash before it: `a\:b:v` asks for the tag `a:b` with the value
`v`. A backslash before a colon or another backslash is one; before anything else, and in the value, it is itself.
"""

import re
from typing import Final

TAG_PATTERN: Final = r"^([^:\\]|\\.)+:"
"""What a client's schema may check."""

_ESCAPED: Final = re.compile(r"\\([:\\])")
_SPECIAL: Final = re.compile(r"([:\\])")
_ESCAPE: Final = r"\\\1"


def tag_of(text: str) -> tuple[str, str]:
    """Return (key, value). Raises ValueError where it is no tag."""
    at = text.find(":")
    while at > 0 and _backslashes(text, at) % 2:
        at = text.find(":", at + 1)
    if at < 1:
        raise ValueError(f"{text[:100]!r} is not a tag such as key:value")
    return _ESCAPED.sub(r"\1", text[:at]), text[at + 1 :]


def tag_text(key: str, value: str) -> str:
    """Return the text that `tag_of` reads."""
    return f"{_SPECIAL.sub(_ESCAPE, key)}:{value}"


def _backslashes(text: str, end: int) -> int:
    """Return how many backslashes end the text before a place."""
    count = 0
    while count < end and text[end - 1 - count] == "\\":
        count += 1
    return count
