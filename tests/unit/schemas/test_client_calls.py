import asyncio

import pytest

from causeline.schemas.client_calls import ClientCancelled, await_call, close_within


async def answer() -> str:
    return "answer"


async def gives_up() -> str:
    raise asyncio.CancelledError


async def fails() -> str:
    raise KeyError("its own")


async def test_what_a_call_returns_and_raises_stays() -> None:
    assert await await_call(answer()) == "answer"
    with pytest.raises(KeyError, match="its own"):
        await await_call(fails())


async def test_a_call_that_cancels_itself_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionError):
        await await_call(gives_up())


async def test_a_future_that_the_client_cancels_is_one_too() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    with pytest.raises(ClientCancelled):
        await await_call(future)


async def test_who_cancels_the_task_is_heard() -> None:
    began = asyncio.Event()

    async def waits() -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(await_call(waits()))
    await began.wait()
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def test_a_timeout_stays_one() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await await_call(asyncio.Event().wait())


async def test_a_task_group_misses_one_that_would_have_ended_in_silence() -> None:
    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(await_call(gives_up()))
    assert [type(each) for each in failed.value.exceptions] == [ClientCancelled]


async def test_closing_waits_for_no_client_longer_than_it_may_and_hears_no_failure() -> None:
    stayed = asyncio.Event()

    async def stays() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stayed.set()
                if ended.is_set():
                    raise

    ended = asyncio.Event()
    task = asyncio.create_task(stays())
    await close_within(0.01, fails(), gives_up(), task)
    await stayed.wait()
    assert not task.done()
    ended.set()
    task.cancel()
    await asyncio.wait((task,))
