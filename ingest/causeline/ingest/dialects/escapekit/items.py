"""EscapeKit's bodies: one object or an array of them, and errors that name the element (`[3].type`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from causeline.ingest.bodies.items import One, split
from causeline.schemas.web.errors import FieldError, Invalid, Malformed, RequestError


class Items(NamedTuple):
    """The texts of the objects, in the order sent; `is_list` if an array was sent."""

    texts: list[bytes]
    is_list: bool


def items_of(body: bytes) -> Items:
    """Return the items of a body. Raises Malformed where it is neither an object nor an array, TooLarge for more than 10,000."""
    parts = split(body, "")
    return Items([parts.raw], is_list=False) if isinstance(parts, One) else Items(parts.raw, is_list=True)


@contextmanager
def element(items: Items, index: int) -> Iterator[None]:
    """Name the element in whatever error is raised inside, where there are several."""
    try:
        yield
    except RequestError as error:
        if not items.is_list:
            raise
        place = f"[{index}]"
        fields = tuple(FieldError(f"{place}.{field}", message) for field, message in error.fields) or (FieldError(place, error.message),)
        kind = Malformed if isinstance(error, Malformed) else Invalid
        raise kind(f"{place} {error.message}", fields) from error
