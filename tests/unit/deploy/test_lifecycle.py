import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from causeline.deploy.server import lifecycle
from causeline.deploy.server.lifecycle import Parts
from causeline.schemas.client_calls import ClientCancelled

CLOSINGS = [
    *("streams.close", "configuration.stop", "health.stop", "source.close"),
    *("writer.close", "letters.close", "frontier.stop", "store.close"),
]
BEGIN = [
    *("log_end.start", "configuration.start", "health.start", "source.start", "tools begin", "rpc.start"),
    *(
        "sink runs",
        "rankings runs",
        "flow runs",
        "machine runs",
        "keys runs",
        "arming runs",
    ),  # tasks take their first turn while the port is opened
    *("listens", "http serves"),
]
END = [
    *("streams.end", "http.stop", "rpc.stop 15", "http served"),
    *("log_end.stop", "arming cancelled"),
    *("rankings.stop", "keys cancelled", "machine cancelled", "flow cancelled", "rankings ended"),
    *("sink.stop", "sink ended"),
    *("tools end", *CLOSINGS),
]


class Server:
    """Parts that write down what happens to them; one of them may fail at what it does."""

    def __init__(self, failing: str = "", failure: BaseException | None = None) -> None:
        self.failing = failing
        self._failure = failure or RuntimeError(failing)
        self.happened: list[str] = []
        self.serving = asyncio.Event()
        self.stop = asyncio.Event()

    def note(self, what: str) -> None:
        self.happened.append(what)
        if what == self.failing:
            raise self._failure

    def noting(self, what: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            self.note(what)
            await a_turn()

        return act

    def running(self, name: str) -> lifecycle.Job:
        async def work() -> None:
            self.note(f"{name} runs")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.note(f"{name} cancelled")
                raise

        return work

    @asynccontextmanager
    async def tools(self) -> AsyncIterator[None]:
        self.note("tools begin")
        try:
            yield
        finally:
            self.note("tools end")

    async def rpc_stop(self, grace_s: float) -> None:
        self.note(f"rpc.stop {grace_s:g}")
        await a_turn()

    def parts(self) -> Parts:
        return Parts(
            log_end=Starting(self, "log_end"),
            configuration=Starting(self, "configuration"),
            health=Starting(self, "health"),
            join_sink_group=self.noting("source.start"),
            closings=[self.noting(each) for each in CLOSINGS],
            tools=self.tools,
            sink=Running(self, "sink"),
            publishing=[Running(self, "rankings")],
            watches=[self.running(name) for name in ("flow", "machine", "keys")],
            arming=self.running("arming"),
            end_streams=lambda: self.note("streams.end"),
            rpc_start=self.noting("rpc.start"),
            rpc_stop=self.rpc_stop,
            http=Http(self),
            listens=lambda: self.note("listens"),
        )


class Starting:
    def __init__(self, server: Server, name: str) -> None:
        self._server, self._name = server, name

    async def start(self) -> None:
        self._server.note(f"{self._name}.start")
        await a_turn()

    async def stop(self) -> None:
        self._server.note(f"{self._name}.stop")
        await a_turn()


class Running:
    def __init__(self, server: Server, name: str) -> None:
        self._server, self._name = server, name
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        self._server.note(f"{self._name} runs")
        await self._stopping.wait()
        self._server.note(f"{self._name} ended")

    def stop(self) -> None:
        self._stopping.set()
        self._server.note(f"{self._name}.stop")


class Http:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        self._server.note("http serves")
        self._server.serving.set()
        await self._stopping.wait()
        self._server.note("http served")

    def stop(self) -> None:
        self._stopping.set()
        self._server.note("http.stop")


async def a_turn() -> None:
    """Let the other tasks have a turn, as everything does that waits for a socket."""
    await asyncio.to_thread(lambda: None)


async def test_parts_begin_and_end_in_this_order() -> None:
    server = Server()
    running = asyncio.create_task(lifecycle.run_parts(server.parts(), server.stop))
    await server.serving.wait()
    assert server.happened == BEGIN
    server.stop.set()
    await running
    assert server.happened == BEGIN + END


@pytest.mark.parametrize("failing", ["log_end.start", "configuration.start", "health.start", "source.start"])
async def test_a_client_that_cannot_begin_leaves_nothing_open(failing: str) -> None:
    server = Server(failing)
    with pytest.raises(RuntimeError, match=failing):
        await lifecycle.run_parts(server.parts(), server.stop)
    began = BEGIN[: BEGIN.index(failing) + 1]
    closed = [] if failing == "log_end.start" else CLOSINGS
    assert server.happened == [*began, *closed, "log_end.stop"]


@pytest.mark.parametrize("failing", ["rpc.start", "sink runs", "rankings runs", "flow runs", "arming runs", "http serves"])
async def test_a_part_that_fails_ends_the_others_at_once_and_is_named(failing: str) -> None:
    server = Server(failing)
    with pytest.raises(ExceptionGroup) as failed:
        await lifecycle.run_parts(server.parts(), server.stop)
    assert [str(each) for each in failed.value.exceptions] == [failing]
    diary = server.happened
    listened = "listens" in diary
    assert diary[diary.index("tools end") :] == ["tools end", *CLOSINGS, *([] if listened else ["log_end.stop"])]
    assert not {"streams.end", "http.stop", "rpc.stop 15", "rankings.stop", "sink.stop"} & set(diary)  # nothing is waited for
    assert ("rpc.stop 0" in diary) == listened
    ran = {name.removesuffix(" runs") for name in diary if name.endswith(" runs")} - {failing.removesuffix(" runs"), "sink", "rankings"}
    assert {name.removesuffix(" cancelled") for name in diary if name.endswith(" cancelled")} == ran


async def test_a_client_that_cannot_be_closed_keeps_no_other_one_open() -> None:
    server = Server("health.stop")
    running = asyncio.create_task(lifecycle.run_parts(server.parts(), server.stop))
    await server.serving.wait()
    server.stop.set()
    with pytest.raises(RuntimeError, match=r"health\.stop"):
        await running
    assert server.happened == BEGIN + END


async def test_a_server_whose_port_ends_by_itself_stops() -> None:
    server = Server()
    parts = server.parts()
    running = asyncio.create_task(lifecycle.run_parts(parts, server.stop))
    await server.serving.wait()
    parts.http.stop()
    await running
    assert server.happened[-len(CLOSINGS) - 1 :] == ["tools end", *CLOSINGS]


@pytest.mark.parametrize("failing", ["sink runs", "rankings runs", "flow runs", "machine runs", "arming runs", "http serves"])
async def test_a_part_whose_client_cancels_itself_ends_the_server_as_one_that_fails(failing: str) -> None:
    server = Server(failing, asyncio.CancelledError())
    with pytest.raises(ExceptionGroup) as failed:
        await lifecycle.run_parts(server.parts(), server.stop)
    assert [type(each) for each in failed.value.exceptions] == [ClientCancelled]
