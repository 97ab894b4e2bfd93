"""One process of counters on the real broker, to be killed: `python -m tests.crash.counter_worker BOOTSTRAP INPUT OUT CHANGELOG GROUP APP`.

Every run that ends in a failure ends the process at once; whoever started it starts another one.
"""

import asyncio
import logging
import os
import signal
import sys

import structlog

from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka.broker import KafkaBroker, transactional_ids
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.runner import Runner
from tests.counter_logic import CounterLogic
from tests.kafka_topics import Topics


async def work(bootstrap: str, topics: Topics, app: str) -> None:
    broker = KafkaBroker(
        bootstrap,
        transactional_id=transactional_ids(app),
        input_topic=topics.input,
        changelog_topic=topics.changelog,
        group=topics.group,
        session_timeout_ms=2_000,
    )
    runner = Runner(broker, lambda _: CounterLogic(topics.out), SystemClock(), Pace(max_records=500), revoke_s=1.5)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runner.stop)
    await runner.run()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    logging.disable()
    _, address, *names, app_name = sys.argv
    try:
        asyncio.run(work(address, Topics(*names), app_name))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the process is over
        sys.stdout.write(f"ended by {error!r}\n")
        sys.stdout.flush()
        os._exit(1)
