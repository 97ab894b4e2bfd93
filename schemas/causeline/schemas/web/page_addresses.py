"""Where people read of one problem or one event: the pages' own paths, which messages and webhooks link to."""

from typing import Final
from urllib.parse import quote

PROBLEM_PAGE: Final = "/problems/{id}"
EVENT_PAGE: Final = "/events/{id}"


def page_address(page: str, ident: str, server: str = "") -> str:
    """Return the address of a page about an id, below the server's public address, or as a path of this server."""
    return f"{server}{page.replace('{id}', quote(ident, safe=''))}"
