"""Elements of the DESK Events API v1: what real clients send becomes the declared type, or the element is named in the refusal.

`null`, `""` and white space mean absent, at every level; integers come as text, single values where a list is declared, numbers where
text is. Those forms were all seen from clients in use. Nothing is trimmed or shortened.
"""

import re
from decimal import Decimal
from typing import Any, Final

from causeline.ingest.dialects.desk.json_text import Number
from causeline.schemas.web.errors import FieldError, Malformed

_INT64: Final = range(-(1 << 63), 1 << 63)
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_MAX_DIGITS: Final = 19
MAX_ARRAY_ITEMS: Final = 10_000
"""Of one array: ten times the targets that an event may have."""
_BOOLEANS: Final = {"true": True, "false": False}


def element_error(path: str, message: str) -> Malformed:
    """Return the refusal of an element that has the wrong JSON type or is not one of its possible values."""
    return Malformed(f"Could not map JSON at '{path}'", (FieldError(path, message),))


def is_absent(value: Any) -> bool:
    """Return whether the element counts as not sent."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: Any, path: str) -> str | None:
    """Return a string element; a number or boolean becomes its JSON text. Raises Malformed for an array or object."""
    if is_absent(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Number):
        return value.text
    raise element_error(path, "must be a string")


def integer(value: Any, path: str) -> int | None:
    """Return an integer element: an integer, an integral number such as `1.0`, or a decimal string, all within 64 bits.

    Raises Malformed for anything else.
    """
    if is_absent(value):
        return None
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _INTEGER.fullmatch(value):
        number = int(value)
    elif isinstance(value, Number):
        number = _integral(value)
    if number is None or number not in _INT64:
        raise element_error(path, "must be a 64-bit integer")
    return number


def _integral(value: Number) -> int | None:
    number = Decimal(value.text)
    # The exponent is bounded before the number is expanded: 1e999999999 is short to send and long to write out.
    if number.adjusted() >= _MAX_DIGITS or number != number.to_integral_value():
        return None
    return int(number)


def boolean(value: Any, path: str) -> bool | None:
    """Return a boolean element; `"true"` and `"false"` are taken too. Raises Malformed for anything else."""
    if is_absent(value):
        return None
    if isinstance(value, str):
        value = _BOOLEANS.get(value)
    if not isinstance(value, bool):
        raise element_error(path, "must be true or false")
    return value


def mapping(value: Any, path: str) -> dict[str, Any] | None:
    """Return an object element without its null values; `[]` is an empty one. Raises Malformed for anything else."""
    if is_absent(value) or value == []:
        return None
    if not isinstance(value, dict):
        raise element_error(path, "must be an object")
    return {name: inner for name, inner in value.items() if inner is not None} or None


def array_items(value: Any, path: str) -> list[tuple[str, Any]]:
    """Return the items of an array element with their indexes (`[0]`), absent ones dropped; a single value stands for an array of it.

    Raises Malformed for more than MAX_ITEMS, before one is looked at.
    """
    if isinstance(value, list):
        if len(value) > MAX_ARRAY_ITEMS:
            raise element_error(path, f"must not hold more than {MAX_ARRAY_ITEMS} items")
        return [(f"[{i}]", item) for i, item in enumerate(value) if not is_absent(item)]
    return [] if is_absent(value) else [("", value)]


def texts(value: Any, path: str) -> list[str] | None:
    """Return an array of strings, None where nothing is left of it. Raises Malformed for items that are not scalars."""
    items = [text(item, path + index) for index, item in array_items(value, path)]
    return [item for item in items if item is not None] or None
