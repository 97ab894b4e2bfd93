"""`python -m tests.bench.causes [--fit]`: how good rankings of causes are, beside baselines, on fleets that no weight was fitted on.

`--fit` fits the weights on the development fleets first, and writes them to the product's `model.json` and the gate's figures anew.
"""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from causeline.query_api.causes.fitting import fit_model
from causeline.query_api.causes.model import DEFAULT_MODEL, STARTING_WEIGHTS, Model, write_model
from tests.bench.causes.aims import unmet_aims
from tests.bench.causes.metrics import Figures
from tests.bench.causes.runs import (
    PRODUCT,
    ablate,
    development_cases,
    gate_figures,
    held_out_cases,
    measure_baselines,
    measure_families,
    measure_model,
    outage_cases,
    time_rankings,
)

GATE: Final = Path(__file__).parents[2] / "unit" / "query_api" / "causes" / "figures.json"


def fit() -> Model:
    """Fit on the development fleets, and keep the weights and the figures that the gate holds."""
    model = fit_model([case.example for case in development_cases()], "1", Model("start", STARTING_WEIGHTS))
    Path(str(files("causeline.query_api.causes").joinpath("model.json"))).write_bytes(write_model(model))
    GATE.write_text(json.dumps(gate_figures(model), indent=2) + "\n")
    return model


def show(title: str, rows: dict[str, Figures]) -> None:
    table = Table(title=title)
    table.add_column("")
    for name in next(iter(rows.values())):
        table.add_column(name, justify="right")
    for name, figures in rows.items():
        table.add_row(name, *(f"{value:.3f}" for value in figures.values()))
    Console(width=200).print(table)


def main(arguments: list[str]) -> int:
    model = fit() if "--fit" in arguments else DEFAULT_MODEL
    cases = held_out_cases()
    figures: dict[str, Any] = measure_baselines(cases)
    figures["starting weights"] = measure_model(cases, Model("start", STARTING_WEIGHTS))
    figures[PRODUCT] = measure_model(cases, model)
    show(f"{len(cases)} problems of held-out fleets", figures)
    show("by family", measure_families(cases, model))
    show("many services suffer at once", measure_families(outage_cases(), model))
    show("without a feature", ablate(cases, model))
    show("one ranking (ms of processor)", {PRODUCT: time_rankings(cases, model)})
    missed = unmet_aims(figures)
    for aim in missed:
        print(f"missed: {aim}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
