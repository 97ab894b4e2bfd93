"""A client of the stream over real HTTP, in a thread of its own, that a test waits for; and the tokens of a stack of its own."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import jwt
from aiokafka import AIOKafkaProducer

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.topics import CAUSES
from causeline.schemas.wire import codec
from tests import patience
from tests.stack import Stack
from tests.stream_parts import Reader

SECRET = "only-for-the-tests-of-streams-32-bytes"


def bearer(tenant: str, *, groups: tuple[str, ...] = (), scopes: str = "read ingest", lives_s: float = 3_600) -> dict[str, str]:
    claims = {"tenant": tenant, "scope": scopes, "groups": list(groups), "exp": int(time.time() + lives_s)}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


def a_tenant() -> str:
    return uuid.uuid4().hex


class StreamClient(Reader):
    """`status` is None until the server answered; `ended` says how it ended: 'clean', 'cut' or ''."""

    def __init__(self, url: str, headers: dict[str, str], params: dict[str, Any]) -> None:
        super().__init__()
        self.status: int | None = None
        self.ended = ""
        self._asked = (url, headers, params)
        self._changed = threading.Condition()
        self._leaving = threading.Event()
        self._response: httpx.Response | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        url, headers, params = self._asked
        how = "cut"
        try:
            timeout = httpx.Timeout(30, read=60)
            with httpx.Client(timeout=timeout) as http, http.stream("GET", f"{url}/v1/stream", headers=headers, params=params) as response:
                with self._changed:
                    self._response, self.status = response, response.status_code
                    self._changed.notify_all()
                for text in response.iter_text():
                    with self._changed:
                        self.feed(text)
                        self._changed.notify_all()
                    if self._leaving.is_set():
                        return
                how = "clean"
        except (httpx.HTTPError, httpx.StreamError, OSError):
            how = "cut"
        finally:
            with self._changed:
                self.ended = how
                self._changed.notify_all()

    def until(self, condition: Callable[[], object], seconds: float = 30) -> float:
        """Wait until something holds of what was read; return how long it took."""
        began = time.monotonic()
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"{len(self.messages)} messages, {self.status}, {self.ended!r}"
        return time.monotonic() - began

    def until_seen(self, count: int, seconds: float = 30) -> float:
        """Wait until so many messages have come; return how long it took."""
        return self.until(lambda: len(self.messages) >= count, seconds)

    def until_begun(self) -> int | None:
        """Wait until the stream has begun, or was refused; return the status."""
        self.until(lambda: self.last_id or self.ended)
        return self.status

    def until_ended(self, seconds: float = 30) -> str:
        """Wait until the stream has ended; return how."""
        self.until(lambda: self.ended, seconds)
        return self.ended

    def began(self) -> "StreamClient":
        """Wait until the stream has begun: what is written from now on is in it."""
        assert self.until_begun() == 200
        return self

    def titles(self, count: int, seconds: float = 30) -> list[str]:
        self.until_seen(count, seconds)
        return [one.data["title"] for one in self.messages]

    def leave(self) -> None:
        """Close the connection, as a client that is gone does."""
        self._leaving.set()
        with suppress(Exception):
            stream: Any = self._response and self._response.extensions.get("network_stream")
            stream.get_extra_info("socket").shutdown(2)
        self._thread.join(10)


def publish(stack: Stack, *revisions: CauseRevision) -> None:
    """Write revisions to the log as a publisher does."""

    async def send() -> None:
        async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
            for revision in revisions:
                await producer.send_and_wait(CAUSES, codec.encode_record(revision), key=revision.id.encode())

    asyncio.run(send())


@contextmanager
def following(stack: Stack, headers: dict[str, str], **params: Any) -> Iterator[StreamClient]:
    client = StreamClient(stack.url, headers, {name.removesuffix("_"): value for name, value in params.items()})
    try:
        yield client
    finally:
        client.leave()


def metric(stack: Stack, name: str) -> float:
    for line in httpx.get(f"{stack.url}/metrics", timeout=30).text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something holds that only the server knows, and tells when asked."""
    patience.asked(condition, seconds=seconds)
