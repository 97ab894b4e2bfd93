"""Durations as people write them: `250ms`, `30s`, `15m`, `2h`, `7d`."""

import re
from typing import Final

_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FORM: Final = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def duration_ms(text: str) -> int:
    """Return the milliseconds of a duration such as `15m`. Raises ValueError that shows the accepted forms."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 30s, 15m, 2h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]
