"""Whether a revision says what subscribers are to be told: that facts changed. Other weights are no fact. Pure.

The first ranking by other weights is published, told to nobody, and what later ones are compared with: else a restart with new weights
would tell again of every open problem at once. Two things are told all the same, for a fact alone explains them: what people or a rollback
decided, and a first cause that came in, or one that went, since the revision before. Any other fact that comes in with new weights cannot
be told from them.
"""

from causeline.query_api.publishing.last_ranking import LastRanking
from causeline.query_api.reading.causes import RankedCauses
from causeline.schemas.records.causes import CauseRevision


def is_news(revision: CauseRevision, answer: RankedCauses, before: LastRanking | None) -> bool:
    """Tell whether a revision of an answer names another first cause or verdict than the one before, because facts changed."""
    if before is None:
        return True
    if (before.first, before.bare.verdict) == (revision.first, revision.verdict):
        return False
    return not is_by_other_weights(revision, before) or _is_of_facts(revision, answer, before)


def is_by_other_weights(revision: CauseRevision, before: LastRanking) -> bool:
    """Tell whether a revision was ranked by other weights than the one before."""
    return revision.model != before.bare.model


def _is_of_facts(revision: CauseRevision, answer: RankedCauses, before: LastRanking) -> bool:
    is_decided = revision.occasion == "feedback" or any(cause.feedback in ("confirmed", "implied") for cause in revision.causes[:1])
    has_come = revision.first != "" and answer.events[revision.first].updated_ts > before.bare.as_of
    left = {cause.event_id for cause in answer.ranking.causes if cause.feedback != "rejected"}
    return is_decided or has_come or (before.first != "" and before.first not in left)
