from pathlib import Path

import pytest

from causeline.deploy.embedded.broker_config import jvm_options, properties


def test_the_broker_listens_on_the_given_address_only() -> None:
    lines = properties(Path("/data"), "127.0.0.1", 19092, 19093, "causeline", "secret").splitlines()
    assert "listeners=CLIENT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093" in lines
    assert "advertised.listeners=CLIENT://127.0.0.1:19092" in lines
    assert "auto.create.topics.enable=false" in lines


def test_a_folder_with_any_characters_is_written_as_java_reads_it() -> None:
    text = properties(Path("/a\\b/ü/𝄞 c"), "127.0.0.1", 1, 2, "causeline", "secret")
    assert text.isascii()
    assert "log.dirs=/a\\\\b/\\u00fc/\\ud834\\udd1e c\n" in text


def test_both_listeners_ask_for_the_password() -> None:
    lines = properties(Path("/data"), "127.0.0.1", 1, 2, "causeline", "secret").splitlines()
    assert "listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT" in lines
    for listener in ("client", "controller"):
        assert any(
            line.startswith(f"listener.name.{listener}.plain.sasl.jaas.config=") and 'user_causeline="secret"' in line for line in lines
        )


def test_a_password_that_jaas_would_read_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="letters") as caught:
        properties(Path("/data"), "127.0.0.1", 1, 2, "causeline", 'a" user_eve="b')
    assert "eve" not in str(caught.value)


def test_a_heap_is_a_size() -> None:
    assert jvm_options("1g")[0] == "-Xmx1g"
    with pytest.raises(ValueError, match="heap size"):
        jvm_options("1g -version")
