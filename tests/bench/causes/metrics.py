"""What a ranker is worth: figures over cases, each between 0 and 1.

- `hr1`, `hr3`, `mrr`: over problems whose cause was reported.
- `decoys`: how often a decoy stands first, over problems that have one.
- `false_blame`: how often a problem that no change did is blamed on one: its verdict is `likely`. Who has no verdict blames always.
- `coverage`: how often a problem whose cause was reported is blamed on something. `precision`: how often a blame is right, over all.
- `false_blame_at_half`: the false blame, were the bar of probability where half of the problems with a reported cause pass it.
- `coverage_at_80`: the largest share of all problems that can be answered, the surest first, so that 80 % of the answers are right.
- `none_precision`: how often no change did it, or none that was reported, where none has half of the sum. `none_recall`: how often none has
  half of it where that is so.
- `ece`: how far the first cause's probability is from how often it is right, over ten bins, weighed by their size; `ece_none` for none.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from causeline.query_api.causes.fitting import NO_CHANGE
from tests.bench.causes.cases import Case

_BINS: Final = 10
_PRECISION: Final = 0.8
_HALF: Final = 0.5


class Answer(NamedTuple):
    """What a ranker said of a case: ids in order, the probabilities of the first and of none, and whether it blames the first."""

    case: Case
    order: Sequence[str]
    probability: float = 1.0
    none_probability: float = 0.0
    is_blame: bool = True

    @property
    def first(self) -> str | None:
        return self.order[0] if self.order else None

    @property
    def is_right(self) -> bool:
        return self.case.cause != NO_CHANGE and self.first == self.case.cause

    @property
    def place(self) -> int | None:
        return self.order.index(self.case.cause) + 1 if self.case.cause in self.order else None


Figures = dict[str, float]


def measure(answers: Sequence[Answer]) -> Figures:
    """Return the figures of answers, rounded to four digits."""
    caused = [answer for answer in answers if answer.case.cause != NO_CHANGE]
    innocent = [answer for answer in answers if not answer.case.has_change]
    teased = [answer for answer in answers if answer.case.decoys]
    blames = [answer for answer in answers if answer.is_blame]
    figures = {
        "hr1": _share(answer.place == 1 for answer in caused),
        "hr3": _share(answer.place is not None and answer.place <= 3 for answer in caused),
        "mrr": _mean([1 / answer.place if answer.place else 0.0 for answer in caused]),
        "decoys": _share(answer.first in answer.case.decoys for answer in teased),
        "false_blame": _share(answer.is_blame for answer in innocent),
        "coverage": _share(answer.is_blame for answer in caused),
        "false_blame_at_half": false_blame_at(_HALF, caused, innocent),
        "precision": _share(answer.is_right for answer in blames),
        "coverage_at_80": coverage_at(_PRECISION, answers),
        "none_precision": _share(answer.case.cause == NO_CHANGE for answer in answers if answer.none_probability >= _HALF),
        "none_recall": _share(answer.none_probability >= _HALF for answer in answers if answer.case.cause == NO_CHANGE),
        "ece": calibration_error([(answer.probability, answer.is_right) for answer in answers if answer.order]),
        "ece_none": calibration_error([(answer.none_probability, answer.case.cause == NO_CHANGE) for answer in answers]),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def coverage_at(precision: float, answers: Sequence[Answer]) -> float:
    """Return the share of answers, the surest first, up to which at least `precision` of them are right."""
    surest = sorted(answers, key=lambda answer: (-answer.probability, answer.case.example.problem.id))
    right, best = 0, 0
    for count, answer in enumerate(surest, 1):
        right += answer.is_right
        if right >= precision * count:
            best = count
    return best / len(answers) if answers else 0.0


def false_blame_at(coverage: float, caused: Sequence[Answer], innocent: Sequence[Answer]) -> float:
    """Return the false blame at the highest bar of probability that a share of the caused problems passes."""
    passed = sorted((answer.probability for answer in caused), reverse=True)
    if not passed:
        return 0.0
    bar = passed[max(0, math.ceil(coverage * len(passed)) - 1)]
    return _share(answer.probability >= bar for answer in innocent)


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the mean distance between what was promised (0 to 1) and what came true, in ten bins of equal width."""
    error = 0.0
    for number in range(_BINS):
        members = [pair for pair in pairs if min(_BINS - 1, int(pair[0] * _BINS)) == number]
        if members:
            error += abs(sum(promise for promise, _ in members) - sum(is_true for _, is_true in members))
    return error / len(pairs) if pairs else 0.0


def _share(values: Iterable[bool]) -> float:
    return _mean([float(value) for value in values])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
