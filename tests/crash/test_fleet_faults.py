"""Two servers and three processors on one Kafka and one ClickHouse under load: nothing acknowledged is lost, doubled or out of order."""

from collections.abc import Callable, Iterator

import pytest

from tests.crash.endure import endure
from tests.crash.faults import Fault
from tests.crash.fleet_faults import clickhouse_frozen, clickhouse_killed, one_of_each_killed, rolling
from tests.crash.fleet_ledger import FleetLedger
from tests.fleet import Fleet, fleet_running

pytestmark = pytest.mark.chaos

FAULTS = (rolling, one_of_each_killed, clickhouse_killed, clickhouse_frozen)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One fleet for all faults, one after the other."""
    with fleet_running(tmp_path_factory.mktemp("fleet")) as started:
        yield started


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
async def test_members_and_clickhouse_come_and_go_and_nothing_is_lost_doubled_or_out_of_order(
    fleet: Fleet, fault: Callable[[Fleet], Fault]
) -> None:
    assert (await endure(fleet, fault(fleet), FleetLedger(fleet))).exact
