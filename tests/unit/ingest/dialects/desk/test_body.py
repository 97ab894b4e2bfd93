import json

import pytest

from causeline.ingest.dialects.desk.json_text import canonical_json, decode_json, encode_json
from causeline.schemas.web.errors import Malformed
from tests.desk_samples import DOCUMENT_BODY, minimal, pushed

GOOD = json.dumps(DOCUMENT_BODY).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b'{"eventType":',
        GOOD + b"x",
        GOOD[:-1] + b',"x":NaN}',
        GOOD[:-1] + b',"x":Infinity}',
        GOOD[:-1] + b',"x":01}',
        GOOD[:-1] + b',"x":"\xff"}',
        GOOD[:-1] + rb',"x":"\ud800"}',
        GOOD[:-1] + rb',"x":"\udc00 and more"}',
        GOOD[:-1] + rb',"\ud800x":1}',
        GOOD[:-1] + b',"x":"\x01"}',
        GOOD[:-1] + b',"x":' + b"9" * 6000 + b"}",
        GOOD[:-1] + b',"x":' + b"[" * 65 + b"]" * 65 + b"}",
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_a_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match="Could not map JSON"):
        pushed(body)


def test_a_byte_order_mark_is_skipped() -> None:
    assert pushed(b"\xef\xbb\xbf" + GOOD).result["storedIds"]


def test_64_levels_are_read() -> None:
    assert decode_json(b"[" * 64 + b"]" * 64)
    assert decode_json(b"[" * 30 + b"[],[]," * 100 + b"1" + b"]" * 30)


def test_of_a_repeated_name_the_last_value_counts() -> None:
    body = json.dumps(minimal("CUSTOM_INFO")).encode()
    outcome = pushed(body[:-1] + b', "source": "first", "source": "last"}')
    assert b'"source":"last"' in outcome.records[0].event


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": NaN}', "line 1 column 7"),
        (b'{\n "a": 1,\n "b": ?}', "line 3 column 7"),
        (b'{\n "a": "\xff"}', "line 2 column 8"),
        (b'{"a":\n', "line 2 column 1"),
    ],
)
def test_a_syntax_error_names_its_place(body: bytes, place: str) -> None:
    with pytest.raises(Malformed, match=f"near {place}$"):
        decode_json(body)


def test_numbers_keep_their_text_through_every_form() -> None:
    text = b'{"b":[1.10,1e400,-0.0,12345678901234567890123],"a":{"d":1,"c":2.50}}'
    assert encode_json(decode_json(text)) == text.decode()
    assert canonical_json(decode_json(text)) == b'{"a":{"c":2.50,"d":1},"b":[1.10,1e400,-0.0,12345678901234567890123]}'
