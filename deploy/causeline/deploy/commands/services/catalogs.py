"""Catalogs of other tools as services: Backstage's `catalog-info.yaml` and Tracker's catalog as JSON. Pure.

A catalog says who owns what and what needs what; of what it does not say (paths, aliases, tier) the service keeps what it has. What is
left out is told with the reason: a catalog is large, and who imports it cannot compare by hand.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

Members = dict[str, Any]
_KINDS: Final = ("component", "api")
_SLUGS: Final = ("github.com/project-slug", "gitlab.com/project-slug")
_PORTIONS: Final = ("catalogs", "catalog", "entities", "items")
"""Under one of these an export lists its entries."""


class CatalogDocument(NamedTuple):
    """One document of a file, as it was read, and where it stood (`catalog-info.yaml, document 2`)."""

    place: str
    content: object


class Omission(NamedTuple):
    """What was left out: where it stands, and why."""

    place: str
    why: str


class Catalog(NamedTuple):
    """The services of all files by name, each with the members that its catalog says, and what was left out."""

    services: dict[str, Members]
    skips: list[Omission]


class _Entry(NamedTuple):
    name: str
    members: Members
    callers: list[str]
    skips: list[str]


class _Strange(ValueError):
    """A document that is no service; the message says why."""


def catalog_of(documents: Iterable[CatalogDocument]) -> Catalog:
    """Return the services that the documents describe, those of all files together."""
    catalog = Catalog({}, [])
    callers: list[tuple[str, str, str]] = []
    for place, content in _entries(documents):
        try:
            entry = _entry(content)
        except _Strange as error:
            catalog.skips.append(Omission(place, str(error)))
            continue
        if entry.name in catalog.services:
            catalog.skips.append(Omission(place, f"{entry.name} stands in another document too, the first one holds"))
            continue
        catalog.services[entry.name] = entry.members
        catalog.skips.extend(Omission(place, why) for why in entry.skips)
        callers += [(place, caller, entry.name) for caller in entry.callers]
    for place, caller, callee in callers:
        if caller == callee:
            continue
        if caller not in catalog.services:
            catalog.skips.append(Omission(place, f"{caller}, which depends on {callee}, is in none of the files"))
        elif callee not in (needs := catalog.services[caller].setdefault("depends_on", [])):
            needs.append(callee)
    return catalog


def _entries(documents: Iterable[CatalogDocument]) -> Iterator[CatalogDocument]:
    for place, content in documents:
        lists = [content] if isinstance(content, list) else []
        if isinstance(content, dict):
            lists = [value for name in _PORTIONS if isinstance(value := content.get(name), list)]
        if lists:
            yield from (CatalogDocument(f"{place}, entry {number}", one) for number, one in enumerate(lists[0], start=1))
        elif content is not None:  # `---` at the end of a file begins a document that is empty
            yield CatalogDocument(place, content)


def _entry(content: object) -> _Entry:
    if not isinstance(content, dict):
        raise _Strange("is no object")
    return _backstage(content) if "kind" in content or "apiVersion" in content else _tracker(content)


def _backstage(entity: Mapping[str, Any]) -> _Entry:
    kind, metadata, spec = entity.get("kind"), _mapping(entity.get("metadata")), _mapping(entity.get("spec"))
    if str(kind).casefold() not in _KINDS:
        raise _Strange(f"the kind {kind} is no service")
    members, skips = Members(), list[str]()
    needs: list[str] = []
    for reference in [*_texts(spec.get("dependsOn")), *(f"api:{_name(api)}" for api in _texts(spec.get("consumesApis")))]:
        if _kind(reference, "component") in _KINDS:
            needs.append(_name(reference))
        else:
            skips.append(f"depends on {reference}, which is no service")
    if needs:
        members["depends_on"] = list(dict.fromkeys(needs))
    if owner := _text(spec.get("owner")):
        members["owner"] = _name(owner)
        if _kind(owner, "group") == "group":
            members["team"] = _name(owner)
    annotations = _mapping(metadata.get("annotations"))
    if repo := next(filter(None, (_text(annotations.get(slug)) for slug in _SLUGS)), None):
        members["repo"] = repo
    apis = [_name(api) for api in _texts(spec.get("providesApis"))]  # who calls an API calls who provides it
    return _Entry(_own_name(metadata.get("name")), members, apis, skips)


def _tracker(entry: Mapping[str, Any]) -> _Entry:
    members = Members()
    if needs := [name for name in map(_own_text, _items(entry.get("dependenciesOut"))) if name]:
        members["depends_on"] = list(dict.fromkeys(needs))
    for member, source in (("owner", "owner"), ("repo", "repository")):
        if text := _own_text(entry.get(source)):
            members[member] = text
    callers = [name for name in map(_own_text, _items(entry.get("dependenciesIn"))) if name]
    return _Entry(_own_name(entry.get("name")), members, callers, [])


def _kind(reference: str, default: str) -> str:
    """Return the kind of an entity reference, `[kind:][namespace/]name`."""
    kind, colon, _ = reference.partition(":")
    return kind.strip().casefold() if colon else default


def _name(reference: str) -> str:
    return reference.rpartition(":")[2].rpartition("/")[2].strip()


def _own_name(value: object) -> str:
    if name := _text(value):
        return name
    raise _Strange("has no name")


def _own_text(value: object) -> str:
    """Return a text, or the name of an object that stands in its place."""
    return _text(value.get("name") if isinstance(value, dict) else value)


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _texts(value: object) -> list[str]:
    return [text for text in map(_text, _items(value)) if text]


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
