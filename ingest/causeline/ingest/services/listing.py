"""Which services a list is of, in which order: by team, by words, by whom they depend on; or which a mistyped name is near to. Pure."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from causeline.schemas.topology.near_names import nearest_names
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.errors import FieldError, Invalid
from causeline.schemas.web.listing import ListingQuestion

SERVICE_FILTERS: Final[Mapping[str, Collection[str]]] = MappingProxyType({"team": (), "q": (), "depends_on": (), "near": ()})


def select_services(topology: Topology, listing: ListingQuestion) -> Iterator[Service]:
    """Yield the services behind a place in the order of names that a question asks for. Raises Invalid where filters exclude each other.

    With `near` they are in the order of nearness, `limit` at most: there is no page behind these, and no other filter.
    """
    if "near" in listing.filters:
        if len(listing.filters) > 1 or listing.after:
            raise Invalid.naming([FieldError("near", "stands alone: beside no other filter and no cursor")], where="QUERY")
        return iter(_near(topology, listing.first("near"), listing.limit))
    teams, words, callee = listing.filters.get("team"), listing.first("q").casefold(), listing.first("depends_on")
    callers = topology.callers(callee) if callee else frozenset()

    def fits(service: Service) -> bool:
        return (
            (not teams or service.team in teams)
            and (not words or any(words in name.casefold() for name in (service.name, *service.aliases)))
            and (not callee or service.name in callers)
        )

    return (service for service in topology.services.values() if service.name > listing.after and fits(service))


def _near(topology: Topology, text: str, most: int) -> list[Service]:
    names = {name for service in topology.services.values() for name in (service.name, *service.aliases)}
    owners = dict.fromkeys(map(topology.resolve, nearest_names(text, names, most)))
    return [topology.services[name] for name in owners if name in topology.services]
