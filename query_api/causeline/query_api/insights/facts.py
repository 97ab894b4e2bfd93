"""A lifecycle event in the few columns that insights need."""

from typing import Final, NamedTuple

from causeline.query_api.insights.query import RUN_TAGS
from causeline.query_api.insights.stages import STAGES, stage_of
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.event import Event

_KNOWN: Final = frozenset(STAGES)


class Fact(NamedTuple):
    """When (ms UTC), which stage and action, of which team and repository, for which commit; `run` is the run id where no commit is.

    `commits` are those that it lists beside: what a deployment brings.
    """

    ts: int
    stage: str
    action: str
    team: str
    repo: str
    commit: str
    run: str
    commits: tuple[str, ...] = ()


def fact_of(event: Event) -> Fact | None:
    """Return the fact that an event states; None where it is no lifecycle event.

    Every event that came through CTO.ai's API is one, custom names included, and native ones of the kinds that CTO.ai knows.
    """
    stage = stage_of(event.kind)
    if event.dialect != CTO_AI.name and (event.dialect != NATIVE.name or stage not in _KNOWN):
        return None
    run = "" if event.commit else next((event.tags[tag] for tag in RUN_TAGS if event.tags.get(tag)), "")
    return Fact(event.ts, stage, event.status, event.team, event.repo, event.commit, run, tuple(event.commits))
