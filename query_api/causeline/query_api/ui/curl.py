"""A call of the API as the line of a shell. Pure."""

import shlex
from collections.abc import Mapping
from typing import Final

from causeline.schemas.web.http import HttpRequest

_SHELL_BREAK: Final = " \\\n  "


def server_address(request: HttpRequest) -> str:
    """Return the address that a visitor reached the server by, without a trailing slash. Only a form's origin says that it was https."""
    host, origin = request.headers.get("host", "localhost"), request.headers.get("origin", "")
    return origin if origin.partition("://")[2] == host else f"http://{host}"


def curl_line(method: str, address: str, headers: Mapping[str, str], body: str = "") -> str:
    """Return what makes a call in a shell; every word is quoted, so that it can be pasted whatever it says."""
    head = "curl" if method == "GET" else f"curl -X {method}"
    parts = [f"{head} {shlex.quote(address)}", *(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())]
    if body:
        parts.append(f"--data-binary {shlex.quote(body)}")
    return _SHELL_BREAK.join(parts)
