"""How far a zone's clocks are ahead of UTC over a window, so that hours of the week are arithmetic, in Python and in SQL alike."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from causeline.query_api.causes.kinds import DAY
from causeline.query_api.insights.query import ZoneOffset

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def offsets_of(zone: ZoneInfo, from_ms: int, to_ms: int) -> tuple[ZoneOffset, ...]:
    """Return the offsets of [from_ms, to_ms), each with when it began, the first with `from_ms`. Clocks change once in a day at most."""
    offsets = [ZoneOffset(from_ms, _offset_at(from_ms, zone))]
    for at in (*range(from_ms + DAY, to_ms, DAY), to_ms - 1):
        if (offset := _offset_at(at, zone)) != offsets[-1].offset:
            before, after = max(at - DAY, from_ms), at
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (before, middle) if _offset_at(middle, zone) == offset else (middle, after)
            offsets.append(ZoneOffset(after, offset))
    return tuple(offsets)


def _offset_at(at: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + at * _MS).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MS
