"""One runner for every fault of a whole stack: load, harm, recovery, verdict, a row of the table."""

import asyncio
from typing import Final

from tests import patience
from tests.crash import summary
from tests.crash.faults import Fault
from tests.crash.ledger import Ledger, Verdict
from tests.crash.signs import watching
from tests.stack import Stack

RECOVERY_S: Final = 60.0
_BEFORE_S: Final = 2.0
_AFTER_S: Final = 1.0


async def endure(stack: Stack, fault: Fault, ledger: Ledger | None = None) -> Verdict:
    """Do the fault to a stack under load; return the verdict. Fails where events do not flow again in time or nobody could see the fault.

    The row of the table is added before anything of the verdict is asserted.
    """
    ledger = ledger or Ledger(stack.url, stack.kafka)
    async with watching(stack.log, stack.metrics) as watch:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ledger.drive())
            await patience.lasting(_BEFORE_S, "load before the fault")
            await fault.do(stack)
            recovered = await asyncio.to_thread(stack.wait_flow, RECOVERY_S)
            await patience.lasting(_AFTER_S, "load after it")
            ledger.stopping.set()
        verdict = await ledger.judge()
        signs = {sign: watch.find(sign) for sign in fault.signs}
        wrong = {sign.pattern: watch.count(sign) for sign in fault.never}
    seen_by = "; ".join(line or f"NOT SEEN: {sign.pattern}" for sign, line in signs.items())
    summary.add(
        summary.Row(
            fault=fault.name,
            seconds_unavailable=verdict.gaps.writes,
            seconds_unlisted=verdict.gaps.lists,
            lost=verdict.lost + verdict.missing_rows,
            doubled=verdict.doubled + verdict.doubled_rows,
            out_of_order=verdict.out_of_order + verdict.outdated_rows,
            seen_by=seen_by,
        )
    )
    print(f"{fault.name}: flows and is ready {recovered:.1f} s after it was over; {verdict}", flush=True)
    assert all(signs.values()), seen_by
    assert not any(wrong.values()), wrong
    return verdict
