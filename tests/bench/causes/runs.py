"""Runs of rankers over cases."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from causeline.query_api.causes.features import FEATURES
from causeline.query_api.causes.model import Model
from causeline.query_api.causes.ranking import rank
from tests.bench.causes.cases import Case, make_cases
from tests.bench.causes.families import DEVELOPMENT, DEVELOPMENT_SEEDS, HELD_OUT, HELD_OUT_SEEDS, OUTAGE_SEEDS, OUTAGES, Family
from tests.bench.causes.metrics import Answer, Figures, measure
from tests.bench.causes.rankers import BASELINES

PRODUCT: Final = "causes"
GATE_FAMILIES: Final = tuple(family._replace(services=25) for family in HELD_OUT)
GATE_SEEDS: Final = range(2_001, 2_003)


def development_cases() -> list[Case]:
    return _all_cases(DEVELOPMENT, DEVELOPMENT_SEEDS)


def held_out_cases(seeds: Iterable[int] = HELD_OUT_SEEDS) -> list[Case]:
    return _all_cases(HELD_OUT, seeds)


def outage_cases() -> list[Case]:
    return _all_cases([OUTAGES], OUTAGE_SEEDS)


def _all_cases(families: Sequence[Family], seeds: Iterable[int]) -> list[Case]:
    return [case for seed in seeds for family in families for case in make_cases(family, seed)]


def answer(case: Case, model: Model) -> Answer:
    """Return what the product says."""
    problem, candidates, context = case.example[:3]
    ranking = rank(problem, candidates, context, model)
    first = ranking.causes[0].probability if ranking.causes else 0.0
    return Answer(case, [cause.event_id for cause in ranking.causes], first, ranking.none_probability, ranking.verdict == "likely")


def gate_figures(model: Model) -> Figures:
    """Return the figures of a few fleets, quick enough for every run of the suite."""
    return measure_model(_all_cases(GATE_FAMILIES, GATE_SEEDS), model)


def measure_baselines(cases: Sequence[Case]) -> dict[str, Figures]:
    return {name: measure([Answer(case, order(case)) for case in cases]) for name, order in BASELINES.items()}


def measure_model(cases: Sequence[Case], model: Model) -> Figures:
    return measure([answer(case, model) for case in cases])


def measure_families(cases: Sequence[Case], model: Model) -> dict[str, Figures]:
    names = dict.fromkeys(case.family for case in cases)
    return {name: measure_model([case for case in cases if case.family == name], model) for name in names}


def weaken(model: Model, feature: str) -> Model:
    """Return the model without a feature's weights."""
    weights = {name: 0.0 if name.partition(".")[0] == feature else weight for name, weight in model.weights.items()}
    return Model(f"{model.version} without {feature}", weights)


def ablate(cases: Sequence[Case], model: Model) -> dict[str, Figures]:
    """Return the figures without each feature, its weights at 0 and nothing fitted anew."""
    names = [*(feature.name for feature in FEATURES), "none"]
    return {name: measure_model(cases, weaken(model, name)) for name in names}


def time_rankings(cases: Sequence[Case], model: Model) -> dict[str, float]:
    """Return ms of processor time for one ranking: the median and the slowest, and how many changes one has (mean)."""
    durations = []
    for case in cases:
        began = time.process_time()
        answer(case, model)
        durations.append((time.process_time() - began) * 1000)
    durations.sort()
    return {
        "p50_ms": durations[len(durations) // 2],
        "max_ms": durations[-1],
        "candidates": sum(len(case.example.candidates) for case in cases) / len(cases),
    }
