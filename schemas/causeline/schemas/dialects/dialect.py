"""What an event API states of itself, once and for all slices: how it is spoken over HTTP, and what its events mean.

Whoever holds one of its routes has the record; whoever holds an event finds it by the name that stands in the event.
"""

from collections.abc import Callable, Iterable, Iterator

from causeline.schemas.dialects import patches
from causeline.schemas.dialects.patches import Merger
from causeline.schemas.dialects.signals import SignalOf, silent
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import Signal
from causeline.schemas.web.api import Api


def stored_form(event: Event) -> str:
    """Return the id of an event as it is stored, which most APIs show."""
    return event.id


class Dialect(Api, frozen=True, kw_only=True, eq=False):
    """An event API. Its `name` stands in every event (`Event.dialect`). `merge` is None where events cannot be patched.

    `shown_id` is the id by which clients know an event, `id_of_shown` reads Causeline's from it where it tells that; None: nothing to read.
    """

    signal_of: SignalOf = silent
    merge: Merger | None = None
    shown_id: Callable[[Event], str] = stored_form
    id_of_shown: Callable[[str], str | None] | None = None

    def apply_patch(self, event: Event, patch: str | bytes) -> Event:
        """Return the next version of an event under a patch, a JSON object in the words of this API.

        Raises ValueError for an API without patches, or a patch or stored event that cannot be read.
        """
        if self.merge is None:
            raise ValueError(f"events of {self.name} cannot be patched")
        return patches.apply(self.merge, event, patch)


class Dialects:
    """Event APIs in their order, and by name."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._by_name = {dialect.name: dialect for dialect in dialects}

    def __iter__(self) -> Iterator[Dialect]:
        return iter(self._by_name.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Return their names, in order."""
        return tuple(self._by_name)

    def signal_of(self, event: Event) -> Signal:
        """Return what an event says of its own problem, '' for one of no known API."""
        dialect = self._by_name.get(event.dialect)
        return "" if dialect is None else dialect.signal_of(event)

    def shown_id(self, event: Event) -> str:
        """Return the id by which clients of its API know an event."""
        dialect = self._by_name.get(event.dialect)
        return event.id if dialect is None else dialect.shown_id(event)

    def id_of_shown(self, text: str) -> str:
        """Return the id that some API shows as this text, the text itself where none says so."""
        found = (dialect.id_of_shown(text) for dialect in self if dialect.id_of_shown is not None)
        return next(filter(None, found), text)

    def merge(self, event: Event, patch: str | bytes) -> Event:
        """Return the next version of an event under a patch (see `Dialect.apply_patch`). Raises ValueError, also for no known API."""
        dialect = self._by_name.get(event.dialect)
        if dialect is None:
            raise ValueError(f"events of {event.dialect} cannot be patched")
        return dialect.apply_patch(event, patch)
