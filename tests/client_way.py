"""A command's way to a whole server in memory: what an HTTP client sends goes through the server's shell."""

import asyncio
from threading import Lock

import httpx

from tests.access_server import AccessServer, Sent


class ClientWay(httpx.BaseTransport):
    """A transport; `asked` lists what was asked. Clients may send from several threads, the server is asked one after the other."""

    def __init__(self, *, is_auth_required: bool = True) -> None:
        self.server = AccessServer(is_auth_required=is_auth_required)
        self.asked: list[str] = []
        self._turn = Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Sent(request.method, request.url.path, request.url.query.decode(), request.read(), headers)
        with self._turn:
            self.asked.append(f"{request.method} {request.url.path}")
            reply = asyncio.run(self.server.send(call))
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)
