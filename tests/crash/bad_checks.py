"""What an operator and a client must see of a bad endpoint, while it lasts and afterwards. Each check returns what was wrong, in words."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from tests.crash.bad_cases import RETRY_AFTER_S, Case
from tests.crash.bad_tenant import Tenant, until
from tests.receiver import Received

_SEEN_S: Final = 40.0
_WELL_S: Final = 150.0
"""Two probes: the first one may meet the fault, the second is made a minute (and 10 %) later."""
_LISTED_S: Final = 30.0
_UNDER_WAY_S: Final = 1.0
"""Attempts that were handed out before the 429 was known arrive within this."""
_TEN: Final = 10
_OPEN: Final = 2.0

_Look = Callable[[], Awaitable[bool]]


async def harmed(tenant: Tenant, case: Case) -> tuple[str, list[str]]:
    """Wait until the fault is seen; return the worst that was seen of the breaker, and what was not seen."""
    if case.effect == "limited":
        return "closed", []
    is_broken = case.effect == "broken"

    async def metric() -> bool:
        return await tenant.metric("breaker") == _OPEN if is_broken else await tenant.metric("disabled") == 1

    async def health() -> bool:
        answer = await tenant.health(tenant.bad)
        return answer.get("breaker") in ("open", "half_open") if is_broken else answer.get("state") == "disabled"

    async def incident() -> bool:
        return len(await tenant.incidents("open")) == 1

    looks = {"the metrics": metric, "health": health, "an open incident": incident}
    wrong = [f"{name} did not show the fault" for name, look in looks.items() if not await until(look, _SEEN_S)]
    seen = ("open" if is_broken else "closed, disabled") if not wrong else "?"
    return seen, wrong


async def recovered(tenant: Tenant, case: Case) -> list[str]:
    """Return what is not well again, once it is (bounded). Who was only limited must never have been called broken."""

    async def metrics() -> bool:
        values = [await tenant.metric(name) for name in ("breaker", "disabled", "waiting")]
        return all(value == 0 for value in values)

    async def health() -> bool:
        answer = await tenant.health(tenant.bad)
        return (answer.get("state"), answer.get("breaker"), answer.get("waiting")) == ("active", "closed", 0)

    async def incident() -> bool:
        closed = await tenant.incidents("closed")
        still_open = await tenant.incidents("open")
        return not still_open and len(closed) == (0 if case.effect == "limited" else 1)

    looks: dict[str, _Look] = {"the metrics": metrics, "health": health, "the incident": incident}
    return [f"{name} did not show that it is over" for name, look in looks.items() if not await until(look, _WELL_S)]


async def recorded(tenant: Tenant, case: Case, count: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the deliveries to the bad endpoint once they are all listed as delivered, and what is wrong with them."""

    async def delivered() -> bool:
        return len([each for each in await tenant.deliveries() if each["outcome"] == "delivered"]) >= count

    wrong = [] if await until(delivered, _LISTED_S) else ["not every delivery is listed as delivered"]
    deliveries = await tenant.deliveries()
    statuses = await tenant.statuses(deliveries)
    under_way = set() if case.behaviours else {"reset"}  # what the closing of the port cuts off
    if other := statuses.keys() - {"200", case.recorded_as} - under_way:
        wrong.append(f"attempts ended otherwise: {sorted(other)}")
    if case.recorded_as not in statuses:
        wrong.append(f"no attempt is recorded as {case.recorded_as}")
    most = max((each["attempt"] for each in deliveries), default=0)
    if case.effect == "limited" and case.seconds > RETRY_AFTER_S * (_TEN + 1) and most <= _TEN:
        wrong.append(f"no delivery had more than {_TEN} attempts: whether a 429 uses one up was not seen")
    health = await tenant.health(tenant.healthy)
    if health.get("failed") != 0 or health.get("breaker") != "closed":
        wrong.append(f"the healthy subscription failed: {health}")
    return deliveries, wrong


def asked_too_early(requests: Sequence[Received]) -> list[str]:
    """Return what came while the endpoint had asked to be left alone, but for other deliveries that were under way."""
    limits = [each for each in requests if each.status == 429]
    return [
        f"asked again {later.at - limit.at:.2f} s after a 429 with Retry-After {RETRY_AFTER_S}"
        for limit in limits
        for later in requests
        if 0 < later.at - limit.at < RETRY_AFTER_S and (later.webhook_id == limit.webhook_id or later.at - limit.at > _UNDER_WAY_S)
    ]
