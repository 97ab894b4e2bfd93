import gzip
import time
import zlib
from collections.abc import AsyncIterator

import pytest

from causeline.deploy.server.http.bodies import Bodies, announced_length, inflate, media_type
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, Malformed, Overloaded, TooLarge, UnsupportedMedia
from causeline.schemas.web.http import HttpRequest, HttpRoute


async def handler(_: HttpRequest) -> Answer:
    return Answer(200, {}, b"")


ROUTE = HttpRoute("POST", "/v1/events", NATIVE, handler, media=("application/json", "application/x-ndjson"))


@pytest.mark.parametrize(
    ("given", "media"),
    [
        ({}, "application/json"),
        ({"content-type": ""}, "application/json"),
        ({"content-type": "Application/JSON; Charset=UTF-8"}, "application/json"),
        ({"content-type": "application/x-ndjson"}, "application/x-ndjson"),
    ],
)
def test_a_media_type_is_read_without_letter_case_and_parameters(given: dict[str, str], media: str) -> None:
    assert media_type(ROUTE, given) == media


def test_another_media_type_is_refused_with_the_accepted_ones() -> None:
    with pytest.raises(UnsupportedMedia, match="application/json, application/x-ndjson"):
        media_type(ROUTE, {"content-type": "text/plain"})


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_chunked_body_of_exactly_the_limit_is_read() -> None:
    assert len(await Bodies(5.0).gather(chunks(6, 4), 10)) == 10


async def test_a_chunked_body_one_byte_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        await Bodies(5.0).gather(chunks(6, 5), 10)


def test_an_announced_length_is_refused_only_over_the_limit() -> None:
    assert announced_length({"content-length": "10"}, 10) == 10
    assert announced_length({}, 10) is None
    with pytest.raises(TooLarge):
        announced_length({"content-length": "11"}, 10)


def test_gzip_is_inflated_within_the_limit() -> None:
    assert inflate(gzip.compress(b"x" * 10, mtime=0), {"content-encoding": "GZIP"}, 10) == b"x" * 10


def test_an_identity_coding_is_left_alone() -> None:
    assert inflate(b"plain", {"content-encoding": "identity"}, 10) == b"plain"


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    with pytest.raises(TooLarge):
        inflate(gzip.compress(bytes(10_000_000)), {"content-encoding": "gzip"}, 1_000)


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"x" * 100, mtime=0)[:-9], b""])
def test_broken_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        inflate(body, {"content-encoding": "gzip"}, 1_000)


def test_another_coding_is_refused() -> None:
    with pytest.raises(UnsupportedMedia, match="deflate"):
        inflate(zlib.compress(b"x"), {"content-encoding": "deflate"}, 10)


async def test_larger_bodies_share_one_bound_and_give_back_what_they_held() -> None:
    bodies = Bodies(5.0, most=10)
    with pytest.raises(Overloaded):
        await bodies.gather(chunks(6, 5), 100)
    assert bodies.bytes_held == 0
    assert len(await bodies.gather(chunks(6, 4), 100)) == 10
    assert bodies.bytes_held == 0


def test_the_members_of_a_gzip_body_are_one_body() -> None:
    body = gzip.compress(b'{"a":') + gzip.compress(b"", mtime=0) + gzip.compress(b"1}" + b" " * 100_000)
    assert inflate(body, {"content-encoding": "gzip"}, 1 << 20) == b'{"a":1}' + b" " * 100_000


@pytest.mark.parametrize("behind", [b"\0", b"x", b'{"kind":"deployment"}', gzip.compress(b"y" * 99, mtime=0)[:-1], b"\x1f\x8b"])
def test_what_lies_behind_a_gzip_member_is_never_dropped_in_silence(behind: bytes) -> None:
    with pytest.raises(Malformed):
        inflate(gzip.compress(b"x", mtime=0) + behind, {"content-encoding": "gzip"}, 1 << 20)


def test_members_are_bounded_in_sum_and_in_number() -> None:
    with pytest.raises(TooLarge):
        inflate(gzip.compress(b"x" * 6, mtime=0) + gzip.compress(b"x" * 5, mtime=0), {"content-encoding": "gzip"}, 10)
    began = time.thread_time()
    with pytest.raises(Malformed, match="members"):
        inflate(gzip.compress(b"", mtime=0) * 50_000, {"content-encoding": "gzip"}, 1 << 20)
    assert time.thread_time() - began < 0.5
