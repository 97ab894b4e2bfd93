"""Stateless workers on faust-streaming: agents with concurrency over `causeline.deliveries.due`, at least once.

What faust does not do by itself is set where its consumer is made:
- The due topic is written in transactions, and faust reads aborted ones too: the isolation level is a private field of the client.
- With agents that finish out of order, faust's own arithmetic commits past a record that is still being worked on, where it is the first
  after the committed offset (`Consumer._new_offset` takes a gap of one for none, and no commit yet for no gap); it also takes for finished
  what was cancelled, or thrown away in a rebalance. So what is committed is counted by `OpenRecords`, from what `work` returned for.
"""

import asyncio
import logging
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import faust
import structlog
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message

from causeline.processors.workers.offsets import OpenRecords
from causeline.schemas.kafka_address import KafkaAddress, parse_address

_log = structlog.get_logger(__name__)

_FETCH_BYTES: Final = 16 << 20
"""Of one partition: the largest record, an event of the largest size with its frame, fits by far."""
_BUFFER: Final = 1_024
_COMMIT_S: Final = 1.0
_CLOSE_S: Final = 1.5


_FAUST_LOG: Final = logging.getLogger("faust.workers")
"""Otherwise faust logs what these classes do under the name of this module."""


class _Thread(driver.AIOKafkaConsumerThread):
    logger = _FAUST_LOG

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - faust has no setting for it; aiokafka reads it when it starts
        return consumer


class _Consumer(driver.Consumer):
    """A consumer whose committed offset never passes a record that is not finished."""

    logger = _FAUST_LOG

    def __init__(self, transport: driver.Transport, callback: Callable[[Message], Awaitable[None]], *args: Any, **options: Any) -> None:
        async def begin(message: Message) -> None:
            self._unfinished.setdefault(message.tp, OpenRecords()).begin(message.offset)
            await callback(message)

        self._unfinished: dict[TP, OpenRecords] = {}
        super().__init__(transport, begin, *args, **options)

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def finished(self, message: Message) -> None:
        """Let the offset pass a record; one from before a rebalance is the business of whoever owns its partition now."""
        unfinished = self._unfinished.get(message.tp)
        if unfinished is not None and message.generation_id == self.app.consumer_generation_id:
            unfinished.end(message.offset)

    def _filter_tps_with_pending_acks(self, topics: object = None) -> Iterator[TP]:  # noqa: ARG002 - of faust
        for tp in list(self._unfinished):
            self._acked[tp].clear()
            self._acked_index[tp].clear()
            yield tp

    def _new_offset(self, tp: TP) -> int | None:
        return self._unfinished[tp].position()

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Holes (markers of transactions) need no book of their own."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was under way: whoever owns the partitions next begins at the committed offset."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._unfinished.pop(tp, None)


class _Transport(driver.Transport):
    Consumer = _Consumer


class FaustWorkers:
    """One worker process: `work` gets (value, partition) of each record and returns when its report is acknowledged by the broker.

    `aside` picks work that waits for other work of its kind: it takes no agent's place, and its record is unfinished as long.
    """

    def __init__(
        self,
        bootstrap: str,
        work: Callable[[bytes, int], Awaitable[None]],
        *,
        topic: str,
        group: str,
        concurrency: int,
        aside: Callable[[bytes], bool] = lambda _: False,
        session_timeout_s: float = 6.0,
        drain_s: float = 3.0,
    ) -> None:
        address = parse_address(bootstrap)
        self._work = work
        self._aside = aside
        self._beside: Final[set[asyncio.Task[None]]] = set()
        self._drain_s = drain_s
        self._stopping = False
        self._under_way = 0
        self._idle: Final = asyncio.Event()
        self._failed: asyncio.Future[None]
        self._folder: Final = tempfile.TemporaryDirectory(prefix="causeline-deliver-")
        self._app: Final = faust.App(
            group,
            broker=";".join(f"kafka://{server}" for server in address.servers),
            broker_credentials=_credentials(address),
            datadir=Path(self._folder.name),
            store="memory://",
            broker_commit_interval=_COMMIT_S,
            broker_session_timeout=session_timeout_s,
            broker_heartbeat_interval=session_timeout_s / 3,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=_FETCH_BYTES,
            stream_buffer_maxsize=_BUFFER,
            stream_wait_empty=False,
            topic_disable_leader=True,  # no table, so nothing to elect a leader for
            web_enabled=False,
        )
        self._app.transport = _Transport(self._app.conf.broker_consumer, self._app)
        due = self._app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

        async def deliver(stream: faust.StreamT[bytes]) -> None:
            async for event in stream.events():
                if self._aside(event.message.value or b""):
                    task = asyncio.create_task(self._worked(event.message))
                    self._beside.add(task)
                    task.add_done_callback(self._beside.discard)
                else:
                    await self._worked(event.message)

        self._app.agent(due, concurrency=concurrency, name="deliver")(deliver)

    async def _worked(self, message: Message) -> None:
        """Work on one record. What `work` raises ends the process: faust would go on with the next record."""
        if self._stopping:
            await asyncio.Event().wait()  # until it is cancelled: what is not begun is left to others
        self._under_way += 1
        self._idle.clear()
        try:
            await self._work(message.value or b"", message.partition)
            consumer = self._app.consumer
            assert isinstance(consumer, _Consumer)
            consumer.finished(message)
        except Exception as error:  # noqa: BLE001 - whatever it was, `run` raises it
            if not self._failed.done():
                self._failed.set_exception(error)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way, at most `drain_s`. Raises what `work` raised, or WorkersFailed."""
        self._failed = asyncio.get_running_loop().create_future()
        await self._app.start()
        crashed = asyncio.create_task(self._app.wait_until_stopped())
        stopping = asyncio.create_task(stop.wait())
        try:
            ends: set[asyncio.Future[Any]] = {crashed, stopping, self._failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            if not stop.is_set():
                raise WorkersFailed(repr(self._app.crash_reason))
            await self._drained()
        finally:
            for task in (*self._beside, crashed, stopping):
                task.cancel()
            self._failed.cancel()
            with suppress(TimeoutError):  # without a broker it would wait for one
                async with asyncio.timeout(_CLOSE_S):
                    await self._app.stop()
            self._folder.cleanup()

    async def _drained(self) -> None:
        self._stopping = True
        if not self._under_way:
            return
        try:
            async with asyncio.timeout(self._drain_s):
                await self._idle.wait()
        except TimeoutError:
            _log.info("stopping with attempts under way, they are handed out again", attempts=self._under_way)


def _credentials(address: KafkaAddress) -> faust.SASLCredentials | faust.SSLCredentials | None:
    context = ssl.create_default_context() if address.tls else None
    if address.user:
        return faust.SASLCredentials(username=address.user, password=address.password, mechanism=address.mechanism, ssl_context=context)
    return faust.SSLCredentials(context) if context else None


class WorkersFailed(Exception):
    """The workers ended by themselves; a supervisor starts new ones."""
