"""Where deliveries may go: by name, by address, and what an operator lists."""

from ipaddress import ip_address

import pytest

from causeline.schemas.subscriptions.endpoints import MAX_URL, AllowList, is_public, refusal_of_url

LISTED = AllowList.parse("10.1.0.0/16, hooks.Internal ,::1,192.168.0.7,localhost,")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/a?b=c#d",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://bücher.example/",
        "https://a_b.example./",
        "https://1password.com/",
        "https://example.com/" + "x" * (MAX_URL - 20),
    ],
)
def test_the_open_internet_is_reached_by_https(url: str) -> None:
    assert refusal_of_url(url, AllowList()) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http or https"),
        ("example.com", "http or https"),
        ("ftp://example.com/", "http or https"),
        ("https:///x", "http or https"),
        ("https://example.com:0/", "http or https"),
        ("https://example.com:99999/", "http or https"),
        ("https://example.com:x/", "http or https"),
        ("https://[::1/", "http or https"),
        ("https://example.com/a b", "http or https"),
        ("https://example.com\\@127.0.0.1/", "http or https"),
        ("https://example.com/" + "x" * MAX_URL, "characters"),
        ("https://user:password@example.com/", "user or password"),
        ("https://@example.com/", "user or password"),
        ("https://exa$mple.com/", "name a host"),
        ("https://-a.example/", "name a host"),
        ("https://127.1/", "name a host"),
        ("https://2130706433/", "name a host"),
        ("https://0x7f.0.0.1/", "name a host"),
        ("https://0177.0.0.1/", "name a host"),
        ("http://example.com/", "must be https"),
        ("https://localhost/", "this machine"),
        ("https://LOCALHOST./", "this machine"),
        ("https://a.localhost/", "this machine"),
        ("https://127.0.0.1/", "not public"),
        ("https://10.1.2.3/", "not public"),
        ("https://172.16.0.1/", "not public"),
        ("https://192.168.0.7/", "not public"),
        ("https://169.254.169.254/latest", "not public"),
        ("https://100.64.0.1/", "not public"),
        ("https://0.0.0.0/", "not public"),
        ("https://224.0.0.1/", "not public"),
        ("https://255.255.255.255/", "not public"),
        ("https://[::]/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://[fe80::1%25eth0]/", "not public"),
        ("https://[fd00::1]/", "not public"),
        ("https://[::ffff:10.1.2.3]/", "not public"),
        ("https://[64:ff9b::7f00:1]/", "not public"),
        ("https://[2002:7f00:1::]/", "not public"),
    ],
)
def test_everything_else_is_refused_with_the_reason(url: str, reason: str) -> None:
    assert reason in str(refusal_of_url(url, AllowList()))


@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3:8080/",
        "https://10.1.255.255/",
        "http://hooks.internal/",
        "http://HOOKS.internal./",
        "http://[::1]/",
        "http://192.168.0.7/",
        "http://localhost/",
        "http://[::ffff:10.1.2.3]/",
    ],
)
def test_what_is_listed_is_reached_though_it_is_private_and_by_http(url: str) -> None:
    assert refusal_of_url(url, LISTED) is None


@pytest.mark.parametrize(
    "url", ["http://10.2.0.1/", "http://x.hooks.internal/", "http://192.168.0.8/", "http://example.com/", "http://[::2]/"]
)
def test_what_is_beside_the_list_is_not(url: str) -> None:
    assert refusal_of_url(url, LISTED) is not None


@pytest.mark.parametrize("text", ["10.0.0.0/33", "http://x", "a b", "*.internal", "127.1", "-x"])
def test_a_list_with_something_else_in_it_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an address"):
        AllowList.parse(f"a.internal,{text}")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::808:808", True),
        ("ff0e::1", False),
    ],
)
def test_an_address_inside_another_one_is_what_counts(address: str, public: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_public(ip_address(address)) is public
