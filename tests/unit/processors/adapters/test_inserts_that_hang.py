"""A writer whose insert does not come back says so, and lets its process end. The engine here keeps the insert until it lets it go."""

import asyncio
import threading

from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.sink.ports import Away
from tests import patience


async def test_an_insert_that_hangs_is_told_and_closing_does_not_wait_for_it() -> None:
    gate = threading.Event()

    def hang() -> Client:
        gate.wait(patience.SECONDS)
        raise OSError("let go")

    writer = ClickHouseTableWriter(hang, overdue_s=0.05, close_s=0.05)
    assert writer.stuck == ""
    insert = asyncio.ensure_future(writer.insert("events", 1, []))
    await patience.holds(lambda: writer.stuck)
    assert writer.stuck.startswith("an insert has been under way for ")
    await asyncio.wait_for(writer.close(), patience.SECONDS)
    assert not insert.done()
    gate.set()
    assert await insert == Away("OSError", "let go")
    assert writer.stuck == ""
