"""The key that encrypts the secrets of subscriptions, where no setting names one: made once, kept in the data folder.

It lies beside the data that it protects, so it guards copies of the topics, not the folder: who backs up the folder has both. A cluster
names its keys by `CAUSELINE_SECRETS_KEY`, the same ones on every server and worker.
"""

import os
from pathlib import Path
from typing import Final

from causeline.schemas.subscriptions.sealing import Sealer, new_key

_NAME: Final = "secrets.key"


class SecretsKeyError(Exception):
    """The key of the data folder cannot be used; the message says why and what to do, and does not show it."""


def kept_key(data_dir: Path) -> str:
    """Return the key of a data folder, made if there is none. Raises SecretsKeyError. Call it while the folder is held."""
    path = data_dir / _NAME
    try:
        _make(path)
        key = path.read_text(encoding="ascii").strip()
        Sealer(key)
    except OSError as error:
        raise SecretsKeyError(f"{path} cannot be read or written: {error.strerror}") from None
    except ValueError:
        raise SecretsKeyError(f"{path} holds no key: restore it, or remove it and set the secrets of all subscriptions anew") from None
    return key


def _make(path: Path) -> None:
    """Make the file whole or not at all: a half written key would lose every secret that the next start seals with another one."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{new_key()}\n".encode("ascii"))
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.rename(path)
