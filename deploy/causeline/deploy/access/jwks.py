"""The public keys that RS256 and ES256 tokens are verified with: a JWKS document (RFC 7517) from a file or a URL, read again now and then.

Only RSA keys and EC keys on P-256 for signatures are taken. Symmetric keys of the document are ignored: a secret comes from
CAUSELINE_JWT_SECRET or not at all.
"""

import asyncio
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm

_log = structlog.get_logger(__name__)

_TYPES: Final = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
_TIMEOUT_S: Final = 5
_MAX_BYTES: Final = 1 << 20
REFRESH_S: Final = 300.0
"""Issuers publish a new key long before they sign with it, and take an old one back after its last token expired."""
_RETRY_S: Final = 5.0


class KeySet:
    """Verification keys by (algorithm, key id).

    A key that cannot be read is passed over, as one that is not understood is (RFC 7517, 5): an issuer that publishes a broken key beside
    the good ones must not lock everybody out. Raises ValueError where there are broken keys and no other.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}
        faults: list[str] = []
        for number, key in enumerate(document.get("keys", [])):
            try:
                algorithm = _algorithm(key)
                if algorithm is not None:
                    self._keys[algorithm, str(key.get("kid", ""))] = jwt.PyJWK(key, algorithm)
            except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, UnsupportedAlgorithm) as error:
                faults.append(f"key {number}: {error}"[:200])
        if faults and not self._keys:
            raise ValueError("; ".join(faults[:3]))
        if faults:
            _log.warning("keys of the JWKS cannot be read", keys=faults[:3], broken=len(faults), usable=len(self._keys))

    def find(self, algorithm: str, key_id: str | None) -> jwt.PyJWK | None:
        """Return the key that a token names; a token that names none means the only key of its algorithm."""
        if key_id is not None:
            return self._keys.get((algorithm, key_id))
        of_algorithm = [key for (name, _), key in self._keys.items() if name == algorithm]
        return of_algorithm[0] if len(of_algorithm) == 1 else None


def _algorithm(key: Mapping[str, Any]) -> str | None:
    """Return what a key verifies, None where it is not for that."""
    algorithm = _TYPES.get((str(key.get("kty")), key.get("crv")))
    return algorithm if key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm else None


def fetch_keys(source: str) -> KeySet:
    """Return the keys of a file or an http(s) URL. Blocks. Raises OSError or ValueError."""
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the scheme is one of two
            text = answer.read(_MAX_BYTES)
    else:
        text = Path(source).read_bytes()
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        return KeySet(document)
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{source} is not a JWKS document: {error}") from error


class Jwks:
    """The current keys of a source; `run` keeps them current. None until they were read once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.current: KeySet | None = None

    async def read(self) -> None:
        """Read the keys. Raises OSError or ValueError; the keys of before then hold."""
        self.current = await asyncio.to_thread(fetch_keys, self._source)

    async def run(self) -> None:
        """Read the keys every five minutes, and again soon after a failure."""
        while True:
            try:
                await self.read()
            except (OSError, ValueError) as error:
                _log.warning("the JWKS cannot be read", source=self._source, error=str(error)[:500])
                await asyncio.sleep(_RETRY_S)
            else:
                await asyncio.sleep(REFRESH_S)
