"""What both APIs of subscriptions do after they have parsed: look at what holds, seal, write the configuration, tell the processors."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import msgspec

from causeline.ingest.app import IngestService
from causeline.ingest.change_turns import ChangeTurns
from causeline.ingest.configuration import read_configuration
from causeline.ingest.ports import ConfigLog, HealthView
from causeline.ingest.subscriptions.arming import Arming
from causeline.ingest.subscriptions.judging import Judging
from causeline.ingest.subscriptions.views import StoredSubscription
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS, ConfigView, Value
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.rules import Rule, Subscription, has_ended, hook_key
from causeline.schemas.subscriptions.sealing import Sealer, UnsealFailed
from causeline.schemas.web.errors import Invalid, Unavailable

MAX_SUBSCRIPTIONS: Final = 10_000
"""Of one tenant, native ones and members of projects' sets together. Each partition matches every event against the rules of its tenant and
holds them in memory, and every server at its start appends all of them to every partition."""
ConfigKey = tuple[str, str]
"""Kind and key of a configuration value."""
_NO_KEY_S: Final = 60
"""Retry-After where an operator has to act first."""


class Subscribing:
    """The subscriptions of one server. `sealer` None: no key was set, and nothing that holds a secret can be stored."""

    def __init__(
        self, service: IngestService, config: ConfigLog, health: HealthView, arming: Arming, *, sealer: Sealer | None, allow_list: AllowList
    ) -> None:
        self.service: Final = service
        self.health: Final = health
        self.allow_list: Final = allow_list
        self.judging: Final = Judging()
        self._config, self._arming, self._sealer = config, arming, sealer
        self._turns = ChangeTurns()
        self._being_made: Final[dict[str, dict[ConfigKey, int]]] = {}

    async def view(self) -> ConfigView:
        """Return what holds, once this server has read what was written before it began. Raises Unavailable."""
        return await read_configuration(self._config)

    @asynccontextmanager
    async def changing(self, key: str) -> AsyncIterator[None]:
        """Change one value after the other, within this server. Of two servers, the last one on the log holds."""
        async with self._turns.of(key):
            yield

    @contextmanager
    def making(self, view: ConfigView, tenant: str, place: ConfigKey, size: int) -> Iterator[None]:
        """Let a value hold so many subscriptions; those that are being written meanwhile count. Raises Invalid where they are too many.

        Who asks for no more than the value holds may have them, however many the tenant has.
        """
        counts, meanwhile = sizes(view, tenant), self._being_made.setdefault(tenant, {})
        if size > counts.get(place, 0) and sum((counts | meanwhile | {place: size}).values()) > MAX_SUBSCRIPTIONS:
            raise Invalid(f"a tenant has at most {MAX_SUBSCRIPTIONS} subscriptions, those of projects' sets among them")
        meanwhile[place] = size
        try:
            yield
        finally:
            del meanwhile[place]
            if not meanwhile:
                self._being_made.pop(tenant, None)

    def seal(self, text: str) -> str:
        """Return a secret encrypted. Raises Unavailable without a key."""
        return self._key().seal(text)

    def unseal(self, sealed: str) -> str:
        """Return a secret. Raises Unavailable without a key, or with another one."""
        try:
            return self._key().open(sealed)
        except UnsealFailed as error:
            raise Unavailable(f"{error}: CAUSELINE_SECRETS_KEY must hold the key that it was encrypted with", _NO_KEY_S) from error

    def _key(self) -> Sealer:
        if self._sealer is None:
            raise Unavailable("subscriptions hold secrets, and no key is set to encrypt them: set CAUSELINE_SECRETS_KEY", _NO_KEY_S)
        return self._sealer

    async def store(self, kind: str, key: str, value: Value, rules: Sequence[Rule]) -> None:
        """Write a value, then tell its rules to the processors. Raises Unavailable (told later, if it was written) or TooLarge."""
        try:
            await self._config.put(kind, key, value)
        except (Unavailable, asyncio.CancelledError):
            self._arming.doubt()
            raise
        await self._arming.tell(rules)

    async def tell(self, rules: Sequence[Rule]) -> None:
        """Tell rules again, for a repeat whose first time may have been interrupted. Raises Unavailable."""
        await self._arming.tell(rules)


def sizes(view: ConfigView, tenant: str) -> dict[ConfigKey, int]:
    """Return how many subscriptions each value of a tenant holds."""
    own = {(HOOKS, key): 1 for key, value in view.all(HOOKS, hook_key(tenant, "")).items() if not has_ended(value)}
    return own | {(SUBSCRIPTIONS, key): len(value.get("hooks", ())) for key, value in view.all(SUBSCRIPTIONS, f"{tenant}/").items()}


def find_subscription(view: ConfigView, tenant: str, subscription_id: str) -> StoredSubscription | None:
    """Return a subscription of a tenant, None where there is none."""
    value = view.get(HOOKS, hook_key(tenant, subscription_id))
    if value is not None:
        return None if has_ended(value) else held_of(value)
    return next((held_of(value, project) for one, value, project in _of_projects(view, tenant) if one == subscription_id), None)


def behind(view: ConfigView, tenant: str, after: str) -> Iterator[StoredSubscription]:
    """Yield a tenant's subscriptions behind an id, in the order of ids. What cannot be read is left out: `arming.rules_in` logs it."""
    prefix = hook_key(tenant, "")
    hooks = [(key.removeprefix(prefix), value, None) for key, value in view.all(HOOKS, prefix).items() if not has_ended(value)]
    for _, value, project in sorted((one for one in [*hooks, *_of_projects(view, tenant)] if one[0] > after), key=lambda one: one[0]):
        if (entry := held_of(value, project)) is not None:
            yield entry


def held_of(value: Value, project: str | None = None) -> StoredSubscription | None:
    """Return the subscription of a stored value, None where it cannot be read."""
    try:
        return StoredSubscription(msgspec.convert(value, Subscription), project, value.get("said", ""))
    except msgspec.ValidationError:
        return None


def _of_projects(view: ConfigView, tenant: str) -> list[tuple[str, Value, str | None]]:
    """Return id, value and project of each member that has an id."""
    sets = [(key.partition("/")[2], value.get("hooks")) for key, value in view.all(SUBSCRIPTIONS, f"{tenant}/").items()]
    members = [(project, hook) for project, hooks in sets if isinstance(hooks, list) for hook in hooks]
    rows = [(_id_of(hook), hook, project) for project, hook in members]
    return [(subscription_id, hook, project) for subscription_id, hook, project in rows if subscription_id]


def _id_of(hook: object) -> str:
    rule = hook.get("rule") if isinstance(hook, dict) else None
    subscription_id = rule.get("id") if isinstance(rule, dict) else None
    return subscription_id if isinstance(subscription_id, str) else ""
