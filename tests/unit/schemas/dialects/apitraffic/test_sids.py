import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dialects.apitraffic.sids import account_of, id_of_sid, sid_of
from causeline.schemas.values import ids
from causeline.schemas.web.errors import NotFound

_uuids = st.uuids().map(str)
_times = st.builds(ids.uuid7, st.integers(0, (1 << 48) - 1), st.binary(min_size=10, max_size=10))


@given(_uuids | _times)
def test_a_sid_has_27_base62_digits_and_says_its_id_again(identity: str) -> None:
    sid = sid_of(identity)
    assert sid.startswith("evt_")
    assert len(sid) == 31
    assert sid.isascii()
    assert sid.removeprefix("evt_").isalnum()
    assert id_of_sid(sid) == identity


@given(_times, _times)
def test_sids_of_different_ids_differ(one: str, other: str) -> None:
    assert (sid_of(one) == sid_of(other)) == (one == other)


def test_sids_sort_by_time_as_ksuids_do() -> None:
    seconds = (1_400_000_000, 1_705_329_000, 1_705_329_001, 1_800_000_000, 5_694_967_295)
    sids = [sid_of(ids.uuid7(second * 1000, b"\xff" * 10)) for second in seconds]
    assert sids == sorted(sids)


def test_the_time_is_that_of_a_ksuid_and_stays_in_its_32_bits() -> None:
    assert sid_of(ids.uuid7(1_400_000_000_000, bytes(10))) < sid_of(ids.uuid7(1_400_000_001_000, bytes(10)))
    assert sid_of("ffffffff-ffff-4fff-bfff-ffffffffffff").startswith("evt_00000")
    for ms in (0, 9_214_646_399_999):
        assert id_of_sid(sid_of(ids.uuid7(ms, bytes(10)))) == ids.uuid7(ms, bytes(10))
    assert sid_of("0c5d8a2a-0000-4000-8000-000000000000") == sid_of("0c5d8a2a-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    "text",
    [
        "evt_abc123def456ghi789jkl012",
        "evt_new789uvw012rst345def",
        "evt_" + "z" * 27,
        "evt_" + "0" * 26,
        "evt_" + "0" * 28,
        "evt_" + "é" * 27,
        "evt_" + "٣" * 27,
        "acc_" + "0" * 27,
        "",
        "evt_",
        "0" * 27,
        "evt_" + "0" * 26 + "\n",
        "018bcfe5-6800-7a8f-8819-74562cfd5fa8",
    ],
)
def test_what_no_event_can_be_called_is_no_id(text: str) -> None:
    assert id_of_sid(text) is None


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=27, max_size=27))
def test_an_event_has_one_sid_only(digits: str) -> None:
    event_id = id_of_sid(f"evt_{digits}")
    assert event_id is None or sid_of(event_id) == f"evt_{digits}"


@pytest.mark.parametrize("account", ["acc_a", "acc_abc123def456ghi789jkl012", "acc_" + "Z9" * 32])
def test_an_account_is_the_tenant(account: str) -> None:
    assert account_of({"accountSid": account}) == account


@pytest.mark.parametrize("account", ["", "acc_", "acc_" + "a" * 65, "abc", "acc_a-b", "acc_a\n", "acc_é", "ACC_a", "evt_a", "acc_%41"])
def test_what_cannot_name_an_account_is_not_found(account: str) -> None:
    with pytest.raises(NotFound):
        account_of({"accountSid": account})
