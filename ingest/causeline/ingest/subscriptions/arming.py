"""Rules to the processors: every partition of the ingest log is told of a subscription, again and again where that failed.

A rule that a processor knows already changes nothing, so it may be told at any time: at a server's start and once a day all of them are,
which heals whatever was interrupted between the configuration and the log.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

import msgspec
import structlog

from causeline.ingest.app import IngestService
from causeline.ingest.ports import ConfigLog
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS, ConfigView, Value
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import GONE_KEPT_MS, Rule, gone_in, held_in
from causeline.schemas.web.errors import RequestError

_log: Final = structlog.get_logger(__name__)

_CHUNK: Final = 100
_PACE_S: Final = 0.1
"""A thousand rules a second at most: what clients append at the same time is hardly delayed."""
_RETRY_S: Final = 2.0
_DAY_S: Final = 86_400.0
SETTLE_S: Final = 15.0
"""A write that was not acknowledged in time is on the log by then, or will not be: its client is closed after 7 s."""


def rule_record(rule: Rule, now: int) -> IngestRecord:
    """Return the record that tells a partition of a rule. `now` is ms UTC."""
    return IngestRecord(op="subscribe", tenant=rule.tenant, id=rule.id, ingest_ts=now, patch=msgspec.json.encode(rule).decode())


class Arming:
    """Tells rules, and keeps those that are late until they were told. `clock` tells ms UTC; one `run` a server."""

    def __init__(self, service: IngestService, config: ConfigLog, clock: Callable[[], int], *, settle_s: float = SETTLE_S) -> None:
        self._service, self._config, self._clock = service, config, clock
        self._settle_s = settle_s
        self._late: dict[str, Rule] = {}
        self._some: Final = asyncio.Event()
        self._doubt = False

    @property
    def late(self) -> int:
        """How many rules are still to be told."""
        return len(self._late)

    async def tell(self, rules: Sequence[Rule]) -> None:
        """Return once every partition has them. Raises Unavailable, and then goes on trying in the background."""
        try:
            for start in range(0, len(rules), _CHUNK):
                await self._tell(rules[start : start + _CHUNK])
        except BaseException:  # also where the caller was cancelled: the configuration holds what nobody was told
            self._remember(rules)
            raise

    def doubt(self) -> None:
        """Tell all rules again before long: a write of the configuration has an unknown outcome, and if it is there, nobody was told."""
        self._doubt = True
        self._some.set()

    async def run(self) -> None:
        """Tell all rules, now and once a day, and in between what is late. Ends when it is cancelled."""
        await self._config.caught_up()
        while True:
            rules = list(rules_in(self._config.view))
            self._remember(rules)
            await self._catch_up()
            _log.info("subscriptions told to the processors", rules=len(rules))
            await self._forget()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DAY_S):
                    await self._watch()

    async def _watch(self) -> None:
        """Tell what is late, as soon as something is; return where all has to be told again."""
        while True:
            await self._some.wait()
            await self._catch_up()
            if self._doubt:
                await asyncio.sleep(self._settle_s)
                self._doubt = False
                return

    async def _tell(self, rules: Sequence[Rule]) -> None:
        now = self._clock()
        await asyncio.gather(*(self._service.broadcast(rule_record(rule, now)) for rule in rules))

    def _remember(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            late = self._late.get(rule.id)
            if late is None or late.revision < rule.revision:
                self._late[rule.id] = rule
        self._some.set()

    async def _catch_up(self) -> None:
        self._some.clear()  # first: what is said meanwhile is looked at again
        while self._late:
            chunk = list(islice(self._late.values(), _CHUNK))
            try:
                await self._tell(chunk)
            except RequestError as error:
                _log.warning("subscriptions cannot be told to the processors yet", late=len(self._late), reason=error.message)
                await asyncio.sleep(_RETRY_S)
                continue
            for rule in chunk:
                if self._late.get(rule.id) is rule:
                    del self._late[rule.id]
            await asyncio.sleep(_PACE_S)

    async def _forget(self) -> None:
        """Take away what is gone for long. A project's set is left to its own changes: writing it here could undo one."""
        before = self._clock() - GONE_KEPT_MS
        for key, value in self._config.view.all(HOOKS).items():
            if _ended_before(value, before):
                with suppress(RequestError):
                    await self._config.put(HOOKS, key, None)


def _ended_before(value: Value, moment: int) -> bool:
    """Return whether a value holds nothing but ends, all of them before a moment (ms UTC). What cannot be read does not: it is kept."""
    try:
        ends = gone_in(value)
    except msgspec.ValidationError:
        return False
    return bool(ends) and all(one.at < moment for one in ends)


def rules_in(view: ConfigView) -> Iterator[Rule]:
    """Return the rules of all subscriptions, and of those that ended not long ago. What cannot be read is logged and left out."""
    for kind in (HOOKS, SUBSCRIPTIONS):
        for key, value in view.all(kind).items():
            try:
                rules = [subscription.rule for subscription in held_in(kind, value)] + [end.rule for end in gone_in(value)]
            except msgspec.ValidationError as error:
                _log.error("a subscription cannot be read", kind=kind, key=key, error=str(error))
                continue
            yield from rules
