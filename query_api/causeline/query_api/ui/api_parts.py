"""A part of a page that may be missing alone: what one call answered, or why it did not."""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from causeline.schemas.web.errors import RequestError


class ApiPart(NamedTuple):
    """What a call of the API answered, or a default and why it did not: the rest of the page is shown all the same."""

    value: Any
    refusal: str = ""


async def read_part(answer: Awaitable[Any], refusals: tuple[type[RequestError], ...], default: object = None) -> ApiPart:
    """Return an answer, or the default with what the server says where it refuses in one of these ways. Raises any other refusal."""
    try:
        return ApiPart(await answer)
    except refusals as refusal:
        return ApiPart(default, refusal.message)
