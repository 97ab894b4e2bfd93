"""Addresses of pages: the same question with something else in it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import quote, urlencode

from causeline.query_api.ui.visits import FormPairs
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, strangers


def unfit_parameters(pairs: Iterable[tuple[str, str]], known_names: Collection[str], single: Iterable[str] = ()) -> list[FieldError]:
    """Return what is wrong with the names in an address: those that a page does not take, and those of `single` that stand in it twice."""
    names = [name for name, _ in pairs]
    errors = strangers(names, known_names, "is not a parameter of this page")
    return errors + [FieldError(name, "takes one value") for name in single if names.count(name) > 1]


def replace_pairs(pairs: Iterable[tuple[str, str]], changes: Mapping[str, str]) -> FormPairs:
    """Return parameters with these in place of those of their names; '' takes one away."""
    return [pair for pair in pairs if pair[0] not in changes] + [(name, value) for name, value in changes.items() if value]


def join_address(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a path with its parameters, and no question mark without."""
    query = urlencode(list(pairs))
    return f"{path}?{query}" if query else path


def timeline_address(from_ms: int, to_ms: int, *filters: tuple[str, str]) -> str:
    """Return the timeline of [from_ms, to_ms), narrowed by filters of the API; `list` 1 shows its events one by one."""
    return join_address("/timeline", [("from", rfc3339(from_ms)), ("to", rfc3339(to_ms)), *filters])


def service_address(name: str) -> str:
    """Return the page of a service, whose name may be any text; of dots alone, which browsers read as folders, the list that finds it."""
    return f"/services/{quote(name, safe='')}" if name.strip(".") else join_address("/services", [("q", name)])
