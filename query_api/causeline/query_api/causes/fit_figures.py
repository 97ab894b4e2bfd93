"""How well weights explain what people said: the same few figures before a fit and after it, also on what the fit did not see.

- `first`, `first_three`, `mrr`: over problems of which somebody confirmed a change, how often it is the first, among the first three, and
  the mean of 1 / its place.
- `none`: over problems that no change did, as somebody said, how often none has half of the sum. `false_blame`: how often a change of them
  is `likely`, with half of the sum and twice what the second has.
- `rejected_first`: over problems of which somebody rejected a change, how often a rejected one is the first.
- `loss`: over all of them, the mean of -log of the part that what may be true has; lower is better.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from causeline.query_api.causes.fitting import NO_CHANGE, TermExample, fit_terms
from causeline.query_api.causes.model import Model

FIGURES: Final = ("first", "first_three", "mrr", "none", "false_blame", "rejected_first", "loss")
MOST_FOLDS: Final = 5
_HALF: Final = 0.5
_AHEAD: Final = 2.0
_THREE: Final = 3
_LEAST_PART: Final = 1e-12


class _Outcome(NamedTuple):
    """What weights say of one example: the place of its cause (None without one), and the rest as the figures are named."""

    example: TermExample
    place: int | None
    none_part: float
    is_likely: bool
    first: str | None
    truth_part: float


def _judge_example(example: TermExample, model: Model) -> _Outcome:
    scores = {NO_CHANGE: model.score(example.none)} | {name: model.score(terms) for name, terms in example.changes.items()}
    highest = max(scores.values())
    parts = {name: math.exp(score - highest) for name, score in scores.items()}
    whole = math.fsum(parts.values())
    order = sorted(example.changes, key=lambda name: (-scores[name], name))
    first, second, *_ = (*(parts[name] / whole for name in order), 0.0, 0.0)
    return _Outcome(
        example,
        order.index(example.cause) + 1 if example.cause is not None and example.cause in example.changes else None,
        parts[NO_CHANGE] / whole,
        first >= _HALF and first >= _AHEAD * second,
        order[0] if order else None,
        math.fsum(part for name, part in parts.items() if example.may_be(name)) / whole,
    )


def measure_fit(pairs: Sequence[tuple[TermExample, Model]]) -> dict[str, float | None]:
    """Return the figures of examples, each with the weights that judge it; None where no example tells anything of one."""
    outcomes = [_judge_example(example, model) for example, model in pairs]
    places = [outcome.place for outcome in outcomes if outcome.place is not None]
    innocent = [outcome for outcome in outcomes if outcome.example.cause == NO_CHANGE]
    ruled_out = [outcome for outcome in outcomes if outcome.example.rejections - {NO_CHANGE}]
    return {
        "first": _mean([place == 1 for place in places]),
        "first_three": _mean([place <= _THREE for place in places]),
        "mrr": _mean([1 / place for place in places]),
        "none": _mean([outcome.none_part >= _HALF for outcome in innocent]),
        "false_blame": _mean([outcome.is_likely for outcome in innocent]),
        "rejected_first": _mean([outcome.first in outcome.example.rejections for outcome in ruled_out]),
        "loss": _mean([-math.log(max(outcome.truth_part, _LEAST_PART)) for outcome in outcomes]),
    }


def measure_unseen(examples: Sequence[TermExample], start: Model) -> dict[str, float | None]:
    """Return the figures of weights that did not see what they judge: of up to five folds each is judged by a fit of the others."""
    folds = min(MOST_FOLDS, len(examples))
    if folds <= 1:
        return measure_fit([])
    pairs = []
    for fold in range(folds):
        model = fit_terms([example for number, example in enumerate(examples) if number % folds != fold], start.version, start)
        pairs += [(example, model) for example in examples[fold::folds]]
    return measure_fit(pairs)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
