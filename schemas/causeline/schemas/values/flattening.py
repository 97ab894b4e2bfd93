"""Free JSON of a client as tags: nested names joined with dots, values as text.

The original JSON stays in `raw`; tags are what filters and relations work on. So there is a bound: a path of names repeats its front in
every tag below it, and a body of 1 MiB could otherwise become gigabytes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

MAX_TAGS: Final = 1_000
MAX_TAG_NAME: Final = 255
"""Characters of a tag's name. What lies beyond either bound is found in `raw` only."""


def scalar_text(value: str | float | bool) -> str:  # noqa: FBT001 - a JSON value, not a switch
    """Return a JSON string as it is, a number or boolean as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def flatten(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the scalars of a JSON object by path, without nulls: `{"a": {"b": 1}, "c": [true]}` is `{"a.b": "1", "c.0": "true"}`."""
    texts: dict[str, str] = {}
    for name, text in (scalar for member, inner in value.items() for scalar in _scalars(member, inner)):
        if len(texts) == MAX_TAGS:
            break
        texts[name] = text
    return texts


def _scalars(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if len(path) > MAX_TAG_NAME:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _scalars(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(f"{path}.{index}", inner)
    elif value is not None and path:
        yield path, scalar_text(value)
