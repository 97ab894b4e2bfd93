"""What `GET /v1/insights` asks of a store, as a value. Times are ms UTC."""

from typing import Final

import msgspec

from causeline.query_api.causes.kinds import DAY, MINUTE
from causeline.schemas.values.times import MAX_MS, MIN_MS
from causeline.schemas.web.principal import Groups

REPEAT: Final = MINUTE
"""A begin so long after another one, both included, is the same begin, told again."""
ABANDONED: Final = DAY
"""A run that is open for so long, or longer, counts as never finished."""
LONGEST: Final = 30 * DAY
"""The longest run: an end later than that has no begin. So far around a window a store looks, and back for a first commit."""
RUN_TAGS: Final = ("run_id", "runId")
"""The tags that name a run where no commit does, the first that is there."""


class ZoneOffset(msgspec.Struct, frozen=True):
    """From a time on (ms UTC), how far the clocks of a zone are ahead of UTC (ms)."""

    since: int
    offset: int


class InsightQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of the teams and repositories (empty: of all) in [edges[0], edges[-1]), as of `now`.

    `edges` are those of the buckets of the series, rising, at least two. `offsets` are the zone's in the window, rising, the first of
    them at its begin or before.
    """

    tenant: str
    groups: Groups = None
    teams: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    edges: tuple[int, ...]
    offsets: tuple[ZoneOffset, ...] = (ZoneOffset(0, 0),)
    now: int

    @property
    def from_ms(self) -> int:
        """Return the begin of the window."""
        return self.edges[0]

    @property
    def to_ms(self) -> int:
        """Return its end, exclusive."""
        return self.edges[-1]

    @property
    def read_from(self) -> int:
        """Return since when events are looked at: begins of runs that end in the window, and first commits."""
        return max(self.from_ms - LONGEST, MIN_MS)

    @property
    def read_to(self) -> int:
        """Return until when events are looked at, exclusive: an end there says that a run of the window is not open."""
        return min(self.to_ms + LONGEST, MAX_MS + 1)
