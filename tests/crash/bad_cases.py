"""The ways in which an endpoint is bad, as values: how it answers, for how long, and what Causeline is to make of it."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from tests.receiver import Behaviour, Cut, Drip, Hang, Status

LISTED: Final = "127.0.0.2"
"""The only address that may be reached: all endpoints listen here, and what a redirect must not reach listens on 127.0.0.1."""
TIMEOUT_S: Final = 2
RETRY_AFTER_S: Final = 3

Seen = Literal["broken", "limited", "gone"]


class Case(NamedTuple):
    """`behaviours` answer in turn, the last one from then on; none: the port is closed. `seconds`: how long it lasts at least.

    `effect`: `broken` opens the breaker and an incident, `limited` neither, `gone` disables the subscription. `recorded_as`: what every
    attempt that failed is recorded as, a status or a word.
    """

    name: str
    behaviours: Sequence[Behaviour]
    seconds: float
    effect: Seen
    recorded_as: str


def limited(seconds: float) -> Case:
    """Answer 429 and ask to be left alone."""
    return Case(f"429, Retry-After {RETRY_AFTER_S}, {seconds:.0f} s", [limit()], seconds, "limited", "429")


def limit() -> Status:
    """Return the answer that asks to be left alone."""
    return Status(429, {"Retry-After": str(RETRY_AFTER_S)})


GONE: Final = Case("410", [Status(410)], 3, "gone", "410")


def redirected(port: int) -> Case:
    """Redirect to what is not listed: a cloud's metadata, and a server on this machine by its address and three names of it."""
    hosts = ("127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]")
    targets = ["http://169.254.169.254/latest/meta-data", *(f"http://{host}:{port}/trap" for host in hosts)]
    return Case("307 to what is not listed", [Status(307, {"Location": target}) for target in targets], 10, "broken", "refused address")


def all_cases(trap_port: int) -> list[Case]:
    """Return every case; 429 lasts for more attempts than a delivery has."""
    return [
        Case("port closed, 60 s", [], 60, "broken", "connect"),
        Case("500", [Status(500)], 20, "broken", "500"),
        limited(RETRY_AFTER_S * 14),
        Case("hang", [Hang()], 15, "broken", "timeout"),
        Case("drip", [Drip()], 15, "broken", "timeout"),
        Case("cut", [Cut()], 10, "broken", "reset"),
        redirected(trap_port),
        GONE,
    ]
