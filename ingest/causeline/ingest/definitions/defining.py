"""What the handlers of a definition do after they have parsed: look at what holds, and write the configuration, a tenant's PUTs in turn.

Who says what holds already writes nothing but its key. What a server believes to be new may be said by another one at the same moment: the
fold decides (`causeline.schemas.dora.view`), and the answer is what it made of the record.
"""

import asyncio
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import structlog

from causeline.ingest.configuration import read_configuration
from causeline.ingest.idempotency import HEADER, fingerprint_of
from causeline.ingest.ports import ConfigLog, RandomBytes
from causeline.schemas.dora.definition import Definition
from causeline.schemas.dora.record import DefinitionRecord, Use, definition_key
from causeline.schemas.dora.view import MAX_DEFINITION_BYTES, MAX_VERSIONS, NO_ROOM, DefinitionView, TenantDefinitions, is_same
from causeline.schemas.dora.views import definition_view
from causeline.schemas.records.config import DEFINITIONS, Value
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Conflict, FieldError

MAX_LONE_KEYS: Final = 1_000
"""Keys of requests that found what they said already; beyond it their repeats are judged by what holds then."""
_SWEPT: Final = 100
"""Forgotten keys that a request takes away beside its own work."""
_log: Final = structlog.get_logger(__name__)


class Author(NamedTuple):
    """Who says something, when (ms UTC), and under which idempotency key ('' without)."""

    caller: str
    at: int
    key: str


class Defining:
    """The definitions of one server; `key_window_ms` is how long an idempotency key is known, `random` makes the ids of records."""

    def __init__(self, config: ConfigLog, definitions: DefinitionView, random: RandomBytes, key_window_ms: int = 3_600_000) -> None:
        self._config, self._definitions, self._random = config, definitions, random
        self._key_window_ms = key_window_ms
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of(self, tenant: str) -> TenantDefinitions:
        """Return what holds of a tenant, once this server has read what was written before it began. Raises Unavailable."""
        await read_configuration(self._config)
        return self._definitions.of(tenant)

    async def put(self, tenant: str, definition: Definition, author: Author) -> Definition:
        """Let a definition hold from here on; return it with its version, that of before where nothing changes.

        Raises Conflict where there are too many versions or the key came with other content, Unavailable: the outcome is then unknown.
        """
        lock = self._changing.setdefault(tenant, asyncio.Lock())
        async with lock:
            holding = await self.of(tenant)
            use = self._use(definition, author)
            if use and (former := holding.use(use.name, author.at)):
                return _demand(holding, _version_of_key(former.use, use, former.version))
            is_news = not is_same(definition, holding.current)
            if is_news and not holding.has_room(definition):
                raise _full()
            old_records = _forgotten_records(holding, author.at)
            if not is_news and (
                use is None or sum(former.is_alone for former in holding.uses.values()) - len(old_records) >= MAX_LONE_KEYS
            ):
                return holding.current
            record = DefinitionRecord(
                definition=definition if is_news else None,
                version=0 if is_news else holding.current.version,
                at=author.at,
                by=author.caller,
                use=use,
            )
            return await self._write(tenant, record, old_records)

    async def _write(self, tenant: str, record: DefinitionRecord, old_records: list[str]) -> Definition:
        record_id = ids.uuid7(record.at, self._random(10))
        values: dict[str, Value | None] = {definition_key(tenant, record_id): record.value}
        await self._config.put_all(DEFINITIONS, values | {definition_key(tenant, old): None for old in old_records})
        holding = await self.of(tenant)
        after = _demand(holding, holding.outcomes[record_id])
        if record.use and (former := holding.use(record.use.name, record.at)):
            _version_of_key(former.use, record.use, former.version)
        _log.info("definition put", tenant=tenant, version=after.version)
        return after

    def _use(self, definition: Definition, author: Author) -> Use | None:
        if not author.key:
            return None
        content = {**definition_view(definition), "version": None}
        name = str(ids.fingerprint(author.key.encode()))
        return Use(name=name, fingerprint=fingerprint_of(content), at=author.at, known_ms=self._key_window_ms)


def _version_of_key(before: Use, now: Use, version: int) -> int:
    """Return the version that a key stands for. Raises Conflict where it came with other content."""
    if before.fingerprint != now.fingerprint:
        message = "came with other content before"
        raise Conflict(f"{HEADER}: {message}", (FieldError(HEADER, message),))
    return version


def _demand(holding: TenantDefinitions, version: int) -> Definition:
    definition = holding.version(version)
    if version == NO_ROOM or definition is None:
        raise _full()
    return definition


def _full() -> Conflict:
    return Conflict(f"a tenant's definition has at most {MAX_VERSIONS:,} versions of {MAX_DEFINITION_BYTES >> 20} MiB together")


def _forgotten_records(holding: TenantDefinitions, at: int) -> list[str]:
    """Return records that hold nothing but a key that is forgotten."""
    return [former.record_id for former in holding.uses.values() if former.is_alone and not former.use.is_known(at)][:_SWEPT]
