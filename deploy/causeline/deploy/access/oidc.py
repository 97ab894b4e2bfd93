"""Signing in with an OpenID provider (OpenID Connect Core 1.0, the code flow, with RFC 7636): what is sent, and what is believed. Pure.

A visitor goes to the provider with `state`, `nonce` and the digest of a verifier, all made from one seed, which stays in a cookie of
theirs: who comes back without it did not begin here (RFC 6749, 10.12), and a code that somebody stole is worth nothing without it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

from causeline.deploy.access.jwks import KeySet
from causeline.deploy.access.jwts import JwtRules, is_written_text, verify_claims
from causeline.deploy.access.own_pages import local_path
from causeline.deploy.access.sessions import MAX_GRANTS, Grant
from causeline.deploy.hosts import is_loopback
from causeline.schemas.web.errors import Unauthorized
from causeline.schemas.web.principal import SCOPES, TENANT

TRIP_S: Final = 600
"""How long somebody may take at the provider."""
SEED_BYTES: Final = 32
_MAX_GROUPS: Final = 200
"""Groups of a visitor, each of at most `_LONGEST` characters: with eight tenants a session's record has at most 330 kB."""
_LONGEST: Final = 200
_LONGEST_PATH: Final = 400
_SEED: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class ProviderRules(NamedTuple):
    """Who is believed, and what their words mean here. `rights` are the scopes of everybody ('') and of groups."""

    issuer: str
    client_id: str
    request: str = "openid"
    tenant_claim: str = "tenant"
    tenants: tuple[str, ...] = ()
    groups_claim: str = "groups"
    scope_claim: str = ""
    rights: tuple[tuple[str, str], ...] = (("", "read"),)


class Endpoints(NamedTuple):
    """Where a provider is asked for what, and whether it takes this server's secret as `Basic` credentials, else in the form."""

    authorization: str
    token: str
    keys: str
    is_basic: bool


class IdentityProvider(Protocol):
    """A provider over the network. Every method raises Unavailable where it does not answer, or not as a provider does."""

    async def endpoints(self, now: int) -> Endpoints:
        """Return its endpoints, as it said them within five minutes before `now` (ms UTC)."""
        ...

    async def redeem(self, code: str, verifier: str, redirect: str, now: int) -> str:
        """Return the ID token for a code. Raises Unauthorized where the provider refuses it."""
        ...

    async def keys(self, now: int) -> KeySet:
        """Return the keys that it signs with now."""
        ...


class Trip(NamedTuple):
    """A visitor's way to the provider and back: the seed of what is sent along, and the page that they wanted."""

    seed: str
    then: str

    @property
    def state(self) -> str:
        """Return what comes back as it was sent."""
        return self._derive("state")

    @property
    def nonce(self) -> str:
        """Return what the ID token must say."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """Return what redeems the code, and was sent as its digest only."""
        return self._derive("verifier")

    @property
    def cookie(self) -> str:
        """Return the cookie that the visitor keeps meanwhile."""
        return f"{self.seed}:{quote(self.then, safe='/')}"

    def is_of(self, state: str) -> bool:
        """Return whether this is the trip that a state was made for."""
        return hmac.compare_digest(self.state, state.encode("ascii", "replace").decode())

    def _derive(self, label: str) -> str:
        return _base64(hmac.new(self.seed.encode(), label.encode(), hashlib.sha256).digest())


def plan_trip(random: bytes, then: str) -> Trip:
    """Return a trip that begins. `random` are `SEED_BYTES`; a page whose address is very long is not remembered."""
    return Trip(_base64(random), then if len(quote(then, safe="/")) <= _LONGEST_PATH else "/")


def read_trip(cookie: str) -> Trip | None:
    """Return the trip of a cookie, None for what is none."""
    seed, _, then = cookie.partition(":")
    return Trip(seed, local_path(unquote(then))) if _SEED.fullmatch(seed) else None


def read_endpoints(document: Mapping[str, Any], issuer: str) -> Endpoints:
    """Return the endpoints that a provider's metadata names (OpenID Connect Discovery 1.0, 4.3). Raises ValueError."""
    if document.get("issuer") != issuer:
        raise ValueError(f"it says that its issuer is {str(document.get('issuer'))[:200]!r}")
    authorization, token, keys = (str(document.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
    for address in (authorization, token, keys):
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError(f"it names the address {address[:200]!r}, which is not https")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(authorization, token, keys, isinstance(methods, list) and "client_secret_basic" in methods)


def authorization_address(endpoints: Endpoints, rules: ProviderRules, trip: Trip, redirect: str) -> str:
    """Return where the visitor is sent (OpenID Connect Core 1.0, 3.1.2.1)."""
    fields = {
        "response_type": "code",
        "client_id": rules.client_id,
        "redirect_uri": redirect,
        "scope": rules.request,
        "state": trip.state,
        "nonce": trip.nonce,
        "code_challenge": _base64(hashlib.sha256(trip.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{urlencode(fields)}"


def read_identity(token: str, keys: KeySet, rules: ProviderRules, nonce: str, now: int) -> Mapping[str, Any]:
    """Return the claims of an ID token that was made for this trip (3.1.3.7). Raises Unauthorized."""
    published_keys = JwtRules(keys=lambda: keys, issuer=rules.issuer, audience=rules.client_id)
    claims = verify_claims(token, published_keys, now, ["sub", "iat"])
    audience = claims["aud"]
    is_ours = claims.get("azp", rules.client_id) == rules.client_id and (isinstance(audience, str) or len(audience) == 1 or "azp" in claims)
    if not is_ours or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Unauthorized("the provider's answer was made for another request")
    if not is_written_text(claims["sub"]) or not 0 < len(claims["sub"]) <= _LONGEST * 2:
        raise Unauthorized("the provider does not say who you are")
    return claims


def grants_of(claims: Mapping[str, Any], rules: ProviderRules) -> list[Grant]:
    """Return what a visitor may do in which tenants, by what the provider says and by the settings. Raises Unauthorized for nothing."""
    groups = [group for group in _texts_of(claims.get(rules.groups_claim)) if 0 < len(group) <= _LONGEST][:_MAX_GROUPS]
    rights = {scope for group, scope in rules.rights if not group or group in groups}
    rights |= SCOPES.intersection(_words_of(claims.get(rules.scope_claim)) if rules.scope_claim else ())
    tenants = _texts_of(claims.get(rules.tenant_claim)) if rules.tenant_claim and rules.tenant_claim in claims else [*rules.tenants]
    names = list(dict.fromkeys(tenant for tenant in tenants if TENANT.fullmatch(tenant)))[:MAX_GRANTS]
    if not names or not rights:
        raise Unauthorized("the provider knows you, but no tenant here is yours: ask its operator")
    name = _name_of(claims)
    return [Grant(tenant=tenant, scopes=sorted(rights), groups=groups, name=name) for tenant in names]


def owner_of(claims: Mapping[str, Any]) -> str:
    """Return what all sessions of one person have in common: the provider's name of them, which it gives to nobody else."""
    return f"oidc {claims['iss']} {claims['sub']}"


def _name_of(claims: Mapping[str, Any]) -> str:
    names = (claims.get(claim) for claim in ("preferred_username", "email", "name", "sub"))
    return next((name[:_LONGEST] for name in names if is_written_text(name) and name), "")


def _texts_of(claim: object) -> list[str]:
    return [text for text in (claim if isinstance(claim, list) else [claim]) if is_written_text(text)]


def _words_of(claim: object) -> list[str]:
    return claim.split() if isinstance(claim, str) else _texts_of(claim)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
