"""What an operator may choose of how a partition decides, with its defaults."""

from collections.abc import Mapping

import msgspec

from causeline.processors.events.dedup import ContentWindow
from causeline.processors.events.problems import ProblemPolicy


class ProcessorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may choose, in ms of task time.

    `dedup_window_ms`: how long idempotency keys are known. `recent_ms`: how long changed events are known, `version_ms` how long their
    versions are: far longer than what a writer may have missed (`query_api.reading.reader.BASE_S`), also where the clock of a server is an
    hour ahead and then true again. `content_windows`: dedup by content, by dialect; none by default.
    """

    dedup_window_ms: int = 3_600_000
    recent_ms: int = 600_000
    version_ms: int = 7_200_000
    life: ProblemPolicy = ProblemPolicy()
    content_windows: Mapping[str, ContentWindow] = {}
    max_open_problems: int = 10_000
