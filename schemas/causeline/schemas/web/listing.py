"""The question of a list that lies in memory, in an order of texts: filters, how many rows, behind which of them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from causeline.schemas.web.errors import FieldError, Invalid, strangers
from causeline.schemas.web.seals import open_place, seal_place

LIST_DEFAULT: Final = 100
LIST_MOST: Final = 1_000
"""Rows of a page."""
_NO_FILTERS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
_PAGING: Final = ("limit", "cursor")


class ListingQuestion(NamedTuple):
    """What is asked: `filters` by name, a page of `limit` rows, behind the row `after` ('': from the first)."""

    filters: Mapping[str, tuple[str, ...]]
    limit: int
    after: str
    question: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """Return the value of a filter that takes one, '' without."""
        return self.filters.get(name, ("",))[0]

    def cursor(self, last: str) -> str:
        """Return the cursor of the page behind a row."""
        return seal_place(last.encode(), self.question)


def read_listing_question(
    pairs: Sequence[tuple[str, str]], of: str, choices: Mapping[str, Collection[str]] = _NO_FILTERS, many: Collection[str] = ()
) -> ListingQuestion:
    """Return the question of a query string about the list `of`; a blank value is as good as none. Raises Invalid naming every parameter.

    `choices` are the values of each filter (empty: any); those in `many` may be given more than once, which means or.
    """
    values: dict[str, list[str]] = {}
    for name, text in pairs:
        if text.strip():
            values.setdefault(name, []).append(text.strip())
    names = [name for name, _ in pairs]
    errors = strangers(names, {*choices, *_PAGING}, "is not a parameter of this call")
    errors += [FieldError(name, "takes one value") for name in (*choices, *_PAGING) if name not in many and names.count(name) > 1]
    for name, known_values in choices.items():
        if known_values and (wrong := [value for value in values.get(name, ()) if value not in known_values]):
            errors.append(FieldError(name, f"{wrong[0][:100]!r} is not one of {', '.join(known_values)}"))
    filters = {name: tuple(values[name]) for name in choices if name in values}
    limit, cursor = (values.get(name, [""])[0] for name in _PAGING)
    question = (("", of), *((name, value) for name, own_values in filters.items() for value in own_values))
    rows, after = LIST_DEFAULT, ""
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(LIST_MOST)) and 1 <= int(limit) <= LIST_MOST):
        errors.append(FieldError("limit", f"{limit[:100]!r} is not a number from 1 to {LIST_MOST}"))
    elif limit:
        rows = int(limit)
    try:
        after = open_place(cursor, question).decode() if cursor and names.count("cursor") == 1 else ""
    except ValueError as error:  # of UTF-8 too
        errors.append(FieldError("cursor", str(error)))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return ListingQuestion(filters, rows, after, question)
