"""Pages of a whole server in memory: visited as a browser would, read as words, links and fields."""

import json
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urlencode

from tests.access_server import AccessServer, Got, Sent

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class Link(NamedTuple):
    address: str
    text: str


class Seen(HTMLParser):
    """A page as its reader has it: words, links, headings, and the attributes of every element by its name."""

    def __init__(self, status: int, headers: Mapping[str, str], html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.status, self.headers, self.html = status, headers, html
        self.words: list[str] = []
        self.links: list[Link] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._link: tuple[str, list[str]] | None = None
        self.feed(html)
        self.close()
        assert not self._open, f"elements without an end: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "a" and attributes.get("href"):
            self._link = (attributes["href"] or "", [])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], f"</{tag}> in {self._open}"
        self._open.pop()
        if tag == "a" and self._link is not None:
            self.links.append(Link(self._link[0], " ".join("".join(self._link[1]).split())))
            self._link = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._link is not None:
            self._link[1].append(data)

    @property
    def text(self) -> str:
        """Return the words with single blanks between them."""
        return " ".join(" ".join(self.words).split())

    def address(self, text: str) -> str:
        """Return where the first link of this text leads."""
        return next(link.address for link in self.links if link.text == text)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


class Pages:
    """A browser at a server in memory, behind its real shell; `headers` go with every request, such as a cookie or a tenant."""

    def __init__(self, server: AccessServer | None = None, **headers: str) -> None:
        self.server = server or AccessServer(is_auth_required=False)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def visit(self, address: str, query: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Seen:
        """Open a page: an address of a link, or a path with query parameters."""
        return _seen(await self.get(address, query))

    async def get(self, address: str, query: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Got:
        """Return what is answered, as it lies on the wire."""
        path, _, written = address.partition("?")
        query_string = written or urlencode(list(query.items() if isinstance(query, Mapping) else query))
        return await self.server.send(Sent("GET", unquote(path), query_string, b"", self.headers))

    async def press(self, address: str, fields: Mapping[str, str] | None = None) -> Seen:
        """Send a form; return the page that refuses it, or an empty one whose header fields say where to go on."""
        media = "application/x-www-form-urlencoded"
        return _seen(await self._post(address, urlencode(fields or {}).encode(), media))

    async def post(self, **event: object) -> str:
        """Send an event of the native API, which is in lists from then on; return its id."""
        answer = await self._post("/v1/events", json.dumps(event).encode(), "application/json")
        assert answer.status == 201, answer.body
        await self.server.reach()
        identifier: str = json.loads(answer.body)["id"]
        return identifier

    async def _post(self, address: str, body: bytes, media: str) -> Got:
        path, _, query = address.partition("?")
        headers = {**self.headers, "content-type": media, "content-length": str(len(body)), "origin": "http://127.0.0.1"}
        return await self.server.send(Sent("POST", unquote(path), query, body, headers))


def _seen(answer: Got) -> Seen:
    return Seen(answer.status, answer.headers, answer.body.decode())
