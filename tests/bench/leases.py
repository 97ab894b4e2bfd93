"""500 busy subscriptions at twice the speed of the only worker: what is told a second, and what is told twice.

    python -m tests.bench.leases [SECONDS]

Real parts: the embedded broker, the delivery state in `causeline processors`, one `causeline deliver` with few places, and a receiver that
takes its time for each answer, so that the worker's speed follows from that more than from what else the machine does. First more is
offered than it can make, which tells its speed; then as much as that; then twice as much for SECONDS (180: what a queue without a bound
lets out in the last quarter of it is past the lease of 65 s). Then the worker is killed, and the next one makes the rest. Whatever comes
twice before that is a fault. What a death may double is what was under way, and what was reported since offsets were committed last.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop
from aiokafka import AIOKafkaProducer

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery_work import Configured, DeliveryMessage, Notification, encode_delivery_work
from causeline.schemas.topics import DELIVERIES
from causeline.schemas.wire import codec
from tests import patience
from tests.bench.deliveries import causeline
from tests.bench.lease_log import Seen, seen
from tests.bench.notify import OK, Messages
from tests.bench.parts import PARTITIONS
from tests.bench.report import Report, most, share
from tests.delivery_state import State, event, webhook

SUBSCRIPTIONS: Final = 500
PLACES: Final = 64
ANSWER_S: Final = 0.5
MOST: Final = PLACES / ANSWER_S
"""Deliveries a second that places and answers allow. The worker makes fewer: a place is taken until the broker has its report."""
FIND_S: Final = 10.0
AT_SPEED_S: Final = 40.0
LEASE: Final = {"CAUSELINE_DELIVERY_TIMEOUT": "5s", "CAUSELINE_DELIVERY_CONCURRENCY": str(PLACES)}
"""A lease of 65 s. A shorter time for an attempt would let a busy machine fail some, and what failed is sent again."""
_STEP_S: Final = 0.05
_COMMIT_S: Final = 2.0
"""What a worker reported whose offset was not committed: of the last second, and of as long as the oldest attempt under way takes."""


class Slow(Messages):
    """Answers each webhook after a while, and counts how often each event came."""

    def __init__(self, came: Counter[str]) -> None:
        super().__init__()
        self._came = came

    def message(self, _head: bytes, body: bytes) -> None:
        self._came[json.loads(body)["data"]["id"]] += 1
        asyncio.get_running_loop().call_later(ANSWER_S, self._answer)

    def _answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(OK)


class Offer:
    """Writes notifications to the subscriptions in turn, as the processors do for events."""

    def __init__(self, producer: AIOKafkaProducer, state: State, names: list[str]) -> None:
        self._producer, self._state, self._names = producer, state, names
        self.serial = 0

    async def at(self, rate: float, seconds: float) -> tuple[int, int]:
        """Offer so many a second; return (first, last ms UTC) of the time that it took."""
        began = asyncio.get_running_loop().time()
        since, before = now_ms(), self.serial
        while (spent := asyncio.get_running_loop().time() - began) < seconds:
            for _ in range(int(spent * rate) - (self.serial - before)):
                await self._one()
            await patience.lasting(_STEP_S, "the pace of the load")
        await self._producer.flush()
        return since, now_ms()

    async def put(self, name: str, message: DeliveryMessage) -> None:
        """Write one message of a subscription."""
        await self._producer.send(DELIVERIES, encode_delivery_work(message), name.encode(), partition=self._state.partition(name))

    async def _one(self) -> None:
        name, about = self._names[self.serial % len(self._names)], event(self.serial)
        self.serial += 1
        now = now_ms()
        record = codec.encode_record(about)
        notification = Notification(subscriptions=(name,), what="event", entity=about.id, version=1, record=record, received=now, at=now)
        await self.put(name, notification)


async def measure(bootstrap: str, seconds: float, report: Report) -> None:
    """Run all phases on a broker and add their figures."""
    await topics.ensure(bootstrap, PARTITIONS, 1)
    came: Counter[str] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Slow(came), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    state = State(bootstrap, PARTITIONS)
    subscriptions = [webhook(f"bench-{number}", url) for number in range(SUBSCRIPTIONS)]
    await state.know(*subscriptions)
    async with AIOKafkaProducer(**client_options(bootstrap), acks="all", linger_ms=5) as producer:
        offer = Offer(producer, state, [one.rule.id for one in subscriptions])
        for one in subscriptions:
            await offer.put(one.rule.id, Configured(rule=one.rule, at=now_ms()))
        with causeline("processors", bootstrap, **LEASE):
            with causeline("deliver", bootstrap, **LEASE) as worker:
                await offer.at(MOST, 1)
                await patience.holds(lambda: len(came) == offer.serial, seconds=120)  # everything has started, and knows the others
                await offer.at(MOST, FIND_S)
                before = len(came)
                await offer.at(MOST, FIND_S)
                speed = (len(came) - before) / FIND_S
                assert speed, "the worker delivered nothing"
                await patience.holds(lambda: len(came) == offer.serial, seconds=120)
                at_speed = await offer.at(speed, AT_SPEED_S)
                await patience.holds(lambda: len(came) == offer.serial, seconds=120)
                beyond = await offer.at(2 * speed, seconds)
                twice = sum(count > 1 for count in came.values())
                worker.kill()
            killed_at = now_ms()
            with causeline("deliver", bootstrap, **LEASE):
                await patience.holds(lambda: len(came) == offer.serial, seconds=4 * seconds + 120)
                await patience.lasting(3.0, "what else may come")
    server.close()
    log = await seen(bootstrap)
    _add(report, log, speed, at_speed, beyond)
    report.add("sent more than once before a death", twice, "deliveries", aim=most(0))
    _add_death(report, log, came, twice, killed_at)


def _add(report: Report, log: Seen, speed: float, at_speed: tuple[int, int], beyond: tuple[int, int]) -> None:
    one, two = log.useful(*at_speed), log.useful(*beyond)
    report.add(f"useful, {speed:,.0f}/s offered", one, "deliveries/s", note=f"longest before a worker {log.longest_s(*at_speed):.1f} s")
    note = f"longest before a worker {log.longest_s(*beyond):.1f} s, not sent since too old {log.unsent}"
    report.add(f"useful, {2 * speed:,.0f}/s offered", two, "deliveries/s", one, "at its speed", note, share(0.9))


def _add_death(report: Report, log: Seen, came: Counter[str], twice: int, killed_at: int) -> None:
    after = sum(count > 1 for count in came.values()) - twice
    again = log.attempts - len(came) - log.failed - log.unsent
    note = f"longest before a worker {log.longest_s(killed_at, now_ms()):.1f} s; in the whole run {log.failed} failed, {again} leases ended"
    report.add("sent more than once by a death", after, "deliveries", note=note, aim=most(PLACES + _COMMIT_S * MOST))
    repeated = sum(len(times) > 1 for times in log.delivered.values())
    report.add("taken for delivered more than once", repeated, "deliveries", aim=most(0))
    report.add("offered and not delivered", len(came) - len(log.delivered), "deliveries", aim=most(0))


@contextmanager
def _broker() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


def main() -> None:
    report = Report()
    seconds = float(sys.argv[1]) if sys.argv[1:] else 180.0
    with _broker() as bootstrap:
        uvloop.run(measure(bootstrap, seconds, report))
    report.print()
    report.console.print(f"written to {report.save('leases')}")


if __name__ == "__main__":
    main()
