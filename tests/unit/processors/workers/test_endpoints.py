import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.workers.endpoints import EndpointRefused, checked_url, permitted_addresses
from causeline.schemas.subscriptions.endpoints import AllowList, is_public

NOTHING = AllowList()

PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *(
        "192.88.99.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "fc00::1",
        "fd00:ec2::254",
    ),
    *(
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
    ),
    *("64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "100::1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "192.169.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_refused(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(EndpointRefused):
        permitted_addresses("evil.example", [text], NOTHING, listed_only=False)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_permitted(text: str) -> None:
    assert permitted_addresses("good.example", [text], NOTHING, listed_only=False) == [text]


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(EndpointRefused):
        permitted_addresses("evil.example", ["1.1.1.1", "10.0.0.1"], NOTHING, listed_only=False)


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(EndpointRefused):
        permitted_addresses("evil.example", [], NOTHING, listed_only=False)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_however_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number)
    assert is_public(mapped) == is_public(address) == is_public(translated)
    if not is_public(address):
        assert not is_public(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))
        assert not is_public(ipaddress.IPv6Address(number))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "http is not allowed"),
        ("ftp://example.com/", "not a URL"),
        ("file:///etc/passwd", "not a URL"),
        ("https://", "not a URL"),
        ("https://example.com:0/", "not a URL"),
        ("https://example.com:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://exa\nmple.com/", "not a URL"),
        ("https://user@example.com/", "credentials in the URL"),
        ("https://user:secret@example.com/", "credentials in the URL"),
        ("https://@example.com/", "credentials in the URL"),
        ("https://[fe80::1%25eth0]/", "refused address"),
    ],
)
def test_a_url_that_cannot_be_tried_is_refused_before_anything_is_sent(url: str, why: str) -> None:
    with pytest.raises(EndpointRefused) as refused:
        checked_url(url, NOTHING)
    assert refused.value.why == why


def test_what_is_listed_may_be_reached_by_name_address_and_network() -> None:
    allow = AllowList.parse(" hooks.internal, 10.1.0.0/16 ,[::1],127.0.0.1,")
    assert permitted_addresses("Hooks.Internal.", ["192.168.0.9"], allow, listed_only=True) == ["192.168.0.9"]
    assert permitted_addresses("x", ["10.1.2.3", "::1", "127.0.0.1", "::ffff:10.1.2.3"], allow, listed_only=True)
    with pytest.raises(EndpointRefused):
        permitted_addresses("x", ["10.2.0.1"], allow, listed_only=False)
    with pytest.raises(EndpointRefused):
        permitted_addresses("hooks.internal.evil.example", ["10.2.0.1"], allow, listed_only=False)
    assert checked_url("http://hooks.internal/x", allow).port is None


def test_plain_http_reaches_only_what_is_listed() -> None:
    allow = AllowList.parse("10.0.0.0/8")
    with pytest.raises(EndpointRefused) as refused:
        permitted_addresses("example.com", ["1.1.1.1"], allow, listed_only=True)
    assert refused.value.why == "http is not allowed"
    assert permitted_addresses("example.com", ["1.1.1.1"], allow, listed_only=False)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "http://x", "x:80"])
def test_a_list_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        AllowList.parse(text)
