"""Secrets at rest: texts that are encrypted where they are stored, and opened only where they are used.

Fernet (AES-128-CBC with HMAC-SHA256): a sealed text that was damaged, or sealed by another key, does not open. Several keys make a key
replaceable: the first one encrypts, all of them open.
"""

from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_FORM: Final = "is not a Fernet key: base64 (URL-safe) of 32 bytes, several with commas between them"


class UnsealFailed(Exception):
    """A sealed text cannot be opened with these keys. Holds neither text nor key."""


class Sealer:
    """Encrypts and opens texts with keys that stand in one setting, comma separated."""

    def __init__(self, keys: str, *, cache_size: int = 0) -> None:
        """Take the keys. Raises ValueError, which does not show them, where there is none or one is none.

        `cache_size`: how many texts are kept in memory once they were opened, for who opens the same ones again and again.
        """
        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
        except ValueError:
            raise ValueError(_FORM) from None
        self._decrypt_cached = lru_cache(cache_size)(self._decrypt)

    def seal(self, text: str) -> str:
        """Return the text encrypted; another one each time."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text. Raises UnsealFailed."""
        return self._decrypt_cached(sealed)

    def _decrypt(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise UnsealFailed("a secret was encrypted with another key, or is damaged") from None


def new_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode()
