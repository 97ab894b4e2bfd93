"""Credentials to principals, for every transport: HTTP header fields or gRPC metadata come in, a Principal or `Unauthorized` comes out.

It reads no clock and no socket: tokens are looked up in the folded configuration, JWTs verified with keys that were read before. What
is wrong with credentials is neither told in detail nor logged with them.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from causeline.deploy.access import jwts, tokens
from causeline.deploy.access.jwts import JwtRules
from causeline.deploy.access.own_pages import session_text
from causeline.deploy.access.sessions import DEFAULT_RULES, Grant, SessionRules, Visitor, find_visitor
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.config import ConfigView
from causeline.schemas.web.api import Api, Scheme
from causeline.schemas.web.errors import Unauthorized, Unavailable
from causeline.schemas.web.principal import Principal

_SCHEMES: Final[Mapping[str, Scheme]] = {"bearer": "bearer", "api-token": "api-token", "basic": "basic"}
CHALLENGE: Final[Mapping[Scheme, str]] = {"bearer": "Bearer", "api-token": "Api-Token", "basic": "Basic", "session": "Bearer"}
"""By what is asked for: a session is begun with a token (RFC 9110, 11.6.1 wants a scheme, and cookies have none)."""
API_TOKEN_PARAMETER: Final = "api-token"  # noqa: S105 - a name
_MAX_TOKEN: Final = 8_192
_JWT_DOTS: Final = 2

FieldPairs = Iterable[tuple[str, str]]


class Credentials(NamedTuple):
    """What a caller shows, and by which scheme."""

    scheme: Scheme
    secret: str


def credentials_of(headers: Mapping[str, str], query: Callable[[], FieldPairs]) -> Credentials | None:
    """Return the credentials of a request, None without usable ones (header names in lower case, `query` is asked only if needed).

    `Authorization: Bearer …` or `Api-token …`, schemes in any letter case (RFC 9110, 11.1); else the query parameter `api-token`, in
    any letter case (DESK Events API v1, "Authentication"). The header wins, also where it is not usable. Of `Basic` the password is the
    token, whatever the user (RFC 7617): clients of a schema registry send nothing else, so only it takes them.
    """
    header = headers.get("authorization")
    if header is not None:
        name, _, secret = header.strip().partition(" ")
        scheme = _SCHEMES.get(name.lower())
        return None if scheme is None else _credentials(scheme, _password(secret) if scheme == "basic" else secret)
    parameter = next((value for name, value in query() if name.lower() == API_TOKEN_PARAMETER), "")
    return _credentials("api-token", parameter)


def _password(secret: str) -> str:
    """Return the password of `Basic` credentials (RFC 7617: base64 of `user:password`), empty where there is none."""
    try:
        return base64.b64decode(secret.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _credentials(scheme: Scheme, secret: str) -> Credentials | None:
    secret = secret.strip()
    return Credentials(scheme, secret) if 0 < len(secret) <= _MAX_TOKEN else None


class Authenticator:
    """Knows who credentials belong to. `ready` tells whether the configuration was read: before that no token can be judged.

    `sessions` are the rules of those that begin with a form, `provider` is the name of who else says who visitors are, '' for nobody.
    """

    def __init__(
        self, view: ConfigView, ready: Callable[[], bool], rules: JwtRules, sessions: SessionRules = DEFAULT_RULES, provider: str = ""
    ) -> None:
        self._view = view
        self._ready = ready
        self._rules = rules
        self.session_rules = sessions
        self.provider = provider

    def authenticate(
        self,
        headers: Mapping[str, str],
        query: Callable[[], FieldPairs],
        now: int,
        api: Api = NATIVE,
    ) -> Principal:
        """Return who is asking at `now` (ms UTC); gRPC gives its metadata as `headers` and `tuple` as `query`.

        Raises Unauthorized without valid credentials of one of the API's schemes, Unavailable where they cannot be judged yet.
        """
        if session_text(api, headers):
            visitor = self.find_visitor(headers, now, api)
            if visitor is None:
                raise Unauthorized("the session has ended", provider=self.provider)
            return visitor.principal
        challenge = CHALLENGE[api.schemes[-1]]
        credentials = credentials_of(headers, query if "api-token" in api.schemes else tuple)
        if credentials is None or credentials.scheme not in api.schemes:
            raise Unauthorized(_refusal(api), challenge, self.provider)
        token = tokens.find_token(self._view, credentials.secret, now)
        if token is not None:
            return token.principal
        try:
            return self._of_jwt(credentials.secret, now)[0]
        except Unauthorized as refused:
            raise Unauthorized(_refusal(api, refused.message), challenge, self.provider) from refused

    def find_visitor(self, headers: Mapping[str, str], now: int, api: Api = NATIVE) -> Visitor | None:
        """Return whose session's cookie came along, None without one that holds. Raises Unavailable where that cannot be judged yet."""
        cookie = session_text(api, headers)
        visitor = find_visitor(self._view, cookie, now, self.session_rules) if cookie else None
        if cookie and visitor is None and not self._ready():
            raise Unavailable("the sessions were not read yet", retry_after_s=1)
        return visitor

    def grant_of(self, secret: str, now: int) -> Grant:
        """Return what a session that begins with this token may. Raises as `authenticate`."""
        token = tokens.find_token(self._view, secret, now) if 0 < len(secret) <= _MAX_TOKEN else None
        if token is not None:
            return Grant(tenant=token.tenant, token=token.sha256, name=token.name)
        principal, expires = self._of_jwt(secret, now)
        return Grant(
            tenant=principal.tenant,
            scopes=sorted(principal.scopes),
            groups=list(principal.groups),
            name=principal.name,
            expires=expires,
        )

    def _of_jwt(self, secret: str, now: int) -> tuple[Principal, int]:
        """Return who a JWT speaks for and until when; what is none is an unknown token."""
        if self._rules.any and secret.count(".") == _JWT_DOTS and len(secret) <= _MAX_TOKEN:
            return jwts.read_jwt(secret, self._rules, now)
        if not self._ready():
            raise Unavailable("the tokens were not read yet", retry_after_s=1)
        raise Unauthorized("the token is not valid", provider=self.provider)


def _refusal(api: Api, what: str = "") -> str:
    """Say it in the words of the API where it has some."""
    return api.unauthenticated or what or "give a token: `Authorization: Bearer …`"
