from pathlib import Path

import pytest

from causeline.deploy.broker_config import jvm_options, properties


def test_the_broker_listens_on_the_given_address_only() -> None:
    lines = properties(Path("/data"), "127.0.0.1", 19092, 19093).splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093" in lines
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:19092" in lines
    assert "auto.create.topics.enable=false" in lines


def test_a_folder_with_any_characters_is_written_as_java_reads_it() -> None:
    written = properties(Path("/a\\b/ü/𝄞 c"), "127.0.0.1", 1, 2)
    assert written.isascii()
    assert "log.dirs=/a\\\\b/\\u00fc/\\ud834\\udd1e c\n" in written


def test_a_heap_is_a_size() -> None:
    assert jvm_options("1g")[0] == "-Xmx1g"
    with pytest.raises(ValueError, match="heap size"):
        jvm_options("1g -version")
