"""An OpenID provider over HTTP: its metadata, its keys, and codes turned into ID tokens. Answers are bounded in time and size."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import msgspec
import structlog

from causeline.deploy.access.jwks import KeySet
from causeline.deploy.access.oidc import Endpoints, read_endpoints
from causeline.schemas.web.errors import Unauthorized, Unavailable

_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 1 << 20
_FRESH_MS: Final = 300_000
_METADATA: Final = "/.well-known/openid-configuration"
_REFUSALS: Final = frozenset({400, 401, 403})
_log: Final = structlog.get_logger(__name__)


class OpenIdProvider:
    """The IdentityProvider of an issuer. Its metadata is asked for once in five minutes, its keys at each sign-in that got that far."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self._issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._endpoints: Endpoints | None = None
        self._asked_at = 0
        self._asking = asyncio.Lock()

    async def endpoints(self, now: int) -> Endpoints:
        """Return where it is asked for what; see IdentityProvider."""
        async with self._asking:
            if self._endpoints is None or not 0 <= now - self._asked_at < _FRESH_MS:
                document = await self._ask("GET", f"{self._issuer.rstrip('/')}{_METADATA}")
                try:
                    self._endpoints, self._asked_at = read_endpoints(document, self._issuer), now
                except ValueError as error:
                    raise self._away(str(error)) from error
            return self._endpoints

    async def redeem(self, code: str, verifier: str, redirect: str, now: int) -> str:
        """Return the ID token for a code; see IdentityProvider."""
        endpoints = await self.endpoints(now)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        auth: tuple[str, str] | None = None
        if self._client_secret and endpoints.is_basic:  # RFC 6749, 2.3.1: as in a form, then as Basic
            auth = quote_plus(self._client_id), quote_plus(self._client_secret)
        else:
            form |= {"client_id": self._client_id} | ({"client_secret": self._client_secret} if self._client_secret else {})
        answer = await self._ask("POST", endpoints.token, form, auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise self._away("its answer has no ID token: is `openid` among CAUSELINE_OIDC_REQUEST?")
        return token

    async def keys(self, now: int) -> KeySet:
        """Return its keys; see IdentityProvider."""
        endpoints = await self.endpoints(now)
        try:
            return KeySet(await self._ask("GET", endpoints.keys))
        except (AttributeError, TypeError, ValueError) as error:
            raise self._away(f"its keys cannot be read: {error}") from error

    async def _ask(
        self, method: str, address: str, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                httpx.AsyncClient(timeout=_TIMEOUT_S, headers={"Accept": "application/json"}) as http,
                http.stream(method, address, data=form, auth=auth) as answer,
            ):
                body, status = await _read_body(answer), answer.status_code
            if status in _REFUSALS and form is not None:
                _log.warning("the OpenID provider refuses a code", status=status, error=_error_of(body))
                raise Unauthorized("the provider does not confirm the sign-in: begin anew")
            if status != httpx.codes.OK:
                raise self._away(f"it answers {status}")
            return msgspec.json.decode(body, type=dict[str, Any])
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._away(f"{type(error).__name__}: {error}") from error

    def _away(self, why: str) -> Unavailable:
        """Return the refusal of a visitor; operators are told the reason, which may name inner addresses."""
        _log.warning("the OpenID provider cannot be used", issuer=self._issuer, reason=why[:500])
        return Unavailable("the provider that you sign in with does not answer as it should: try again, or sign in with a token")


async def _read_body(answer: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > _MAX_BYTES:
            raise httpx.DecodingError(f"more than {_MAX_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _error_of(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any]).get("error", ""))[:100]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
