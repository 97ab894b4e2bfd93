"""What a ranking knows of a problem and of a change: no more than this, so that what decides can be read off.

Times are ms UTC. Names of services are those that aliases resolve to. Actors are not here: they are shown, never scored.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final, Literal, NamedTuple

import msgspec

from causeline.query_api.questions.relation import EVERYTHING

NOTICING_DELAY: Final = 60_000
"""ms between the onset and a start that is only the moment of noticing, as where the source sent no start."""

MOST_TEXT: Final = 4_000
"""Characters of a title or a text that are looked at: a text may have a megabyte, and a ranking looks at two thousand of them."""
MOST_ENTITIES: Final = 1_000
"""Of one change or problem, for the same reason."""

MOST_TAGS: Final = 100
"""Of one change or problem, the first ones."""

Outcome = Literal["", "failed", "rolled_back"]


def first_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are looked at."""
    return dict(islice(tags.items(), MOST_TAGS))


class ProblemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A problem. `detection_delay_ms` is how long its source takes to notice: the onset lies that long before `start`."""

    id: str
    start: int
    detection_delay_ms: int = 0
    service: str = ""
    environment: str = ""
    entities: frozenset[str] = frozenset()
    tags: dict[str, str] = {}
    title: str = ""
    text: str = ""
    source: str = ""
    correlation_id: str = ""

    @property
    def onset(self) -> int:
        """When it began to go wrong, ms UTC."""
        return self.start - self.detection_delay_ms


class RolloutStep(NamedTuple):
    """One step of a change: an event that names it. An unfinished one has no end."""

    start: int
    end: int | None = None
    status: str = ""


class ServiceOfFiles(NamedTuple):
    """The service of a change that names none: its files are that service's, as `files` says in words."""

    service: str
    files: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that may be the cause. `outcome` is rolled back also where a later deployment says so.

    `files` says in words by which files it has its service, where it names none.
    """

    id: str
    kind: str
    ts: int
    dialect: str = ""
    status: str = ""
    outcome: Outcome = ""
    start: int | None = None
    end: int | None = None
    service: str = ""
    files: str = ""
    environment: str = ""
    entities: frozenset[str] = frozenset()
    tags: dict[str, str] = {}
    title: str = ""
    text: str = ""
    commit: str = ""
    release: str = ""
    steps: tuple[RolloutStep, ...] = ()

    @property
    def begin(self) -> int:
        """Its first effect, ms UTC."""
        return self.ts if self.start is None else self.start

    @property
    def is_unscoped(self) -> bool:
        """Whether it names neither a service nor an entity, or all of them."""
        return self.service in ("", EVERYTHING) and self.entities <= {EVERYTHING}
