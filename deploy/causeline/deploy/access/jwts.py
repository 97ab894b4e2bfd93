"""JWTs (RFC 7519) to principals: HS256 by a shared secret, RS256 and ES256 by published keys, and nothing else.

The algorithm of a token is a claim of its bearer: it only chooses among the kinds of keys that are set up, each of which verifies with its
own algorithm (RFC 8725, 3.1), so a public key is never taken for a secret, and `none` has no key. Times are compared with `now`, not
with a clock of the library.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

import jwt

from causeline.deploy.access.jwks import KeySet
from causeline.schemas.web.errors import Unauthorized, Unavailable
from causeline.schemas.web.principal import SCOPES, TENANT, Principal

_SKEW_MS: Final = 60_000
"""How far the clock of an issuer may be ahead of ours. A token that has expired is not helped by it."""
_END: Final = 253_402_300_800
"""The year 10000, where the times of RFC 3339 end. Milliseconds in place of seconds, which would hold for 55,000 years, are beyond it."""
_PUBLISHED: Final = frozenset({"RS256", "ES256"})
_WITHOUT_CLOCK: Final = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}

Keys = Callable[[], KeySet | None]


class JwtRules(NamedTuple):
    """What a JWT is verified with. An empty secret refuses HS256, `keys` None the others; an empty issuer or audience is not checked."""

    secret: str = ""
    keys: Keys | None = None
    issuer: str = ""
    audience: str = ""

    @property
    def any(self) -> bool:
        """Return whether there is any way to verify one."""
        return bool(self.secret) or self.keys is not None


def read_jwt(token: str, rules: JwtRules, now: int) -> tuple[Principal, int]:
    """Return who a JWT speaks for at `now` and until when (ms UTC). Raises Unauthorized, or Unavailable: the keys were not read yet."""
    claims = verify_claims(token, rules, now, ["tenant"])
    return _principal(claims), int(claims["exp"] * 1_000)


def verify_claims(token: str, rules: JwtRules, now: int, required_names: list[str]) -> dict[str, Any]:
    """Return what a JWT says that holds at `now` (ms UTC), with at least these claims. Raises as `read_jwt`."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(rules, algorithm, header),
            algorithms=[algorithm],
            issuer=rules.issuer or None,
            audience=rules.audience or None,
            options={  # type: ignore[arg-type] # the library's type leaves out what it documents
                **_WITHOUT_CLOCK,
                "require": ["exp", *required_names, *(["iss"] if rules.issuer else []), *(["aud"] if rules.audience else [])],
                "verify_iss": bool(rules.issuer),
                "verify_aud": bool(rules.audience),
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthorized("the token is not valid") from error
    _in_time(claims, now)
    return claims


def _key(rules: JwtRules, algorithm: str, header: Mapping[str, Any]) -> "jwt.PyJWK | str":
    if "crit" in header or "b64" in header:
        raise jwt.InvalidTokenError("extensions are not understood")
    if algorithm == "HS256" and rules.secret:
        return rules.secret
    if algorithm not in _PUBLISHED or rules.keys is None:
        raise jwt.InvalidAlgorithmError("no key verifies this algorithm")
    keys = rules.keys()
    if keys is None:
        raise Unavailable("the keys of the token's issuer were not read yet")
    key_id = header.get("kid")
    key = keys.find(algorithm, key_id if key_id is None else str(key_id))
    if key is None:
        raise jwt.InvalidKeyError("the key is not known")
    return key


def _in_time(claims: Mapping[str, Any], now: int) -> None:
    expires, begins = _seconds(claims["exp"]), _seconds(claims.get("nbf", 0))
    if now >= expires * 1000:
        raise Unauthorized("the token has expired")
    if begins * 1000 > now + _SKEW_MS:
        raise Unauthorized("the token is not valid yet")


def _seconds(value: object) -> float:
    """Return a time. Compared before it is converted: a whole number has no bound, a float has."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_END <= value <= _END:
        raise Unauthorized("a time of the token is no number of seconds up to the year 9999")
    return value


def _principal(claims: Mapping[str, Any]) -> Principal:
    tenant, scope, groups = claims["tenant"], claims.get("scope", ""), claims.get("groups") or []
    scopes = scope.split() if isinstance(scope, str) else scope
    if not isinstance(tenant, str) or TENANT.fullmatch(tenant) is None:
        raise Unauthorized("the claim tenant names no tenant")
    if not _texts(scopes) or not _texts(groups):
        raise Unauthorized("the claims scope and groups must be lists of texts")
    subject = claims.get("sub")
    return Principal(tenant, SCOPES.intersection(scopes), tuple(groups), subject if is_written_text(subject) else "")


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(is_written_text(item) for item in value)


def is_written_text(value: object) -> TypeGuard[str]:
    """Tell whether a claim is text that can be written down: JSON may hold halves of a character, which no log and no page takes."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
