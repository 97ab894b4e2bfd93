"""The load of a fleet: the same clients and the same account, over all servers in turn."""

import httpx

from tests.crash.ledger import Ledger
from tests.fleet import Fleet, Rotating


class FleetLedger(Ledger):
    """Clients behind a load balancer; the lists are judged by what one server shows."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.url, fleet.kafka)
        self._urls = fleet.urls

    def _client(self) -> httpx.AsyncClient:
        tenant = {"Causeline-Tenant": self.tenant}
        return httpx.AsyncClient(base_url=self.url, transport=Rotating(self._urls), timeout=5, headers=tenant)
