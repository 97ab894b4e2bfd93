"""A server for the CI client that takes events as the native API does, and misbehaves as it is told, one request after another."""

import json
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

GOOD: Final = "201"
TAKES: Final = ("201", "200", "reset")
"""What a server does that has the event: `reset` breaks the connection instead of answering."""
BEHAVIOURS: Final = (*TAKES, "400", "401", "409", "429", "500", "html", "close")
"""All that costs no time. `hang` says nothing, `drip` says it byte by byte for ever."""
_REFUSAL_TYPE: Final = "application/problem+json"
_DRIP_S: Final = 0.05


class CiServer(ThreadingHTTPServer):
    """Keeps events by their key. `plan` is what it does to the next requests, then it is good."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url: Final = f"http://127.0.0.1:{self.server_address[1]}"
        self.plan: list[str] = []
        self.events: dict[str, dict[str, Any]] = {}
        self.tokens: list[str] = []
        self.lock: Final = threading.Lock()
        self.end: Final = threading.Event()

    def expect(self, plan: Iterable[str]) -> None:
        with self.lock:
            self.plan = list(plan)

    def by_title(self, title: str) -> list[dict[str, Any]]:
        with self.lock:
            return [event for event in self.events.values() if event["title"] == title]

    def decide(self, key: str, event: dict[str, Any]) -> str:
        """Return what to do to a request, and keep its event if that takes it."""
        with self.lock:
            behaviour = self.plan.pop(0) if self.plan else GOOD
            if behaviour in ("400", "409") and key in self.events:
                behaviour = GOOD
            if behaviour in TAKES and self.events.setdefault(key, event) != event:
                behaviour = "409"
            return behaviour

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away: they were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: CiServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.append(self.headers.get("Authorization", ""))
        event = json.loads(content)
        behaviour = "400" if "kind" not in event else self.server.decide(self.headers["Idempotency-Key"], event)
        self.close_connection = True
        if behaviour in ("reset", "close"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif behaviour == "hang":
            self.server.end.wait()
        elif behaviour == "drip":
            self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n")
            while not self.server.end.wait(_DRIP_S):
                self.wfile.write(b" ")
        elif behaviour == "html":
            self._answer(200, b"<html>sign in</html>", "text/html")
        else:
            status = int(behaviour)
            self._answer(status, b'{"id": "1", "detail": "so it is"}', "application/json" if status < 300 else _REFUSAL_TYPE)

    def _answer(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@contextmanager
def ci_server() -> Iterator[CiServer]:
    server = CiServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.end.set()
        server.shutdown()
        server.server_close()
        thread.join()
