"""Weights from what people said: a conditional logit over the changes of each problem and the null candidate.

The loss is the mean of -log P(what may be true), and a pull back to the weights that a fit starts from, so that little feedback moves
little. What people know of a problem is a set: the one confirmed change, or none, or all but the rejected ones. The order of scope's
weights and the sign of every weight are kept: a fit never learns that what is farther away is likelier.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Term
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.model import DEFAULT_MODEL, STARTING_WEIGHTS, Model
from causeline.query_api.causes.null import null_terms
from causeline.query_api.causes.ranking import is_ranked, terms_of
from causeline.query_api.causes.scope import SCOPE_ORDER

NO_CHANGE: Final = ""
"""The id of the null candidate."""

_NAMES: Final = tuple(STARTING_WEIGHTS)
_COLUMNS: Final = {name: column for column, name in enumerate(_NAMES)}
_SCOPE: Final = [_COLUMNS[name] for name in SCOPE_ORDER]
_LEAST: Final = 0.05
_GAP: Final = 0.1
"""By how much a weight of scope stands at least above the next one."""
_RATE: Final = 0.05
_MOMENTUM: Final = 0.9
_SCALE: Final = 0.999

_Floats = npt.NDArray[np.float64]


class Example(NamedTuple):
    """A problem of which something is known: its cause's id (`NO_CHANGE` for none), or None and what it was not."""

    problem: ProblemFacts
    candidates: Sequence[Candidate]
    context: Context
    cause: str | None
    rejections: frozenset[str] = frozenset()


class TermExample(NamedTuple):
    """The same, of which only the terms are known: those of none, and of each change that is ranked, by id."""

    none: Sequence[Term]
    changes: Mapping[str, Sequence[Term]]
    cause: str | None
    rejections: frozenset[str] = frozenset()

    def may_be(self, name: str) -> bool:
        """Tell whether a change (or `NO_CHANGE`) may be the cause, as far as is known."""
        return name == self.cause if self.cause is not None else name not in self.rejections

    @property
    def is_telling(self) -> bool:
        """Whether some of it may be the cause and some may not: else it teaches nothing."""
        may_be = [self.may_be(name) for name in (NO_CHANGE, *self.changes)]
        return any(may_be) and not all(may_be)


class _Table(NamedTuple):
    """All candidates of all examples, a row each: terms, whether it may be the truth; `firsts` are the rows of the null candidates."""

    terms: _Floats
    possible: npt.NDArray[np.bool_]
    firsts: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]


def fit_model(examples: Iterable[Example], version: str, start: Model = DEFAULT_MODEL, *, rounds: int = 400, pull: float = 0.01) -> Model:
    """Return the model that explains the examples best, near `start`. Without an example that tells anything it is `start`'s weights.

    The same examples in the same order give the same weights. `pull` is the price of a weight's squared distance, beside the mean loss.
    Raises ValueError for a term that no weight is named after.
    """
    return fit_terms(map(_terms_of, examples), version, start, rounds=rounds, pull=pull)


def fit_terms(
    examples: Iterable[TermExample], version: str, start: Model = DEFAULT_MODEL, *, rounds: int = 400, pull: float = 0.01
) -> Model:
    """Return the same of examples of which only the terms are known."""
    table = _tabulate(examples)
    beginning = np.array([start.weights.get(name, 0.0) for name in _NAMES])
    if not len(table.firsts):
        return Model(version, dict(zip(_NAMES, beginning.tolist(), strict=True)))
    weights = beginning.copy()
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, rounds + 1):
        gradient = _gradient(table, weights) + 2 * pull * (weights - beginning)
        mean = _MOMENTUM * mean + (1 - _MOMENTUM) * gradient
        square = _SCALE * square + (1 - _SCALE) * gradient**2
        stride = _RATE * (1 - step / (rounds + 1))
        weights = weights - stride * (mean / (1 - _MOMENTUM**step)) / (np.sqrt(square / (1 - _SCALE**step)) + 1e-9)
        weights = _constrain(weights)
    return Model(version, dict(zip(_NAMES, weights.round(4).tolist(), strict=True)))


def _terms_of(example: Example) -> TermExample:
    ranks = [change for change in example.candidates if is_ranked(example.problem, change, example.context)]
    changes = {change.id: terms_of(example.problem, change, example.context) for change in ranks}
    return TermExample(null_terms(example.context), changes, example.cause, example.rejections)


def _tabulate(examples: Iterable[TermExample]) -> _Table:
    rows: list[Sequence[Term]] = []
    possible: list[bool] = []
    firsts: list[int] = []
    for example in examples:
        if not example.is_telling:
            continue
        firsts.append(len(rows))
        rows.append(example.none)
        rows.extend(example.changes.values())
        possible.extend(example.may_be(name) for name in (NO_CHANGE, *example.changes))
    terms = np.zeros((len(rows), len(_NAMES)))
    for row, values in enumerate(rows):
        for name, value in values:
            terms[row, _column_of(name)] += value
    starts = np.array(firsts, dtype=np.int64)
    owners = np.repeat(np.arange(len(firsts)), np.diff(np.append(starts, len(rows))))
    return _Table(terms, np.array(possible, dtype=np.bool_), starts, owners)


def _column_of(name: str) -> int:
    """Return where a weight stands. Raises ValueError for one that a feature names and no table has."""
    column = _COLUMNS.get(name)
    if column is None:
        raise ValueError(f"the feature {name.partition('.')[0]!r} has the term {name!r}, which has no weight: add it to STARTING_WEIGHTS")
    return column


def _gradient(table: _Table, weights: _Floats) -> _Floats:
    """Return the mean of what the model expects, less what it expects of what may be true."""
    scores = table.terms @ weights
    scores -= np.maximum.reduceat(scores, table.firsts)[table.owners]
    parts = np.exp(scores)
    shares = parts / np.add.reduceat(parts, table.firsts)[table.owners]
    truths = np.where(table.possible, np.maximum(parts, 1e-300), 0.0)
    truths = truths / np.add.reduceat(truths, table.firsts)[table.owners]
    gradient: _Floats = (shares - truths) @ table.terms / len(table.firsts)
    return gradient


def _constrain(weights: _Floats) -> _Floats:
    """Keep the order of scope, and the sign that every other weight was meant to have; one that starts at 0 may have either."""
    bounds = weights.copy()
    steps = _GAP * np.arange(len(_SCOPE))
    bounds[_SCOPE] = _level([float(value) for value in weights[_SCOPE] + steps]) - steps
    for name, column in _COLUMNS.items():
        if column not in _SCOPE and STARTING_WEIGHTS[name]:
            bounds[column] = max(_LEAST, weights[column]) if STARTING_WEIGHTS[name] > 0 else min(-_LEAST, weights[column])
    return bounds


def _level(values: Sequence[float]) -> _Floats:
    """Return the nearest values of which none is above the one before it: those that break the order share their mean."""
    pools: list[tuple[float, int]] = []
    for value in values:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-1][0] > pools[-2][0]:
            (mean, count), (above, others) = pools.pop(), pools.pop()
            pools.append(((mean * count + above * others) / (count + others), count + others))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools])
