"""Sessions of browsers: what is kept of one, the cookie that shows it, and when it holds. Pure.

A cookie is `place:secret:second:tenant:signature`. The place is where the session is kept, one of `PLACES`: what ended leaves its own to
the next one, so the log holds no more records than there are places, however often people sign in. Of the secret only a SHA-256 is kept,
as of a token. The second says when the visitor was last here, and the tenant whose events they look at: both change without a write, so
they are signed, by a key that is kept with the session. Who reads the log cannot make a cookie, who has a cookie cannot make it younger,
and every server can tell.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from causeline.deploy.access import tokens
from causeline.schemas.records.config import SESSIONS, ConfigView, Value
from causeline.schemas.web.principal import Principal

PLACES: Final = 10_000
"""Sessions of all tenants together. A record is some 500 bytes, the largest (eight tenants of OIDC) 16 KiB."""
MAX_GRANTS: Final = 8
SIGNING_BYTES: Final = 32
RENEW_S: Final = 60
"""A visitor's cookie is made anew this often, and no oftener."""
_SIGNATURE: Final = 32
_COOKIE: Final = re.compile(r"(\d{1,5}):([A-Za-z0-9_-]{47}):(\d{1,12}):([A-Za-z0-9._-]{1,128}):([0-9a-f]{32})", re.ASCII)


class SessionRules(NamedTuple):
    """How long a session lasts without a visit, and at all (ms), and how many a tenant may have."""

    idle_ms: int = 12 * 3_600_000
    length_ms: int = 7 * 86_400_000
    most: int = 1_000


DEFAULT_RULES: Final = SessionRules()


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a session may do in a tenant: what its token (a SHA-256) may while that holds, or what was said of its owner until `expires`."""

    tenant: str
    token: str = ""
    scopes: list[str] = []
    groups: list[str] = []
    name: str = ""
    expires: int | None = None

    def principal(self, view: ConfigView, now: int) -> Principal | None:
        """Return who the visitor is in this tenant at `now` (ms UTC), None where that no longer holds."""
        if self.token:
            token = tokens.find_digest(view, self.token, now)
            return None if token is None or token.tenant != self.tenant else token.principal
        if self.expires is not None and now >= self.expires:
            return None
        return Principal(self.tenant, frozenset(self.scopes), tuple(self.groups), self.name)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept. It was begun by the first grant, and ends with it; `owner` is alike in all sessions of one. Times are ms UTC."""

    id: str
    sha256: str
    key: str
    owner: str
    grants: list[Grant]
    created: int
    expires: int

    @property
    def name(self) -> str:
        """What the owner is called, where that was said."""
        return self.grants[0].name

    def holds(self, view: ConfigView, now: int) -> bool:
        """Return whether it has not ended, by its time or by what began it."""
        return now < self.expires and self.grants[0].principal(view, now) is not None


class Visitor(NamedTuple):
    """A session that a cookie showed, where it is kept, in which tenant the visitor is as whom, and when they were last here (s UTC)."""

    session: Session
    place: str
    secret: str
    principal: Principal
    second: int

    def cookie(self, now: int, tenant: str = "") -> str:
        """Return the cookie that shows the session from `now` (ms UTC) on, in this tenant or another one of it."""
        return cookie_text(self.session, self.place, self.secret, now, tenant or self.principal.tenant)

    def is_due(self, now: int) -> bool:
        """Return whether the cookie is to be made anew."""
        return now // 1_000 - self.second >= RENEW_S


def make_session(secret: str, key: bytes, owner: str, grants: list[Grant], now: int, rules: SessionRules) -> Session:
    """Return a session that begins. `secret` is a token's text, `key` are `SIGNING_BYTES`, both random."""
    sha256 = tokens.token_digest(secret)
    return Session(id=sha256[:16], sha256=sha256, key=key.hex(), owner=owner, grants=grants, created=now, expires=now + rules.length_ms)


def cookie_text(session: Session, place: str, secret: str, now: int, tenant: str) -> str:
    """Return the cookie that shows a session, seen at `now` (ms UTC), in a tenant."""
    second = str(now // 1_000)
    return f"{place}:{secret}:{second}:{tenant}:{_sign(session, second, tenant)}"


def _sign(session: Session, second: str, tenant: str) -> str:
    text = f"{session.sha256}:{second}:{tenant}"
    return hmac.new(bytes.fromhex(session.key), text.encode(), hashlib.sha256).hexdigest()[:_SIGNATURE]


def find_visitor(view: ConfigView, cookie: str, now: int, rules: SessionRules) -> Visitor | None:
    """Return whose cookie this is at `now` (ms UTC), None for one that is none, or whose session or grant has ended."""
    parts = _COOKIE.fullmatch(cookie)
    value = None if parts is None else view.get(SESSIONS, parts[1])
    if parts is None or value is None:
        return None
    place, secret, second, tenant, signature = parts.groups()
    session = read_session(value)
    is_known = hmac.compare_digest(session.sha256, tokens.token_digest(secret))
    is_ours = hmac.compare_digest(_sign(session, second, tenant), signature)
    if not (is_known and is_ours and now < int(second) * 1_000 + rules.idle_ms and session.holds(view, now)):
        return None
    grant = next((one for one in session.grants if one.tenant == tenant), None)
    principal = None if grant is None else grant.principal(view, now)
    return None if principal is None else Visitor(session, place, secret, principal, int(second))


def live_principals(view: ConfigView, session: Session, now: int) -> list[Principal]:
    """Return who the owner is in each tenant of a session, in the order in which they came."""
    return [principal for grant in session.grants if (principal := grant.principal(view, now)) is not None]


def list_sessions(view: ConfigView, now: int) -> list[tuple[str, Session]]:
    """Return every session that holds, oldest first, with its place."""
    live = [(place, session) for place, session in _all(view) if session.holds(view, now)]
    return sorted(live, key=lambda one: (one[1].created, one[1].id))


def sessions_of(view: ConfigView, owner: str, now: int) -> list[Session]:
    """Return the sessions of an owner that hold, oldest first."""
    own = [read_session(value) for _, value in view.in_order(SESSIONS) if value["owner"] == owner]
    return sorted((session for session in own if session.holds(view, now)), key=lambda one: (one.created, one.id))


def choose_place(view: ConfigView, grants: list[Grant], number: int, now: int, rules: SessionRules) -> str | None:
    """Return where a new session is kept: that of its tenant's oldest one where the tenant has as many as it may, else a free place.

    None where there is none. `number` is random: two servers that look at one moment do not take the same.
    """
    for tenant in {grant.tenant for grant in grants}:
        places = _places_of(view, tenant, now)
        if len(places) >= rules.most:
            return places[0]
    return next((place for place in _places(number) if not _is_taken(view, place, now)), None)


def _places_of(view: ConfigView, tenant: str, now: int) -> list[str]:
    """Return where a tenant's sessions are kept, that of the oldest first. Only these are read: reading all 10,000 takes 0.2 s."""
    candidates = [
        (place, read_session(value))
        for place, value in view.in_order(SESSIONS)
        if any(grant["tenant"] == tenant for grant in value["grants"])
    ]
    live = sorted((session.created, session.id, place) for place, session in candidates if session.holds(view, now))
    return [place for _, _, place in live]


def _is_taken(view: ConfigView, place: str, now: int) -> bool:
    value = view.get(SESSIONS, place)
    return value is not None and read_session(value).holds(view, now)


def _places(number: int) -> Iterator[str]:
    return (str((number + step) % PLACES) for step in range(PLACES))


def session_value(session: Session) -> Value:
    """Return the value under `SESSIONS` and its place."""
    return {**msgspec.structs.asdict(session), "grants": [msgspec.structs.asdict(grant) for grant in session.grants]}


def read_session(value: Mapping[str, object]) -> Session:
    """Return what a value of the configuration says."""
    return msgspec.convert(value, Session)


def _all(view: ConfigView) -> Iterator[tuple[str, Session]]:
    return ((place, read_session(value)) for place, value in view.in_order(SESSIONS))
