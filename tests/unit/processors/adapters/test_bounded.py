"""A wait on the Kafka client ends in a result, a `BrokerError`, or the cancellation that its caller asked for."""

import asyncio

import pytest

from causeline.processors.adapters.kafka.transactions import ask_broker
from causeline.processors.runtime.ports import BrokerError
from tests import patience


async def lets_its_own_cancellation_out() -> None:
    """As aiokafka's `Fetcher.close` does: cancel a task, await it."""
    task = asyncio.create_task(asyncio.Event().wait())
    await patience.turn()
    task.cancel()
    await task


async def test_a_cancellation_inside_the_client_is_a_broker_error() -> None:
    with pytest.raises(BrokerError, match="leave the group: the client cancelled it"):
        await ask_broker("leave the group", lets_its_own_cancellation_out(), 1)


async def test_a_cancellation_of_the_caller_stays_a_cancellation() -> None:
    waiting = asyncio.create_task(ask_broker("wait", asyncio.Event().wait(), 60))
    await patience.turn()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_wait_that_takes_too_long_is_a_broker_error() -> None:
    with pytest.raises(BrokerError, match="wait: no answer"):
        await ask_broker("wait", asyncio.Event().wait(), 0.01)
