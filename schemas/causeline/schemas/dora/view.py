"""The definitions of every tenant as this process has followed them: the fold of their records, in the order of the log.

Every server folds the same records in the same order, so a number means the same definition everywhere and for ever. Version 1 is the one
that holds where nobody said anything. A record that says what holds already, or what its key said before, makes no version: two servers may
both have found that something changes. A record that is applied again changes nothing.

What must change together: nothing here may depend on a setting or a clock, or two servers would count differently.
"""

from typing import Final, NamedTuple

import msgspec

from causeline.schemas.dora.definition import Definition
from causeline.schemas.dora.record import DefinitionRecord, Use, definition_record
from causeline.schemas.records.config import DEFINITIONS, ConfigView, Value

MAX_VERSIONS: Final = 1_000
"""Of one tenant: somebody who changes the definition every day is refused after almost three years."""
MAX_DEFINITION_BYTES: Final = 16 << 20
"""Of all versions of a tenant. Every server holds them."""
NO_ROOM: Final = 0
"""The version that a record made which came when there were as many as there may be."""

_FIRST: Final = Definition()


class KeptUse(NamedTuple):
    """A key that was used, the version that its request was answered with, and the record that it lies in."""

    use: Use
    version: int
    record_id: str
    is_alone: bool
    """Whether the record holds nothing else, so that it may be taken away once the key is forgotten."""


class TenantDefinitions:
    """What holds of one tenant. `outcomes` says which version each record stands for."""

    def __init__(self) -> None:
        self.versions: Final = [_FIRST]
        self.outcomes: Final[dict[str, int]] = {}
        self.uses: Final[dict[str, KeptUse]] = {}
        self._bytes = _size(_FIRST)

    @property
    def current(self) -> Definition:
        """Return the newest version."""
        return self.versions[-1]

    def version(self, number: int) -> Definition | None:
        """Return a version, None where there is none of this number."""
        return self.versions[number - 1] if 1 <= number <= len(self.versions) else None

    def use(self, name: str, at: int) -> KeptUse | None:
        """Return what was said under a key (hashed; '' for none), None where it is not known at a time (ms UTC)."""
        former = self.uses.get(name) if name else None
        return former if former and former.use.is_known(at) else None

    def has_room(self, definition: Definition) -> bool:
        """Return whether one more version may be kept."""
        return len(self.versions) < MAX_VERSIONS and self._bytes + _size(definition) <= MAX_DEFINITION_BYTES

    def take(self, record_id: str, record: DefinitionRecord | None) -> None:
        """Apply the next record of the log. None takes a record away: a version stays, a use of a key is forgotten."""
        if record is None:
            for name in [name for name, former in self.uses.items() if former.record_id == record_id and former.is_alone]:
                del self.uses[name]
                self.outcomes.pop(record_id, None)
        elif record_id not in self.outcomes:
            self.outcomes[record_id] = version = self._outcome(record)
            if record.use and version and not self.use(record.use.name, record.at):
                self.uses[record.use.name] = KeptUse(record.use, version, record_id, record.definition is None)

    def _outcome(self, record: DefinitionRecord) -> int:
        if record.definition is None:
            return record.version
        if record.use and (former := self.use(record.use.name, record.at)):
            return former.version
        if is_same(record.definition, self.current):
            return self.current.version
        if not self.has_room(record.definition):
            return NO_ROOM
        number = len(self.versions) + 1
        self.versions.append(msgspec.structs.replace(record.definition, version=number))
        self._bytes += _size(record.definition)
        return number


class DefinitionView:
    """The fold of the configuration's definitions, kept up by listening. Made before the configuration is followed, or later."""

    def __init__(self, view: ConfigView) -> None:
        self._tenants: dict[str, TenantDefinitions] = {}
        view.follow(self._take)
        for key, value in view.in_order(DEFINITIONS):
            self._take(DEFINITIONS, key, value)

    def of(self, tenant: str) -> TenantDefinitions:
        """Return what holds of a tenant: the first version where nothing was said."""
        return self._tenants.get(tenant) or TenantDefinitions()

    def current(self, tenant: str) -> Definition:
        """Return the definition that holds now."""
        return self.of(tenant).current

    def version(self, tenant: str, number: int) -> Definition | None:
        """Return a version of a tenant's definition, None where there is none of this number."""
        return self.of(tenant).version(number)

    def _take(self, kind: str, key: str, value: Value | None) -> None:
        if kind == DEFINITIONS:
            tenant, _, record_id = key.partition("/")
            record = None if value is None else definition_record(value)
            self._tenants.setdefault(tenant, TenantDefinitions()).take(record_id, record)


def is_same(one: Definition, other: Definition) -> bool:
    """Return whether two definitions mean the same by the same words, whatever their numbers."""
    return msgspec.structs.replace(one, version=0) == msgspec.structs.replace(other, version=0)


def _size(definition: Definition) -> int:
    return len(msgspec.json.encode(definition))
