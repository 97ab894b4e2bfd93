"""Server-sent events as a client reads them (WHATWG HTML, 9.2.6), from bytes in any pieces. Pure.

Lines end with LF, CRLF or CR and with nothing else: a JSON text may hold other characters that Python calls line ends.
"""

import re
from typing import Final, NamedTuple

_END: Final = re.compile(rb"\r\n|\n|\r")


class SseMessage(NamedTuple):
    """One message."""

    kind: str
    data: str


class EventStream:
    """One connection's bytes. `last_id` is the id to come back with, `retry_s` how long to wait before, each None until it was said."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.retry_s: float | None = None
        self._rest = b""
        self._kind = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, piece: bytes) -> list[SseMessage]:
        """Return the messages that are complete now."""
        messages: list[SseMessage] = []
        text = self._rest + piece
        at = 0
        for end in _END.finditer(text):
            if end[0] == b"\r" and end.end() == len(text):
                break  # a LF of the same end may follow
            self._line(text[at : end.start()].decode(errors="replace"), messages)
            at = end.end()
        self._rest = text[at:]
        return messages

    def _line(self, line: str, messages: list[SseMessage]) -> None:
        if not line:
            self._dispatch(messages)
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_s = int(value) / 1_000

    def _dispatch(self, messages: list[SseMessage]) -> None:
        self.last_id = self._id
        if self._data:
            messages.append(SseMessage(self._kind or "message", "\n".join(self._data)))
        self._kind, self._data = "", []
