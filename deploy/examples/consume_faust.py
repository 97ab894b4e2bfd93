"""Print a public topic with faust-streaming and `causeline.schemas.client`: `python consume_faust.py --from-beginning`.

faust reads committed records only under `processing_guarantee="exactly_once"`, and then wants to write in transactions itself: a worker
that only consumes fails when it stops (faust-streaming 0.15). So the isolation level is set where the consumer is made.
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from causeline.schemas.client import EVENTS, decode, summary
from causeline.schemas.kafka_address import parse_address


class _CommittedThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - faust has no setting for it; aiokafka reads it when it starts
        return consumer


class _CommittedConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class ReadCommitted(driver.Transport):
    """A transport whose consumers do not see what aborted transactions wrote."""

    Consumer = _CommittedConsumer


def application(options: argparse.Namespace) -> faust.App:
    """Return a worker that prints records until there were enough."""
    address = parse_address(options.bootstrap or options.address_file.read_text())
    app = faust.App(
        options.group,
        broker=";".join(f"kafka://{server}" for server in address.servers),
        broker_credentials=faust.SASLCredentials(username=address.user, password=address.password) if address.user else None,
        consumer_auto_offset_reset="earliest" if options.from_beginning else "latest",
        topic_disable_leader=True,  # no table, so nothing to elect a leader for
        web_enabled=False,
    )
    app.transport = ReadCommitted(app.conf.broker_consumer, app)
    topic = app.topic(options.topic, value_type=bytes, value_serializer="raw")

    @app.agent(topic)
    async def show(values: faust.StreamT[bytes]) -> None:
        remaining = options.limit
        async for event in values.events():
            print(options.topic, summary(decode(event.value)), flush=True)
            remaining = remaining and remaining - 1
            if remaining == 0:
                event.ack()
                os.kill(os.getpid(), signal.SIGTERM)  # the worker ends as it does when asked to
                await asyncio.Event().wait()  # and takes no more until it is cancelled

    return app


def main() -> None:
    """Read the options and run the worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--address-file", type=Path, default=Path("causeline-data/kafka/address"), help="user:password@host:port,… of the broker"
    )
    parser.add_argument("--bootstrap", help="host:port,… of a broker that asks for no password, instead of the file")
    parser.add_argument("--topic", default=EVENTS)
    parser.add_argument("--group", default="example-faust", help="the application's id and consumer group: it goes on where it stopped")
    parser.add_argument("--from-beginning", action="store_true", help="a new group starts with the oldest record, not with the next one")
    parser.add_argument("--limit", type=int, help="end after so many records")
    worker = faust.Worker(application(parser.parse_args()), loglevel="warning", quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes to standard output, between the lines
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
