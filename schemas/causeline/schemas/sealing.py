"""Secrets at rest: a text sealed (Fernet: AES-128-CBC and HMAC-SHA256) with a key that lies outside the log, and opened again.

Several keys allow a rotation: the first one seals, every one opens.
"""

from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unsealed(Exception):
    """A secret cannot be opened: it was sealed with a key that is not among ours."""


class Sealer:
    """Seals and opens with keys separated by commas (base64 of 32 bytes each). Raises ValueError where there is no usable key."""

    def __init__(self, keys: str) -> None:
        self._fernet: Final = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])

    def seal(self, text: str) -> str:
        """Return the text encrypted, another one at every call."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed. Raises Unsealed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unsealed("a secret was sealed with another key") from error
