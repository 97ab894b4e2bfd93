"""Events a second of a tenant, in front of the log."""

from collections.abc import Sequence
from typing import Literal

import pytest

from causeline.deploy.server.quotas import WINDOW_S, QuotaLog, Quotas
from causeline.ingest.adapters.memory.log import MemoryEventLog
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.web.errors import OverQuota, TooLarge


def records(tenant: str, size: int) -> Sequence[IngestRecord]:
    return [IngestRecord(op="create", tenant=tenant, id=ids.uuid7(number, bytes(10)), ingest_ts=1, event=b"e") for number in range(size)]


def test_a_tenant_may_spend_ten_seconds_at_once_and_then_waits() -> None:
    quotas = Quotas(5, {})
    quotas.spend("shop", 50)
    with pytest.raises(OverQuota) as refused:
        quotas.spend("shop", 1)
    assert (refused.value.status, refused.value.reason) == (429, "over_quota")
    assert 1 <= int(refused.value.headers["Retry-After"]) <= WINDOW_S
    with pytest.raises(OverQuota):
        quotas.look("shop")
    quotas.spend("other", 50)


def test_more_events_than_a_window_holds_are_told_to_be_split() -> None:
    with pytest.raises(TooLarge, match="51 events are more than the quota of 50 in 10 s"):
        Quotas(5, {}).spend("shop", 51)


def test_a_tenant_of_its_own_has_its_own_quota_and_zero_is_none() -> None:
    quotas = Quotas(1, {"shop": 2, "ci": 0})
    quotas.spend("shop", 20)
    quotas.spend("ci", 1_000_000)
    with pytest.raises(TooLarge):
        quotas.spend("other", 11)


@pytest.mark.parametrize(("quotas", "counting"), [(Quotas(0, {}), False), (Quotas(0, {"shop": 0}), False), (Quotas(0, {"shop": 1}), True)])
def test_without_a_quota_there_is_nothing_to_count(quotas: Quotas, counting: Literal[True, False]) -> None:
    assert quotas.any is counting


async def test_a_request_over_the_quota_is_refused_as_a_whole() -> None:
    behind = MemoryEventLog()
    log = QuotaLog(behind, Quotas(1, {}))
    assert len(await log.append(records("shop", 8))) == 8
    with pytest.raises(OverQuota):
        await log.append(records("shop", 3))
    assert sum(len(partition) for partition in behind.partitions) == 8
    assert len(await log.append(records("shop", 2))) == 2


async def test_what_is_told_to_every_partition_is_no_event_and_costs_nothing() -> None:
    behind = MemoryEventLog()
    quotas = Quotas(1, {})
    for _ in range(11):
        await QuotaLog(behind, quotas).broadcast(records("shop", 1)[0])
    quotas.spend("shop", 10)
    assert [len(partition) for partition in behind.partitions] == [11] * 4
