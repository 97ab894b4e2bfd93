"""Where events go and how loud a failure is: variables of the environment, over which flags win."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {
    "url": "CAUSELINE_URL",
    "token": "CAUSELINE_TOKEN",
    "service": "CAUSELINE_SERVICE",
    "environment": "CAUSELINE_ENVIRONMENT",
    "spool": "CAUSELINE_SPOOL",
    "strict": "CAUSELINE_STRICT",
    "disabled": "CAUSELINE_DISABLED",
}
_LONGEST = 200


class ClientSettings(NamedTuple):
    """What a command goes by. `url` is empty where nobody said it; `spool` is empty for the one of the user, by address and repository."""

    url: str = ""
    token: str = ""
    service: str = ""
    environment: str = ""
    spool: str = ""
    strict: bool = False
    disabled: bool = False


class UnusableSetting(ValueError):
    """A setting that cannot be used; the text names its variable and never shows a token."""


def read_settings(environment: Mapping[str, str], flags: Mapping[str, object]) -> ClientSettings:
    """Return the settings: a flag that is given, else a variable. Names are cut to 200 characters. Raises UnusableSetting."""
    texts = {name: str(flags.get(name) or environment.get(variable, "")).strip() for name, variable in VARIABLES.items()}
    url = texts["url"].rstrip("/")
    if url and not url.lower().startswith(("http://", "https://")):
        raise UnusableSetting("CAUSELINE_URL (--url) must begin with http:// or https://")
    if any(char <= " " or char > "~" for char in url):
        raise UnusableSetting("CAUSELINE_URL (--url) must be of visible ASCII")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UnusableSetting("CAUSELINE_URL (--url) must hold no user and password: use CAUSELINE_TOKEN")
    if any(char <= " " or char > "~" for char in texts["token"]):
        raise UnusableSetting("CAUSELINE_TOKEN (--token) must be of visible ASCII")
    return ClientSettings(
        url=url,
        token=texts["token"],
        service=_clean(texts["service"]),
        environment=_clean(texts["environment"]),
        spool=texts["spool"],
        strict=_is_on(texts["strict"]),
        disabled=_is_on(texts["disabled"]),
    )


def spool_folder(settings: ClientSettings, repository: str) -> str:
    """Return the folder that events wait in.

    Where none is set it is one of the user, for each address and repository: a machine that runs the jobs of several must not send what
    one left behind with the token of another.
    """
    import hashlib
    import tempfile

    if settings.spool:
        return os.path.abspath(settings.spool)
    name = hashlib.sha256(f"{settings.url}\n{repository}".encode()).hexdigest()[:16]
    home = os.path.expanduser("~")
    if os.path.isabs(home) and os.access(home, os.W_OK):
        return os.path.join(home, ".local", "state", "causeline-ci", name)
    user = os.getuid() if hasattr(os, "getuid") else 0
    return os.path.join(tempfile.gettempdir(), f"causeline-ci-{user}-{name}")  # a file of /tmp itself, which others cannot replace


def _is_on(text: str) -> bool:
    return text.lower() not in ("", "0", "false", "no", "off")


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:_LONGEST]
