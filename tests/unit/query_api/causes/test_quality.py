"""How good rankings are does not fall by the way: figures of a few simulated fleets, beside what was recorded (`make bench-causes`)."""

import json
from pathlib import Path
from typing import Final

import pytest

from causeline.query_api.causes.model import DEFAULT_MODEL
from tests.bench.causes.runs import gate_figures

RECORDED: Final = json.loads(Path(__file__).with_name("figures.json").read_text("utf-8"))
TOLERANCE: Final = 0.02


def test_no_figure_moves_by_more_than_it_may() -> None:
    """A figure that grew better moves as well: then `python -m tests.bench.causes --fit` records it, or a hand does."""
    assert gate_figures(DEFAULT_MODEL) == pytest.approx(RECORDED, abs=TOLERANCE)
