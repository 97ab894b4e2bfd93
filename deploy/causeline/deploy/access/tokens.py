"""Opaque tokens: 256 random bits, of which only a SHA-256 is kept.

Why no slow hash: a slow hash makes guessing a password dear, and nobody guesses 256 random bits; on the path of every request it would
only cost. The look-up is by the hash, so its timing tells about a hash that the caller cannot steer; the comparison itself takes
constant time.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.records.config import TOKENS, ConfigView
from causeline.schemas.web.principal import Principal

SECRET_BYTES: Final = 32
_PREFIX: Final = "clt_"
"""Lets people and secret scanners tell what they found."""
_ID_LENGTH: Final = 16


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a token. `id` is the handle for people; times are ms UTC, `expires` None: never."""

    id: str
    sha256: str
    tenant: str
    scopes: list[str]
    groups: list[str] = []
    name: str = ""
    created: int
    expires: int | None = None

    @property
    def principal(self) -> Principal:
        """Who the bearer is."""
        return Principal(self.tenant, frozenset(self.scopes), tuple(self.groups), self.name)

    def valid(self, now: int) -> bool:
        """Return whether it has not expired."""
        return self.expires is None or now < self.expires


def token_text(random: bytes) -> str:
    """Return the token that its bearer keeps. `random` are `SECRET_BYTES` from the system's generator."""
    return _PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def token_digest(secret: str) -> str:
    """Return the SHA-256 (hex) of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_of(secret: str, *, tenant: str, scopes: list[str], groups: list[str], name: str, created: int, expires: int | None) -> Token:
    """Return what is kept of a new token. Its id are the first 64 bits of the hash, which tell nothing about the token."""
    sha256 = token_digest(secret)
    return Token(
        id=sha256[:_ID_LENGTH],
        sha256=sha256,
        tenant=tenant,
        scopes=sorted(set(scopes)),
        groups=sorted(set(groups)),
        name=name,
        created=created,
        expires=expires,
    )


def token_value(token: Token) -> dict[str, Any]:
    """Return the value under `TOKENS`, `token.sha256` of the configuration."""
    return msgspec.structs.asdict(token)


def find_token(view: ConfigView, secret: str, now: int) -> Token | None:
    """Return the valid token with this secret, None for an unknown, revoked or expired one."""
    return find_digest(view, token_digest(secret), now)


def find_digest(view: ConfigView, sha256: str, now: int) -> Token | None:
    """Return the valid token with this SHA-256 (hex), None for an unknown, revoked or expired one."""
    value = view.get(TOKENS, sha256)
    if value is None:
        return None
    token = _read(value)
    return token if hmac.compare_digest(token.sha256, sha256) and token.valid(now) else None


def list_tokens(view: ConfigView) -> list[Token]:
    """Return every token that was not revoked, oldest first."""
    return sorted((_read(value) for value in view.all(TOKENS).values()), key=lambda token: (token.created, token.id))


def _read(value: Mapping[str, Any]) -> Token:
    return msgspec.convert(value, Token)
