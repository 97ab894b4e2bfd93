"""What a server remembers of the keys that it acknowledged: of whom, how much, how long, and only what is durable."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from causeline.ingest import acknowledged
from causeline.ingest.acknowledged import AcknowledgedKeys, First, KeyVerdict
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable
from tests import patience
from tests.partition_log import HOUR, MINUTE, T0, uuid


def keyed(number: int, fingerprint: int = 1, tenant: str = "acme", at: int = T0, request: int = 0, of_request: int = 1) -> IngestRecord:
    """A record with a key of its own, and with a request's where one is given. A key is derived from its tenant, as ids are."""
    own = uuid(number) if number else ""
    whole = uuid(request) if request else ""
    return IngestRecord(
        op="create",
        tenant=tenant,
        id=own or uuid(999),
        ingest_ts=at,
        dedup_key=own,
        fingerprint=fingerprint,
        request_key=whole,
        request_fingerprint=of_request if request else 0,
    )


async def told(memory: AcknowledgedKeys, *records: IngestRecord, now: int = T0) -> list[KeyVerdict]:
    """Append some records; return what was known of each before."""
    async with memory.turn(records, now) as verdicts:
        return verdicts


async def known(memory: AcknowledgedKeys, numbers: Sequence[int], tenant: str = "acme", now: int = T0) -> list[int]:
    """Return which of these keys are known, and change nothing."""
    first_numbers: list[int] = []
    for number in numbers:
        with suppress(_Unkept):
            async with memory.turn([keyed(number, tenant=tenant)], now) as (verdict,):
                first_numbers += [number] if isinstance(verdict, First) else []
                raise _Unkept
    return first_numbers


class _Unkept(Exception):
    """An append that fails."""


async def test_a_key_is_known_with_its_first_content_and_refused_with_other() -> None:
    memory = AcknowledgedKeys()
    assert await told(memory, keyed(1)) == ["new"]
    assert await told(memory, keyed(1, at=T0 + 1)) == [First(1, T0, uuid(1))]
    assert await told(memory, keyed(1, fingerprint=2)) == ["conflict"]
    assert await told(memory, keyed(1)) == [First(1, T0, uuid(1))]


async def test_a_requests_key_and_an_items_own_are_judged_apart() -> None:
    memory = AcknowledgedKeys()
    assert await told(memory, keyed(1, request=7), keyed(2, request=7)) == ["new", "new"]
    assert await told(memory, keyed(1, request=7), keyed(2, request=7)) == [First(1, T0, uuid(1)), First(1, T0, uuid(2))]
    assert await told(memory, keyed(3, request=7, of_request=2)) == ["request_conflict"]
    assert await told(memory, keyed(1, fingerprint=2, request=8)) == ["conflict"]


async def test_a_key_that_a_request_names_twice_is_known_to_its_second_item() -> None:
    memory = AcknowledgedKeys()
    assert await told(memory, keyed(1), keyed(1), keyed(1, fingerprint=2)) == ["new", First(1, T0, uuid(1)), "conflict"]
    assert len(memory) == 1


async def test_a_key_is_forgotten_a_little_before_the_processors_forget_it() -> None:
    memory = AcknowledgedKeys(HOUR)
    await told(memory, keyed(1))
    assert await known(memory, [1], now=T0 + 57 * MINUTE - 1) == [1]
    assert await known(memory, [1], now=T0 + 57 * MINUTE) == []
    assert await told(memory, keyed(1, fingerprint=2, at=T0 + 57 * MINUTE), now=T0 + 57 * MINUTE) == ["new"]
    assert await told(memory, keyed(1, fingerprint=2), now=T0 + 58 * MINUTE) == [First(2, T0 + 57 * MINUTE, uuid(1))]


async def test_what_expired_takes_no_room() -> None:
    memory = AcknowledgedKeys(HOUR)
    await told(memory, *(keyed(n) for n in range(1, 101)))
    await told(memory, keyed(101, at=T0 + HOUR), now=T0 + HOUR)
    assert len(memory) == 1


async def test_one_tenant_has_so_many_keys_and_its_oldest_go_first() -> None:
    memory = AcknowledgedKeys(most=100, most_of_tenant=3)
    await told(memory, *(keyed(n) for n in (1, 2, 3)))
    await told(memory, keyed(4))
    assert len(memory) == 3
    assert await known(memory, [1, 2, 3, 4]) == [2, 3, 4]


async def test_one_tenant_pushes_out_nobody_elses_keys() -> None:
    memory = AcknowledgedKeys(most=10, most_of_tenant=8)
    await told(memory, *(keyed(n, tenant="quiet") for n in (1, 2, 3)))
    for number in range(100, 150):
        await told(memory, keyed(number, tenant="busy"))
    assert len(memory) == 10
    assert await known(memory, [1, 2, 3], "quiet") == [1, 2, 3]
    assert await known(memory, range(100, 150), "busy") == list(range(143, 150))


async def test_where_all_is_full_whoever_has_most_gives_way_to_a_new_tenant() -> None:
    memory = AcknowledgedKeys(most=10, most_of_tenant=8)
    await told(memory, *(keyed(n, tenant="large") for n in range(1, 9)))
    await told(memory, *(keyed(n, tenant="small") for n in (11, 12)))
    await told(memory, *(keyed(n, tenant="new") for n in (21, 22)))
    assert len(memory) == 10
    assert await known(memory, range(1, 9), "large") == [3, 4, 5, 6, 7, 8]
    assert await known(memory, [11, 12], "small") == [11, 12]
    assert await known(memory, [21, 22], "new") == [21, 22]


async def test_the_largest_request_is_known_whole() -> None:
    assert acknowledged.MAX_TENANT_KEYS * 2 <= acknowledged.MAX_KEYS
    memory = AcknowledgedKeys()
    await told(memory, *(keyed(n) for n in range(1, acknowledged.MAX_TENANT_KEYS + 1)))
    assert len(memory) == acknowledged.MAX_TENANT_KEYS
    assert await known(memory, [1, acknowledged.MAX_TENANT_KEYS]) == [1, acknowledged.MAX_TENANT_KEYS]


@pytest.mark.parametrize("fault", [Unavailable("the log is away"), asyncio.CancelledError()], ids=["refused", "cancelled"])
async def test_what_could_not_be_appended_is_not_known(fault: BaseException) -> None:
    memory = AcknowledgedKeys()
    with suppress(type(fault)):
        async with memory.turn([keyed(1)], T0) as (verdict,):
            assert verdict == "new"
            raise fault
    assert len(memory) == 0
    assert await told(memory, keyed(1, fingerprint=2)) == ["new"]


async def test_a_request_with_a_key_that_is_under_way_waits_for_what_becomes_of_it() -> None:
    for fails, expected in ((False, "conflict"), (True, "new")):
        memory, durable = AcknowledgedKeys(), asyncio.Event()
        first = asyncio.create_task(_appending(memory, keyed(1), durable, fails=fails))
        await patience.turn(2)
        other = asyncio.create_task(told(memory, keyed(1, fingerprint=2)))
        assert await told(memory, keyed(2)) == ["new"]  # another key waits for nobody
        await patience.turn(5)
        assert not other.done()
        durable.set()
        assert await other == [expected]
        await asyncio.wait({first})
        assert isinstance(first.exception(), _Unkept) == fails


async def test_of_several_that_wait_only_one_is_new() -> None:
    memory, durable = AcknowledgedKeys(), asyncio.Event()
    first = asyncio.create_task(_appending(memory, keyed(1), durable, fails=True))
    await patience.turn(2)
    waiting = [asyncio.create_task(told(memory, keyed(1, fingerprint=n))) for n in (2, 3, 4)]
    await patience.turn(2)
    durable.set()
    verdicts = [(await one)[0] for one in waiting]
    assert sorted(map(str, verdicts)) == ["conflict", "conflict", "new"]
    with pytest.raises(_Unkept):
        await first


async def test_two_requests_that_name_two_keys_in_turn_do_not_wait_for_each_other_for_ever() -> None:
    memory = AcknowledgedKeys()
    both = await asyncio.wait_for(asyncio.gather(told(memory, keyed(1), keyed(2)), told(memory, keyed(2), keyed(1))), patience.SECONDS)
    assert both[0] == ["new", "new"]
    assert both[1] == [First(1, T0, uuid(2)), First(1, T0, uuid(1))]


async def _appending(memory: AcknowledgedKeys, record: IngestRecord, durable: asyncio.Event, *, fails: bool) -> None:
    async with memory.turn([record], T0):
        await durable.wait()
        if fails:
            raise _Unkept
