"""The weights, with a version. They are data: what is fitted to a tenant's feedback is a file that somebody takes into use.

`model.json` is the one that ships. A score is the sum of weight times value over the terms of the features; the null candidate's is that
of its own terms.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

from causeline.query_api.causes.evidence import Term

STARTING_WEIGHTS: Final = MappingProxyType(
    {
        "time": 1.0,
        "time.after": -1.0,
        "scope.same_entity": 4.5,
        "scope.same_service": 4.0,
        "scope.callee_1": 2.5,
        "scope.callee_2": 1.5,
        "scope.callee_3": 1.0,
        "scope.caller": 0.5,
        "scope.tag": 0.3,
        "scope.unscoped": 0.0,
        "scope.other": -3.0,
        "version": 3.0,
        "environment.same": 0.3,
        "environment.other": -3.0,
        "kind": 0.8,
        "outcome.failed": 1.0,
        "outcome.rolled_back": 2.0,
        "outcome.unfinished": 0.5,
        "surprise": 0.3,
        "text": 1.5,
        "breadth": 0.8,
        "history": 0.8,
        "none": 4.5,
        "none.recurrence": 0.8,
        "none.feedback": 1.0,
        "none.spread": 0.5,
        "none.outside": 2.0,
    }
)
"""What is believed before anything is measured: a fit starts here and is drawn back to here."""


class Model(msgspec.Struct, frozen=True):
    """A version and its weights by name. A weight that is not there is 0."""

    version: str
    weights: Mapping[str, float]

    def score(self, terms: Iterable[Term]) -> float:
        """Return what terms add up to."""
        return sum(self.weights.get(name, 0.0) * value for name, value in terms)


def write_model(model: Model) -> bytes:
    """Return a model as JSON, `{"version", "weights"}`, for `read_model`."""
    document = {"version": model.version, "weights": {name: model.weights[name] for name in sorted(model.weights)}}
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    weights: dict[str, float]


def read_model(text: bytes) -> Model:
    """Return the model that JSON holds. Raises ValueError for what is none, or names a weight that no term has."""
    try:
        document = msgspec.json.decode(text, type=_Stored)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no model: {error}") from error
    if unknown := sorted(document.weights.keys() - STARTING_WEIGHTS.keys()):
        raise ValueError(f"no model: unknown weight {unknown[0]!r}")
    return Model(document.version, document.weights)


DEFAULT_MODEL: Final = read_model(files("causeline.query_api.causes").joinpath("model.json").read_bytes())
"""What ships: fitted on simulated fleets (`make bench-causes`), since nobody shares the causes of their outages."""
