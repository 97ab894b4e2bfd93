"""Where sessions begin, grow and end: what the pages and commands of sessions do once they know who asks. Each is one record written."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import structlog

from causeline.deploy.access import tokens
from causeline.deploy.access.sessions import (
    MAX_GRANTS,
    PLACES,
    SIGNING_BYTES,
    Grant,
    Session,
    SessionRules,
    Visitor,
    choose_place,
    cookie_text,
    list_sessions,
    make_session,
    session_value,
    sessions_of,
)
from causeline.ingest.change_turns import ChangeTurns
from causeline.ingest.configuration import read_configuration
from causeline.ingest.ports import ConfigLog, RandomBytes
from causeline.schemas.records.config import SESSIONS, ConfigView
from causeline.schemas.web.errors import Conflict, Unavailable

_TURN: Final = "sessions"
_log: Final = structlog.get_logger(__name__)


class Opening(NamedTuple):
    """A session that was written, and the cookie that shows it."""

    session: Session
    cookie: str


class SessionDesk:
    """The sessions of one server: one change after the other, so that two visitors do not take one place. `random` makes secrets."""

    def __init__(self, config: ConfigLog, rules: SessionRules, random: RandomBytes) -> None:
        self._config, self._rules, self._random = config, rules, random
        self._turns = ChangeTurns()

    @property
    def view(self) -> ConfigView:
        """What holds now."""
        return self._config.view

    async def begin(self, owner: str, grants: list[Grant], now: int, former: Visitor | None = None) -> Opening:
        """Begin a session at `now` (ms UTC) with these grants, in the tenant of the first, in place of a former one of the same browser.

        Raises Unavailable: no place is free, or the outcome is unknown.
        """
        secret, key = tokens.token_text(self._random(tokens.SECRET_BYTES)), self._random(SIGNING_BYTES)
        session = make_session(secret, key, owner, grants[:MAX_GRANTS], now, self._rules)
        async with self._turns.of(_TURN):
            view = await read_configuration(self._config)
            number = int.from_bytes(self._random(4)) % PLACES
            place = former.place if former else choose_place(view, session.grants, number, now, self._rules)
            if place is None:
                raise Unavailable(f"all {PLACES:,} sessions are in use", retry_after_s=60)
            await self._config.put(SESSIONS, place, session_value(session))
        _log.info("session begun", session=session.id, tenants=[grant.tenant for grant in session.grants], name=session.name)
        return Opening(session, cookie_text(session, place, secret, now, session.grants[0].tenant))

    async def add(self, visitor: Visitor, grant: Grant, now: int) -> Opening:
        """Let a session do in one more tenant what a grant says, or in one that it has, and go there.

        What it may is then another thing, so it has another cookie, and keeps its end. Raises Conflict: as many tenants as it may have.
        """
        before = visitor.session
        grants = [grant if one.tenant == grant.tenant else one for one in before.grants]
        grants += [] if grant in grants else [grant]
        if len(grants) > MAX_GRANTS:
            raise Conflict(f"a session has at most {MAX_GRANTS} tenants")
        secret, key = tokens.token_text(self._random(tokens.SECRET_BYTES)), self._random(SIGNING_BYTES)
        anew = make_session(secret, key, before.owner, grants, now, self._rules)
        session = msgspec.structs.replace(anew, created=before.created, expires=before.expires)
        await self._config.put(SESSIONS, visitor.place, session_value(session))
        _log.info("session has one more tenant", session=session.id, tenant=grant.tenant)
        return Opening(session, cookie_text(session, visitor.place, secret, now, grant.tenant))

    async def end(self, ids: Iterable[str], owner: str, now: int) -> list[str]:
        """End an owner's sessions with these ids; return those that there were."""
        chosen_ids = frozenset(ids)
        return await end_sessions(self._config, [session for session in self.of(owner, now) if session.id in chosen_ids], now)

    def of(self, owner: str, now: int) -> list[Session]:
        """Return the sessions of an owner that hold, oldest first."""
        return sessions_of(self.view, owner, now)


async def end_sessions(config: ConfigLog, sessions: Iterable[Session], now: int) -> list[str]:
    """End sessions, where they still hold; return their ids."""
    ids = frozenset(session.id for session in sessions)
    places = {place: session.id for place, session in list_sessions(config.view, now) if session.id in ids}
    if places:
        await config.put_all(SESSIONS, dict.fromkeys(places))
        _log.info("sessions ended", sessions=sorted(places.values()))
    return sorted(places.values())
