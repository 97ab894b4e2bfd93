"""Which facts the metrics of a window need: so that a store reads these and no others.

What is exact without an end in the past is bounded, and said: which commits were deployed before, which version is older and of which kind
a service's deployments are is known of 90 days before the window. What came of the window is followed for 30 days after it, and to the end
of what is known where attribution has no bound.

Beside the windows some facts are read by key, whenever they were: the times of commits (`commits_without_time`), problems of which people
confirmed an event of the window, events that another one names, and where there ever was a problem.
"""

from typing import Final, NamedTuple

from causeline.query_api.dora.rollouts import PAUSE
from causeline.query_api.dora.windows import ZonedSpan, ZonedWindow
from causeline.schemas.dora.definition import ONE_DAY, Definition

FACTS_LOOKBACK: Final = 90 * ONE_DAY
"""ms before a window in which commits, versions and kinds are known."""
FOLLOW_UP: Final = 30 * ONE_DAY
"""ms after a window in which recovery is seen. What took longer is still open, as far as the answer goes."""


class OpenSpan(NamedTuple):
    """From an instant (ms UTC) until another one, None: to the end of what is known."""

    start: int
    end: int | None


class FactsWindow(NamedTuple):
    """Which facts are needed: of changes those that touch a span, of problems those that were open in one, of commits by their times."""

    changes: OpenSpan
    problems: OpenSpan
    commits: ZonedSpan


def facts_window(window: ZonedWindow, definition: Definition) -> FactsWindow:
    """Return the spans of facts that the metrics of a window need by a definition.

    A problem belongs to a deployment that ended up to H before it opened; one that opened while a rollout went on belongs to its steps.
    """
    reach = definition.attribution.window
    end = None if reach is None else window.end + max(FOLLOW_UP, reach + PAUSE)
    return FactsWindow(
        changes=OpenSpan(window.start - FACTS_LOOKBACK, end),
        problems=OpenSpan(window.start - PAUSE, None if reach is None else window.end + reach),
        commits=ZonedSpan(window.start - FACTS_LOOKBACK, window.end),
    )
