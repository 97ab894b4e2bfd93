import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.bodies.strict_json import MAX_DEPTH, json_object
from causeline.schemas.web.errors import Malformed


def nested(depth: int) -> bytes:
    """An object whose innermost value lies `depth` containers deep."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":18446744073709551616}', "more than 64 bits"),
        (b'{"a":-9223372036854775809}', "more than 64 bits"),
        (b'{"a":' + b"9" * 100_000 + b"}", "more than 64 bits"),
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte at byte 6"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":"\\ud800"}', "lone surrogate"),
        (b'{"\\udfff":1}', "lone surrogate"),
        (b'{"a":["\\u0000"]}', "NUL"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "'c' stands twice"),
        (nested(MAX_DEPTH + 1), "nested deeper than 64"),
        (nested(100_000), "nested deeper than 64"),
        (b'{"a":' * 100_000, "nested deeper than 64"),
    ],
)
def test_what_not_every_reader_reads_alike_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        json_object(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' \r\n{"a":1}\n',
        nested(MAX_DEPTH),
        b'{"a":18446744073709551615,"b":-9223372036854775808,"c":1e308,"d":-0.0}',
        b'{"a":"\\\\u0000","b":"\\ud83d\\ude00"}',
        '{"é":"日本"}'.encode(),
    ],
)
def test_json_is_read_and_its_text_kept(body: bytes) -> None:
    text, value = json_object(body)
    assert text.encode() == body
    assert value == json.loads(body)


def test_a_byte_order_mark_is_skipped() -> None:
    assert json_object(b'\xef\xbb\xbf{"a":1}') == ('{"a":1}', {"a": 1})


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), _values, max_size=4))
def test_every_object_is_accepted_or_refused_and_what_is_accepted_can_be_written_again(value: dict[str, Any]) -> None:
    try:
        text, members = json_object(json.dumps(value).encode())
    except Malformed as refused:
        assert "NUL" in refused.message  # noqa: PT017 - the only reason that these values give
    else:
        assert members == value == msgspec.json.decode(text) == msgspec.json.decode(msgspec.json.encode(members))


@given(st.binary(max_size=40))
def test_bytes_are_an_object_or_malformed(body: bytes) -> None:
    try:
        _, members = json_object(body)
    except Malformed:
        return
    assert isinstance(members, dict)
