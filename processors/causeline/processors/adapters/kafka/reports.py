"""The workers' reports on `causeline.deliveries`, written to the partition that the work came from."""

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from causeline.processors.adapters.kafka.transactions import stop_producer
from causeline.processors.runtime.ports import BrokerError
from causeline.processors.workers.agent import WorkerReport
from causeline.schemas.client_calls import await_call
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import DELIVERIES

_MAX_BYTES: Final = 12 << 20
"""Parts of the log travel in one report: `deliveries.MAX_FOUND_BYTES` and a record more, below the topic's bound."""
_REQUEST_TIMEOUT_MS: Final = 20_000
_LINGER_MS: Final = 10
"""Reports of all partitions then share a request: nobody waits for one but the next delivery of the same entity."""
_LOOK_S: Final = 5.0
_LOST_S: Final = 60.0


class KafkaReports:
    """Appends reports, in order for each partition, acknowledged by all replicas."""

    def __init__(self, bootstrap: str, *, topic: str = DELIVERIES) -> None:
        self._topic = topic
        self._producer: Final = AIOKafkaProducer(
            **client_options(bootstrap),
            acks="all",
            enable_idempotence=True,
            max_request_size=_MAX_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            linger_ms=_LINGER_MS,
        )

    async def start(self) -> None:
        """Connect. Raises BrokerError."""
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            raise BrokerError("no broker for the reports") from error

    async def append(self, partition: int, report: WorkerReport) -> None:
        """Return when the report is durable. Raises BrokerError: the process ends, and the work is handed out again."""
        try:
            await await_call(self._producer.send_and_wait(self._topic, report.value, report.key, partition=partition))
        except (KafkaError, OSError) as error:
            raise BrokerError("a report could not be written") from error

    async def watch(self) -> None:
        """Look whether there is a broker; raise BrokerError where there was none for a minute. Never returns."""
        loop = asyncio.get_running_loop()
        seen_at = loop.time()
        while True:
            await asyncio.sleep(_LOOK_S)
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await await_call(self._producer.client.fetch_all_metadata())
                seen_at = loop.time()
            if loop.time() - seen_at > _LOST_S:
                raise BrokerError(f"no broker answered for {_LOST_S:.0f} s")

    async def stop(self) -> None:
        """Close in bounded time."""
        await stop_producer(self._producer)
