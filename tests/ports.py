"""Free ports for what tests start: runs of pytest on one machine, and workers of one run, never choose the same one.

A port is chosen first and listened on a moment later, so whoever chose it holds it by a name meanwhile. The broker and
`causeline up --free-ports` choose theirs from 20,000 on: tests stay below, and have names of their own, since `up` takes what it is given.
"""

import random
from typing import Final

from causeline.deploy.embedded.free_ports import Claims

_FIRST: Final = range(10_000, 19_800)
"""From one of these on; `Claims` looks at 200."""
_claims: Final = Claims("causeline test port")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a free port that nobody else gets until this process ends."""
    return _claims.take(host, random.SystemRandom().choice(_FIRST), flag="another range", move=True)
