"""Run bad endpoints side by side in one stack, and say what became of what they were to be told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from tests import patience
from tests.crash import bad_checks, topic_reader
from tests.crash.bad_cases import LISTED, Case
from tests.crash.bad_table import Row, p99_ms
from tests.crash.bad_tenant import Tenant, until
from tests.crash.delivery_ledger import Account, Told, account, ids_disagree, told_by
from tests.receiver import OK, Receiver, receiving
from tests.stack import Stack

_LONGER_S: Final = 2.0
"""How long the trickle goes on after the endpoint is well again."""
_TOLD_S: Final = 60.0


class Run:
    """One case with a tenant, an endpoint that is bad for a while, and one that is well. `wrong` is what was not as it must be."""

    def __init__(self, stack: Stack, case: Case, bad: Receiver, healthy: Receiver) -> None:
        self.case, self.bad, self.healthy = case, bad, healthy
        self.tenant = Tenant(stack, bad, healthy)
        self.wrong: list[str] = []
        self.breaker = "closed"
        self.began = self.well = 0.0

    async def endure(self) -> None:
        """Let the endpoint be bad under load, until what is to be seen was seen; return when it was well again and that was seen too."""
        async with driven(self.tenant):
            self.began = time.monotonic()
            if self.case.behaviours:
                self.bad.answer(self.tenant.path, *self.case.behaviours)
            else:
                self.bad.down()
            self.breaker, wrong = await bad_checks.harmed(self.tenant, self.case)
            self.wrong += wrong
            await patience.lasting(self.began + self.case.seconds - time.monotonic(), "how long the endpoint is bad")
            self.bad.answer(self.tenant.path, OK)
            if not self.case.behaviours:
                self.bad.up()
            self.well = time.monotonic()
            if self.case.effect == "gone":
                await self.tenant.enable()
            await patience.lasting(_LONGER_S, "load after it is well")
        self.wrong += await bad_checks.recovered(self.tenant, self.case)

    async def row(self, sent: Sequence[Told], quiet: Sequence[float]) -> Row:
        """Wait until both endpoints were told everything (bounded); return what became of it. `quiet`: seconds without a fault."""
        accounts = [await self._account(receiver, sent) for receiver in (self.bad, self.healthy)]
        deliveries, wrong = await bad_checks.recorded(self.tenant, self.case, len(set(sent)))
        requests = self.bad.requests(self.tenant.path)
        wrong += bad_checks.asked_too_early(requests)
        wrong += [f"told what was never sent: {each.never_sent[:3]}" for each in accounts if each.never_sent]
        return Row(
            case=self.case.name,
            deliveries=len(deliveries),
            attempts=sum(each["attempt"] for each in deliveries),
            statuses=await self.tenant.statuses(deliveries),
            breaker=self.breaker,
            told_s=max((at - self.well for sent_at, at in self._find_times(self.bad) if sent_at < self.well), default=0.0),
            lost=sum(len(each.lost) for each in accounts),
            out_of_order=sum(len(each.out_of_order) for each in accounts),
            quiet_p99_ms=p99_ms(quiet),
            healthy_p99_ms=p99_ms(self.waits(since=self.began)),
            wrong=(*self.wrong, *wrong),
        )

    def waits(self, since: float = 0.0) -> list[float]:
        """Return how many seconds after its acknowledgement the healthy endpoint was told of each event that was sent since."""
        return [max(0.0, told_at - sent_at) for sent_at, told_at in self._find_times(self.healthy) if sent_at >= since]

    def _find_times(self, receiver: Receiver) -> list[tuple[float, float]]:
        """Return when each event was acknowledged and when an endpoint first took it, of those that it took."""
        first = {told_by(each): each.at for each in reversed(receiver.taken_requests(self.tenant.path))}
        samples = ((sample.at, Told("event", sample.event, 1)) for sample in self.tenant.samples)
        return [(at, first[item]) for at, item in samples if item in first]

    async def _account(self, receiver: Receiver, sent: Sequence[Told]) -> Account:
        items = set(sent)

        async def everything() -> bool:
            return items <= {told_by(each) for each in receiver.taken_requests(self.tenant.path)}

        await until(everything, _TOLD_S)
        taken = receiver.taken_requests(self.tenant.path)
        self.wrong += [f"ids of deliveries disagree: {ids[:3]}" for ids in [ids_disagree(taken)] if ids]
        return account(sent, [told_by(each) for each in taken])


@contextlib.asynccontextmanager
async def driven(tenant: Tenant) -> AsyncIterator[None]:
    """Send the trickle of a tenant for the length of a with block."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tenant.send(stopping))
        yield
        stopping.set()


async def _quiet(run: Run, seconds: float) -> list[float]:
    async with driven(run.tenant):
        await patience.lasting(seconds, "how long the quiet run lasts")

    async def told() -> bool:
        return len(run.waits()) == len(run.tenant.samples)

    if not await until(told, _TOLD_S):
        run.wrong.append("the healthy endpoint was not told everything without a fault")
    return run.waits()


async def run_all(stack: Stack, cases: Sequence[Case], quiet_s: float) -> list[Row]:
    """Return what became of each case: first all tenants without a fault, then all faults at once, then the account."""
    with contextlib.ExitStack() as stays:
        healthy = stays.enter_context(receiving(host=LISTED))
        runs = [Run(stack, case, stays.enter_context(receiving(host=LISTED)), healthy) for case in cases]
        begin = await topic_reader.ends(stack.kafka)
        for run in runs:
            await run.tenant.subscribe()
        quiet = [wait for waits in await asyncio.gather(*(_quiet(run, quiet_s) for run in runs)) for wait in waits]
        await asyncio.gather(*(run.endure() for run in runs))
        rows = [await run.row(await _published(stack, run.tenant, begin), quiet) for run in runs]
        for run in runs:
            await run.tenant.http.aclose()
        return rows


async def _published(stack: Stack, tenant: Tenant, begin: topic_reader.Ends) -> list[Told]:
    """Return every version that the public topics have of a tenant, once what it wrote is among them."""
    read = await topic_reader.read(
        stack.kafka, tenant.name, begin, lambda found: len({(each.id, each.version) for each in found.events}) >= tenant.writes
    )
    events = [Told("event", each.id, each.version) for each in read.events]
    return [*events, *(Told("problem", each.id, each.version) for each in read.moves)]
