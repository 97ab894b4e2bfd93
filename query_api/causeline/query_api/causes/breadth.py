"""Breadth: other problems that opened within ten minutes, and which of them the same change reaches."""

import math

from causeline.query_api.causes.context import Context, Neighbour
from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.questions.relation import EVERYTHING


def weigh_breadth(change: Candidate, context: Context) -> Evidence | None:
    """Return the logarithm of how many it reaches. What names neither service nor entity reaches all and says nothing."""
    if not context.neighbours or change.is_unscoped:
        return None
    count = sum(_reaches(change, neighbour) for neighbour in context.neighbours)
    if not count:
        return None
    others = "other problem" if len(context.neighbours) == 1 else "other problems"
    text = f"reaches {count} of {len(context.neighbours)} {others} that opened within 10 min"
    return Evidence((Term("breadth", math.log1p(count)),), text)


def _reaches(change: Candidate, neighbour: Neighbour) -> bool:
    if (change.entities & neighbour.entities) - {EVERYTHING, ""}:
        return True
    return change.service != "" and (change.service == neighbour.service or change.service in neighbour.callees)
