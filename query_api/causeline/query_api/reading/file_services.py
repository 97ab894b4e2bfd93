"""The services of changes that name files and none: whose `paths` match them, and which of these a ranking takes.

`files` lie in `raw` alone, which the rows of a window carry anyway. It is read of native changes without a service, at most the 64 MiB
that an answer of the store has. All of it runs in a thread, and nothing in it holds the interpreter longer than a text of 1 MiB takes.

A change may be of several services. It is ranked as of the closest to the problem: the problem's own, what that depends on, what calls it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.facts import ServiceOfFiles
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.event import Event
from causeline.schemas.topology.file_index import FileOwners
from causeline.schemas.topology.topology import Topology

_MOST_STEPS: Final = 2_000_000
"""Of the changes of one ranking together, the closest first: one to three seconds of a thread. Two thousand changes of twenty files in four
folders take a third of them."""
_MOST_SHOWN: Final = 200
"""Letters of a file's name in a reason."""


class _Sent(msgspec.Struct):
    """What of a change's JSON is read."""

    files: list[str] | None = None


_SENT: Final = msgspec.json.Decoder(_Sent)


class Neighbourhood(NamedTuple):
    """A problem's service ('' where it says none), what it depends on by hops, and what calls it."""

    own: str
    callees: Mapping[str, int]
    callers: frozenset[str]

    def distance(self, service: str) -> int:
        """Return how far away a service is, in the order of the feature `scope`."""
        if service == self.own:
            return 0
        far = max(self.callees.values(), default=0) + 1
        return self.callees.get(service, far if service in self.callers else far + 1)


def owners_of_changes(events: Iterable[Event], topology: Topology) -> dict[str, FileOwners]:
    """Return whose files were changed by those events that name files and no service, by their ids. `events` come closest first."""
    owners: dict[str, FileOwners] = {}
    if not topology.has_files:
        return owners
    steps = 0
    for event in events:
        if steps >= _MOST_STEPS:
            break
        if files := changed_files(event):
            file_owners = topology.owners_of_files(event.repo, files)
            steps += file_owners.steps
            if file_owners.services:
                owners[event.id] = file_owners
    return owners


def changed_files(event: Event) -> list[str]:
    """Return the files that a native change names where it names no service."""
    if event.service or event.dialect != NATIVE.name:
        return []
    try:
        return _SENT.decode(event.raw).files or []
    except msgspec.DecodeError:
        return []  # what came before `files` had a meaning may be anything


def services_of_files(owners: Mapping[str, FileOwners], near: Neighbourhood) -> dict[str, ServiceOfFiles]:
    """Return the closest service of each change."""
    return {event_id: _closest(file_owners, near) for event_id, file_owners in owners.items()}


def _closest(owners: FileOwners, near: Neighbourhood) -> ServiceOfFiles:
    service = min(owners.services, key=lambda name: (near.distance(name), name))
    own = owners.services[service]
    first = own.first if len(own.first) <= _MOST_SHOWN else f"{own.first[:_MOST_SHOWN]}…"
    more = f" and {own.number - 1:,} more" if own.number > 1 else ""
    return ServiceOfFiles(service, f"{first}{more}{f', of its first {owners.files:,} files' if owners.is_cut else ''}")
