"""Bodies: read within a bound, inflated within the same bound, and only of the media types that a route speaks."""

import zlib
from collections.abc import AsyncIterable, Mapping
from typing import Final

from causeline.schemas.errors import Malformed, TooLarge, UnsupportedMedia
from causeline.schemas.http import HttpRoute

_GZIP: Final = 16 + zlib.MAX_WBITS


def media_type(route: HttpRoute, headers: Mapping[str, str]) -> str:
    """Return the body's media type without parameters, lower case. Raises UnsupportedMedia for one the route does not speak."""
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not given:
        return route.media[0]
    if given not in route.media:
        raise UnsupportedMedia(f"the content type {given!r} is not one of {', '.join(route.media)}")
    return given


def announced_length(headers: Mapping[str, str], limit: int) -> None:
    """Refuse a body that says it is too large before a byte of it is read. Raises TooLarge."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise TooLarge(f"the body has {length} bytes, at most {limit} are accepted")


async def read_within(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    """Return a body of unannounced length. Raises TooLarge as soon as it passes the limit."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body has more than {limit} bytes")
        parts.append(bytes(chunk))
    return b"".join(parts)


def inflated(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body without its content coding. Raises UnsupportedMedia, Malformed or TooLarge (a bomb stops at the limit)."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMedia(f"the content coding {coding!r} is not gzip")
    inflater = zlib.decompressobj(_GZIP)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Malformed(f"the body is not gzip: {error}") from error
    if len(plain) > limit:
        raise TooLarge(f"the inflated body has more than {limit} bytes")
    if not inflater.eof:
        raise Malformed("the gzip body ends too early")
    return plain
