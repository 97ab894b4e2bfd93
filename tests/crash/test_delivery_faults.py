"""A whole stack delivers to an endpoint under load while its processes are killed: everything comes, in order for each entity."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

import httpx
import pytest

from causeline.schemas.records.problem import Transition
from tests import patience
from tests.crash import topic_reader
from tests.crash.delivery_ledger import Account, Told, account, ids_disagree, table, told_by
from tests.crash.faults import BROKER, DELIVER, PROCESSORS, SERVER, Fault, killed
from tests.crash.ledger import Ledger
from tests.ports import free_port
from tests.receiver import Receiver, Status, in_turn, receiving
from tests.stack import Stack, running

SHORT: Final = [killed(DELIVER)]
"""What `make test` has time for."""
LONG: Final = [killed(DELIVER), killed(PROCESSORS), killed(BROKER), killed(SERVER), killed(DELIVER, PROCESSORS), killed(DELIVER, BROKER)]
RANDOM_KILLS: Final = 10
_LOOK_S: Final = 0.25
_ROWS: Final[list[tuple[str, Account, float]]] = []


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """One endpoint for all faults."""
    with receiving() as started:
        yield started


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all faults, one after the other."""
    folder: Path = tmp_path_factory.mktemp("deliveries") / "data"
    with running(folder, CAUSELINE_DELIVERY_ALLOW="127.0.0.1", CAUSELINE_DELIVERIES_METRICS_PORT=str(free_port())) as started:
        yield started
    print("\n" + "\n".join(table(_ROWS)), flush=True)


class Deliveries:
    """The load of one tenant, its subscription, and what was published and taken of it."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.load = Ledger(stack.url, stack.kafka, clients=2, incidents=3, batch=5)
        self.path = f"/{self.load.tenant}"
        self._stack, self._receiver = stack, receiver
        self._begin: topic_reader.Ends = {}

    async def subscribe(self) -> None:
        """Subscribe to everything of the tenant."""
        self._begin = await topic_reader.ends(self._stack.kafka)
        everything = {"transition": list(get_args(Transition))}  # refreshes too, which nobody is told of unasked
        body = {"name": "everything", "filter": everything, "target": {"type": "webhook", "url": self._receiver.url(self.path)}}
        async with httpx.AsyncClient(base_url=self._stack.url, timeout=30, headers={"Causeline-Tenant": self.load.tenant}) as http:
            answer = await http.post("/v1/subscriptions", json=body)
        assert answer.status_code == 201, answer.text

    async def published(self) -> list[Told]:
        """Return every version that the public topics have of the tenant: what is to be told."""
        acknowledged = sum(self.load.writes.values())
        read = await topic_reader.read(
            self._stack.kafka, self.load.tenant, self._begin, lambda found: len({row[1:3] for row in found.events}) >= acknowledged
        )
        events = [Told("event", row.id, row.version) for row in read.events]
        return [*events, *(Told("problem", row.id, row.version) for row in read.moves)]

    async def account(self, sent: Sequence[Told], within_s: float) -> Account:
        """Wait until the endpoint has taken all of it (bounded), then count."""
        wanted = set(sent)

        async def all_taken() -> bool:
            return wanted <= {told_by(each) for each in self._receiver.taken_requests(self.path)}

        await patience.found_by(all_taken, seconds=within_s, every=_LOOK_S)
        taken = self._receiver.taken_requests(self.path)
        assert ids_disagree(taken) == []
        return account(sent, [told_by(each) for each in taken])


@asynccontextmanager
async def driven(deliveries: Deliveries) -> AsyncIterator[None]:
    """Send load for the length of a with block."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deliveries.load.drive())
        yield
        deliveries.load.stopping.set()


async def delivered(stack: Stack, receiver: Receiver, fault: Fault, *, load_s: float, within_s: float) -> Account:
    """Do the fault in the middle of the load; return what became of the deliveries. The row of the table is added first."""
    deliveries = Deliveries(stack, receiver)
    await deliveries.subscribe()
    async with driven(deliveries):
        await patience.lasting(load_s / 2, "load before the fault")
        await fault.do(stack)
        await asyncio.to_thread(stack.wait_flow)
        await patience.lasting(load_s / 2, "load after it")
    ended = time.monotonic()
    sent = await deliveries.published()
    found = await deliveries.account(sent, within_s)
    if found.never_sent:  # Meanwhile Causeline itself may have told its owner that the endpoint fails, and that it is back.
        sent = await deliveries.published()
        found = await deliveries.account(sent, within_s)
    row = (fault.name, found, max((each.at for each in receiver.taken_requests(deliveries.path)), default=ended) - ended)
    _ROWS.append(row)
    print("\n".join(table([row])), flush=True)
    assert sent
    return found


def named(fault: Fault) -> str:
    return fault.name


def endpoint_down(receiver: Receiver, seconds: float) -> Fault:
    """Close the endpoint's port for so long; what fails meanwhile is tried again."""

    async def do(_: Stack) -> None:
        with receiver.away():
            await patience.lasting(seconds, "how long the endpoint is away")

    return Fault(f"endpoint down, {seconds:.0f} s", do, ())


@pytest.mark.timeout(150)
@pytest.mark.parametrize("fault", SHORT, ids=named)
async def test_a_fault_under_load_loses_no_delivery_and_keeps_the_order_of_each_entity(
    stack: Stack, receiver: Receiver, fault: Fault
) -> None:
    assert (await delivered(stack, receiver, fault, load_s=4, within_s=45)).holds


@pytest.mark.chaos
@pytest.mark.timeout(150)
async def test_an_endpoint_that_fails_at_first_gets_everything_in_order(stack: Stack, receiver: Receiver) -> None:
    async def do(_: Stack) -> None:
        for path in {each.path for each in receiver.requests()}:
            receiver.answer(path, *in_turn(Status(500), 3))

    fault = Fault("500 three times", do, ())
    assert (await delivered(stack, receiver, fault, load_s=2, within_s=45)).holds


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", LONG, ids=named)
async def test_a_fault_under_long_load_loses_no_delivery_and_keeps_the_order_of_each_entity(
    stack: Stack, receiver: Receiver, fault: Fault
) -> None:
    assert (await delivered(stack, receiver, fault, load_s=20, within_s=400)).holds


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [10, 60])
async def test_an_endpoint_that_was_down_gets_everything_in_order(stack: Stack, receiver: Receiver, seconds: int) -> None:
    assert (await delivered(stack, receiver, endpoint_down(receiver, seconds), load_s=10, within_s=700)).holds


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
async def test_random_kills_lose_no_delivery_and_keep_the_order_of_each_entity(stack: Stack, receiver: Receiver) -> None:
    rng = random.Random(20261126)
    for _ in range(RANDOM_KILLS):
        fault = killed(*rng.sample((DELIVER, PROCESSORS, BROKER), rng.choice((1, 2))))
        assert (await delivered(stack, receiver, replace(fault, name=f"random: {fault.name}"), load_s=15, within_s=300)).holds
