"""The null candidate: that no change did it. It competes with the changes, and its score is the problem's own."""

import math

from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Term


def null_terms(context: Context) -> tuple[Term, ...]:
    """Return what speaks for no change, first what always does."""
    terms = (
        Term("none", 1.0),
        Term("none.recurrence", math.log1p(context.recurrences)),
        Term("none.feedback", math.log1p(context.none_feedback)),
        Term("none.spread", math.log1p(context.unrelated_problems)),
        Term("none.outside", float(context.is_outside)),
    )
    return tuple(term for term in terms if term.value)
