import pytest

from causeline.schemas.kafka_address import KafkaAddress, bare_address, client_options, parse_address

SECRET = "hush:/@?&=ü,%"


def test_servers_alone_make_plain_clients() -> None:
    assert client_options(" a:1, [::1]:2 ") == {"bootstrap_servers": "a:1,[::1]:2"}


def test_a_user_and_a_password_make_clients_that_show_them() -> None:
    assert client_options("me:pw@a:1,b:2") == {
        "bootstrap_servers": "a:1,b:2",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": "pw",
    }


def test_the_mechanism_and_tls_follow_a_question_mark() -> None:
    options = client_options("me:pw@a:1?mechanism=SCRAM-SHA-512&tls=1")
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert options["ssl_context"].check_hostname
    assert client_options("a:1?tls=1")["security_protocol"] == "SSL"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize("tls", [True, False])
def test_an_address_is_read_as_it_was_written(mechanism: str, *, tls: bool) -> None:
    address = KafkaAddress(("a:1", "b:2"), "m:e@", SECRET, mechanism, tls)
    assert parse_address(address.text) == address


def test_what_is_shown_has_no_password() -> None:
    address = KafkaAddress(("a:1",), "me", SECRET)
    assert bare_address(address.text) == "a:1"
    assert bare_address("") == ""
    assert address.masked_text == "me:***@a:1"
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "hush@a:1",
        ":hush@a:1",
        "me:@a:1",
        "me:hush@a",
        "me:hush/a:1",
        "me:hush@a:1,",
        "me:a:hush",
        "me:hush@a:1?tls=hush",
        "me:hush@a:1?hush=1",
        "me:hush@a:1?mechanism=hush",
        "@hush:1",
    ],
)
def test_what_is_no_address_is_refused_without_telling_it(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_address(text)
    assert "hush" not in str(caught.value)
