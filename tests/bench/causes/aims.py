"""What the figures on held-out fleets must reach."""

from typing import Final

from tests.bench.causes.metrics import Figures
from tests.bench.causes.runs import PRODUCT

LIST: Final = "same service, then recency"
"""What people have without a ranking."""


def unmet_aims(figures: dict[str, Figures]) -> list[str]:
    """Return the aims that are not met, in words."""
    own, other = figures[PRODUCT], figures[LIST]
    aims = {
        f"hr1 {own['hr1']:.3f}, at least 0.20 above {other['hr1']:.3f} of a list": own["hr1"] >= other["hr1"] + 0.20,
        f"false blame {own['false_blame_at_half']:.3f} of problems without a change, at most 0.10, where half of the causes are named": own[
            "false_blame_at_half"
        ]
        <= 0.10,
        f"decoys first {own['decoys']:.3f}, at most half of {other['decoys']:.3f}": own["decoys"] <= other["decoys"] / 2,
        f"ece {own['ece']:.3f}, at most 0.1": own["ece"] <= 0.1,
    }
    return [aim for aim, is_met in aims.items() if not is_met]
