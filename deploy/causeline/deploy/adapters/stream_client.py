"""The stream of a running server (`GET /v1/stream`), for as long as one likes to look.

It comes back by itself behind the last message that it saw, so an interruption neither loses nor repeats a line. Only the first
connection has to work: after that a server that is away is waited for, whereas one that refuses ends the command.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from time import sleep
from typing import Final, NamedTuple

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from causeline.deploy.adapters.sse_client import EventStream

_TIMEOUT: Final = httpx.Timeout(10.0, read=60.0)
"""Four heartbeats without a byte: the connection is dead, whatever the kernel thinks of it."""
_WAIT: Final = wait_exponential_jitter(initial=0.5, max=10)
_PAUSE_S: Final = 1.0
_DURATION: Final = re.compile(r"\d+(ms|s|m|h|d)")


class TailError(Exception):
    """The server cannot be reached, or refuses; the message says which."""


class _Away(Exception):
    """The server does not answer, or not now; `pause_s` is how long it asked to be left alone."""

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class StreamRequest(NamedTuple):
    """What is followed: `parameters` are those of `GET /v1/stream`; `limit` 0 is no end; `as_json` prints the JSON of each message."""

    url: str
    headers: Mapping[str, str]
    parameters: Sequence[tuple[str, str]]
    as_json: bool = False
    limit: int = 0


def stream_request(
    url: str, token: str, tenant: str, filters: Mapping[str, Sequence[str]], *, since: str, as_json: bool, limit: int
) -> StreamRequest:
    """Return what the options ask for; `since` may be a duration (`1h`), which is then counted back from now."""
    fields = {"Authorization": f"Bearer {token}" if token else "", "Causeline-Tenant": tenant, "Accept": "text/event-stream"}
    parameters = [(name, value) for name, values in filters.items() for value in values]
    if since:
        parameters.append(("from", f"now-{since}" if _DURATION.fullmatch(since) else since))
    return StreamRequest(
        f"{url.rstrip('/')}/v1/stream", {name: value for name, value in fields.items() if value}, parameters, as_json, limit
    )


def messages(what: StreamRequest) -> Iterator[tuple[str, str]]:
    """Yield (kind, JSON) of each message without an end. Raises TailError."""
    place, pause_s, first = "", _PAUSE_S, True
    with httpx.Client(timeout=_TIMEOUT) as http:
        while True:
            stream = EventStream()
            with ExitStack() as stack:
                response = stack.enter_context(_connect(http, what, place, first=first))
                first = False
                try:
                    for piece in response.iter_raw():
                        for message in stream.feed(piece):
                            place = stream.last_id or place
                            yield message
                        place = stream.last_id or place
                    why = "the server ended the stream"
                except httpx.HTTPError as error:
                    why = f"the connection broke ({type(error).__name__})"
            _tell(f"{why}; connecting again")
            pause_s = stream.retry_s or pause_s
            sleep(pause_s)


@contextmanager
def _connect(http: httpx.Client, what: StreamRequest, place: str, *, first: bool) -> Iterator[httpx.Response]:
    """Connect behind a place. Raises TailError where the server refuses, and at the first time also where there is none."""
    try:
        for attempt in Retrying(retry=retry_if_exception_type(_Away), wait=_pause):
            with attempt:
                try:
                    response = _once(http, what, place)
                except httpx.HTTPError as error:
                    if first:
                        raise TailError(f"no server answers at {what.url}: {error or type(error).__name__}") from error
                    raise _Away(str(error)) from error
    except httpx.InvalidURL as error:
        raise TailError(f"{what.url} is no address: {error}") from error
    try:
        yield response
    finally:
        response.close()


def _once(http: httpx.Client, what: StreamRequest, place: str) -> httpx.Response:
    resume = {"Last-Event-ID": place} if place else {}
    request = http.build_request("GET", what.url, params=list(what.parameters), headers={**what.headers, **resume})
    response = http.send(request, stream=True)
    if response.status_code == HTTPStatus.OK:
        return response
    text = response.read().decode(errors="replace")
    detail = _detail(response, text)
    response.close()
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        pause = response.headers.get("Retry-After", "")
        _tell(f"{detail}; trying again")
        raise _Away(detail, float(pause) if pause.isdigit() else 0.0)
    raise TailError(f"{what.url} answers {detail}")


def _detail(response: httpx.Response, text: str) -> str:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = text
    return f"{response.status_code} {response.reason_phrase}: {' '.join(detail.split())[:300]}"


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    return max(_WAIT(state), error.pause_s if isinstance(error, _Away) else 0.0)


def _tell(what: str) -> None:
    print(f"causeline: {what}", file=sys.stderr, flush=True)
