import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.values import ids

RANDOM = st.binary(min_size=10, max_size=10)
MS = st.integers(0, (1 << 48) - 1)


@given(MS, RANDOM)
def test_a_new_id_is_a_uuid7_that_carries_its_time(ms: int, random: bytes) -> None:
    text = ids.uuid7(ms, random)
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert ids.ts_of(text) == ms


@given(MS, RANDOM, RANDOM)
def test_ids_of_one_time_differ_with_their_randomness(ms: int, one: bytes, other: bytes) -> None:
    same = int.from_bytes(one) & ((1 << 74) - 1) == int.from_bytes(other) & ((1 << 74) - 1)
    assert (ids.uuid7(ms, one) == ids.uuid7(ms, other)) == same


@pytest.mark.parametrize(("ms", "ms_stored"), [(-1, 0), (1 << 48, (1 << 48) - 1)])
def test_a_time_outside_48_bits_is_clamped(ms: int, ms_stored: int) -> None:
    assert ids.ts_of(ids.uuid7(ms, bytes(10))) == ms_stored


@given(st.text(), st.text(), st.text(), st.text())
def test_a_key_makes_a_uuid5_that_only_its_parts_decide(tenant: str, key: str, other_tenant: str, other_key: str) -> None:
    event_id = ids.uuid5(tenant, key)
    assert uuid.UUID(event_id).version == 5
    assert event_id == ids.uuid5(tenant, key)
    if "\x1f" not in tenant + key + other_tenant + other_key:
        assert (event_id == ids.uuid5(other_tenant, other_key)) == ((tenant, key) == (other_tenant, other_key))


def test_only_a_uuid7_has_a_time_inside() -> None:
    assert ids.ts_of(ids.uuid5("t", "k")) is None
    assert ids.ts_of("x") is None
    assert ids.ts_of("") is None


@given(MS, RANDOM)
def test_the_low_half_comes_back_from_its_signed_form(ms: int, random: bytes) -> None:
    text = ids.uuid7(ms, random)
    low = ids.signed_low(text)
    assert -(1 << 63) <= low < 1 << 63
    assert text.endswith(ids.low_text(low))


@given(st.binary())
def test_a_fingerprint_fits_64_bits_and_is_never_0(content: bytes) -> None:
    value = ids.fingerprint(content)
    assert -(1 << 63) <= value < 1 << 63
    assert value != 0
    assert value == ids.fingerprint(content)


NS = st.integers(0, (1 << 63) - 1)


@given(NS, st.integers(0, 2_000_000), RANDOM, RANDOM)
def test_ids_sort_by_their_nanosecond_whatever_their_randomness(ns: int, more: int, one: bytes, other: bytes) -> None:
    earlier, later = ids.uuid7_ns(ns, one), ids.uuid7_ns(ns + more, other)
    assert more == 0 or earlier < later
    assert uuid.UUID(later).version == 7
    assert uuid.UUID(later).variant == uuid.RFC_4122
    assert ids.ts_of(later) == (ns + more) // 1_000_000


@given(NS, RANDOM, RANDOM)
def test_ids_of_one_nanosecond_differ_with_their_randomness(ns: int, one: bytes, other: bytes) -> None:
    same = int.from_bytes(one) & ((1 << 54) - 1) == int.from_bytes(other) & ((1 << 54) - 1)
    assert (ids.uuid7_ns(ns, one) == ids.uuid7_ns(ns, other)) == same
