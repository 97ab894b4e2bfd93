"""Tokens that Causeline's own processes show to its server: short JWTs by the shared secret, for one tenant and what one rule may see."""

from collections.abc import Callable
from typing import Final

import jwt

from causeline.deploy.settings import Settings
from causeline.processors.adapters.http.changes import Tokens

_LIFE_S: Final = 60


def internal_tokens(settings: Settings, clock: Callable[[], int]) -> Tokens:
    """Return what makes a token: None where the server wants one and there is no secret to make it with, empty where it wants none.

    `clock` tells ms UTC. Whoever may see every group's events is an admin (`Principal.visible_groups`).
    """
    if not settings.auth_required:
        return lambda _tenant, _groups: ""
    if not settings.jwt_secret:
        return lambda _tenant, _groups: None

    def make_token(tenant: str, groups: tuple[str, ...] | None) -> str:
        now = clock() // 1_000
        claims: dict[str, object] = {"tenant": tenant, "sub": "causeline deliver", "iat": now, "exp": now + _LIFE_S}
        claims |= {"scope": "read admin"} if groups is None else {"scope": "read", "groups": list(groups)}
        claims |= {"iss": settings.jwt_issuer} if settings.jwt_issuer else {}
        claims |= {"aud": settings.jwt_audience} if settings.jwt_audience else {}
        return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")

    return make_token
