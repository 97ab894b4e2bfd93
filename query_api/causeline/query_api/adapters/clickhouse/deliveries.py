"""What became of deliveries, on ClickHouse: the tables `deliveries` (every attempt) and `deliveries_newest` (the newest of each)."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from causeline.query_api.adapters.clickhouse.pool import QueryPool
from causeline.query_api.questions.query import DeliveryFilter, Page
from causeline.query_api.reading.walking import windows
from causeline.query_api.sql import deliveries
from causeline.schemas.records.delivery import Delivery


class _Begin(msgspec.Struct):
    n: int


class _CarriedColumns(msgspec.Struct):
    id: str
    record: bytes


_DELIVERIES: Final = msgspec.json.Decoder(Delivery)
_BEGINS: Final = msgspec.json.Decoder(_Begin)
_CARRIED: Final = msgspec.json.Decoder(_CarriedColumns)


class ClickHouseDeliveries:
    """See DeliveryStore. `clock` (ms UTC) is where a newest-first list without an end begins to look."""

    def __init__(self, pool: QueryPool, clock: Callable[[], int]) -> None:
        self._pool = pool
        self._clock = clock

    async def newest(self, where: DeliveryFilter, page: Page) -> list[Delivery]:
        """See DeliveryStore. The page is walked to, as pages of events are (`walking.py`)."""
        edge = self._clock() if page.order == "desc" else await self._oldest(where, page)
        rows: list[Delivery] = []
        for part in windows(where, page, edge):
            rest = msgspec.structs.replace(page, limit=page.limit - len(rows))
            rows += await self._pool.rows(deliveries.select_deliveries(part, rest), _DELIVERIES)
            if len(rows) >= page.limit:
                break
        return rows

    async def attempts(self, tenant: str, delivery_id: str) -> list[Delivery]:
        """See DeliveryStore."""
        return await self._pool.rows(deliveries.select_attempts(tenant, delivery_id), _DELIVERIES)

    async def records(self, tenant: str, delivery_ids: Sequence[str]) -> dict[str, bytes]:
        """See DeliveryStore."""
        if not delivery_ids:
            return {}
        rows = await self._pool.rows(deliveries.select_records(tenant, delivery_ids), _CARRIED)
        return {row.id: row.record for row in rows}

    async def _oldest(self, where: DeliveryFilter, page: Page) -> int:
        """Return where the first delivery of a rising page may lie."""
        begin = page.after.ts if page.after is not None else where.from_ms
        if begin is not None:
            return begin
        rows = await self._pool.rows(deliveries.select_oldest_delivery(where.tenant), _BEGINS)
        return rows[0].n if rows else self._clock()
