"""Families of fleets: what a simulated world is like. Those that weights are fitted on and those that figures are taken on differ.

A held-out family has other laws and other numbers than any development family, and its own seeds: what is measured was never seen.
"""

from typing import Final, Literal, NamedTuple

DelayLaw = Literal["lognormal", "uniform", "exponential", "rollout"]


class Family(NamedTuple):
    """One kind of world. Shares are of problems (or of changes, where it says so); times in minutes.

    `delay_law` with its median and spread is how long a fault takes to show; `slow` the share of faults that creep for hours. `none` is
    the share of problems without a change behind them, `missing` that of causes that nobody reported, `late` that of causes that arrive
    after the ranking. `wrong_name` is the share of problems that call their service by a name nobody knows, `nameless` of those that name
    none. `skew` is the spread of the sources' clocks (seconds). `decoys` is the share of problems 30 seconds before which an innocent
    change began, half of these of the same service. `burst` is the share of problems with 80 changes in the ten minutes before,
    `mega` that of those whose cause is one of 25 deployments of a release train. `frequent` is the share of services that deploy all day.
    `outage` is the share of problems amid which many other services suffer: those that depend on what was changed or broke, or, where
    neither a change nor a dependency did it, any.
    """

    name: str
    delay_law: DelayLaw = "lognormal"
    median: float = 8.0
    spread: float = 1.0
    slow: float = 0.15
    none: float = 0.3
    missing: float = 0.05
    late: float = 0.03
    wrong_name: float = 0.03
    nameless: float = 0.05
    skew: float = 5.0
    decoys: float = 0.15
    burst: float = 0.05
    mega: float = 0.05
    frequent: float = 0.1
    services: int = 60
    hints: float = 0.45
    outage: float = 0.0


DEVELOPMENT: Final = (
    Family("plain"),
    Family("fast", median=4.0, spread=0.7, slow=0.05),
    Family("slow", median=20.0, slow=0.4),
    Family("uniform", delay_law="uniform", median=15.0),
    Family("bursts", burst=0.5),
    Family("mega", mega=0.4),
    Family("frequent", frequent=0.35),
    Family("missing", missing=0.3, late=0.1),
    Family("names", wrong_name=0.25, nameless=0.2),
    Family("skew", skew=60.0),
    Family("decoys", decoys=0.8),
    Family("quiet", none=0.7),
    Family("silent", hints=0.15),
)
DEVELOPMENT_SEEDS: Final = range(1, 21)

HELD_OUT: Final = (
    Family("plain'", services=90, median=10.0),
    Family("exponential", delay_law="exponential", median=7.0, slow=0.2),
    Family("rollouts", delay_law="rollout", median=6.0),
    Family("creeping", median=30.0, spread=1.2, slow=0.3),
    Family("storms", burst=0.4, mega=0.25, services=100),
    Family("busy", frequent=0.5, services=40),
    Family("gaps", missing=0.2, late=0.2),
    Family("strangers", wrong_name=0.2, nameless=0.3),
    Family("clocks", skew=90.0, median=6.0),
    Family("decoys'", decoys=0.9, none=0.2),
    Family("calm", none=0.8),
    Family("mute", hints=0.1, decoys=0.3),
)
HELD_OUT_SEEDS: Final = range(1_001, 1_011)

OUTAGES: Final = Family("outages'", outage=0.5, services=100, burst=0.2)
"""Held out as well, and measured apart: problems amid which many other services suffer."""
OUTAGE_SEEDS: Final = range(1_001, 1_041)
