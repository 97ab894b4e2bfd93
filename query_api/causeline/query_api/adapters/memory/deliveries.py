"""What became of deliveries, in memory: the shipped twin of the ClickHouse tables. All reads scan."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from causeline.query_api.questions.paging import cut_page
from causeline.query_api.questions.query import DeliveryFilter, EventPosition, Page
from causeline.schemas.records.delivery import Delivery


class MemoryDeliveries:
    """See DeliveryStore. `put` takes attempts in any order, repeats included."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str, int, int], Delivery] = {}

    def put(self, attempt: Delivery) -> None:
        """Keep an attempt."""
        self._attempts[attempt.tenant, attempt.id, attempt.at, attempt.attempt] = attempt

    async def newest(self, where: DeliveryFilter, page: Page) -> list[Delivery]:
        """See DeliveryStore."""
        newest = {row.id: row for row in self._of(where.tenant)}
        return cut_page(
            (_bare(row) for row in newest.values() if _matches(row, where)), page, lambda row: EventPosition(row.received, row.id)
        )

    async def attempts(self, tenant: str, delivery_id: str) -> list[Delivery]:
        """See DeliveryStore."""
        return [_bare(row) for row in self._of(tenant) if row.id == delivery_id]

    async def records(self, tenant: str, delivery_ids: Sequence[str]) -> dict[str, bytes]:
        """See DeliveryStore."""
        return {row.id: row.record for row in self._of(tenant) if row.id in delivery_ids and row.outcome == "dead"}

    def _of(self, tenant: str) -> Iterable[Delivery]:
        """Return a tenant's attempts in the order of time."""
        return sorted((row for row in self._attempts.values() if row.tenant == tenant), key=attrgetter("at", "attempt"))


def _bare(row: Delivery) -> Delivery:
    return msgspec.structs.replace(row, record=b"")


def _matches(row: Delivery, where: DeliveryFilter) -> bool:
    filters = (
        (where.subscriptions, row.subscription_id),
        (where.outcomes, row.outcome),
        (where.whats, row.what),
        (where.entities, row.entity),
    )
    has_begun = where.from_ms is None or row.received >= where.from_ms
    is_over = where.to_ms is not None and row.received >= where.to_ms
    return has_begun and not is_over and all(not choices or value in choices for choices, value in filters)
