"""A running server's native API for commands, and how each way of not getting an answer is told."""

import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import quote

import httpx

from causeline.deploy.terminal import visible

QueryParameters = Sequence[tuple[str, str]]
Transport = httpx.BaseTransport
"""How requests are sent: a test answers them itself."""

PAGE: Final = 1_000
_TIMEOUT_S: Final = 30.0
_TRIES: Final = 5
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class ApiError(Exception):
    """What was asked for cannot be done; the message says why, in one line. `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class RequestRefused(ApiError):
    """The server refuses this one request: others may go well."""


class ApiClient:
    """One server. Every method raises ApiError; what is refused for now is asked again a few times.

    `variable` is where the command's token comes from, `scopes` says in words which scopes it takes.
    """

    def __init__(
        self,
        url: str,
        token: str,
        tenant: str,
        *,
        variable: str,
        scopes: str = "",
        transport: Transport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        fields = {"Authorization": f"Bearer {token}" if token else "", "Causeline-Tenant": tenant}
        self._url = url.rstrip("/")
        self._variable = variable
        self._scopes = scopes
        self._pause = pause
        try:
            headers = {name: value for name, value in fields.items() if value}
            self._http = httpx.Client(timeout=_TIMEOUT_S, headers=headers, transport=transport)
        except UnicodeEncodeError as error:
            raise ApiError("a token and a tenant are of ASCII letters", 2) from error

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def list_items(self, path: str, member: str, parameters: QueryParameters, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield what the pages of a list hold under `member`, at most `limit` of it."""
        cursor: str | None = None
        remaining = limit
        while remaining is None or remaining > 0:
            size = PAGE if remaining is None else min(remaining, PAGE)
            place = [("cursor", cursor)] if cursor is not None else []
            page = self.call("GET", path, params=[*parameters, ("limit", str(size)), *place])
            yield from page[member]
            remaining = None if remaining is None else remaining - len(page[member])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def call(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        """Return the answer to a request, empty where it has no content. Raises RequestRefused where it is 404 or 409."""
        for last in (*[False] * (_TRIES - 1), True):
            answer = self._send(method, path, **what)
            if answer.status_code not in _LATER or last:
                break
            retry_after = answer.headers.get("Retry-After", "")
            self._pause(min(float(retry_after) if retry_after.isdigit() else _PAUSE_S, _LONGEST_PAUSE_S))
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return {}
        if answer.is_success:
            try:
                body: dict[str, Any] = answer.json()
            except ValueError:
                raise ApiError(f"{self._url} answers, but not as Causeline does: is the address right?") from None
            return body
        raise self._refusal(answer)

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{self._url}{path}", **what)
        except httpx.HTTPError as error:
            raise ApiError(f"no server answers at {self._url}: {visible(str(error)) or type(error).__name__}") from error
        except httpx.InvalidURL as error:
            raise ApiError(f"{self._url} is no address, a request cannot be sent: {error}", 2) from error

    def _refusal(self, answer: httpx.Response) -> ApiError:
        try:
            detail = str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"{answer.status_code} {answer.reason_phrase}"
        message = visible(detail, 500)
        match answer.status_code:
            case HTTPStatus.UNAUTHORIZED:
                return ApiError(f"{self._url} asks for a token ({message}): set {self._variable}, see `causeline token create`")
            case HTTPStatus.FORBIDDEN:
                return ApiError(f"{message} ({self._scopes})" if self._scopes else message)
            case HTTPStatus.NOT_FOUND | HTTPStatus.CONFLICT:
                return RequestRefused(message)
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
                return ApiError(message, 2)
            case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
                return ApiError(f"{message}; try again later")
            case _:
                return ApiError(f"{self._url} answers {answer.status_code} {answer.reason_phrase}: {message}")


def segment(text: str) -> str:
    """Return a text as one segment of a path. Raises ApiError for what would walk in it, which is no id."""
    if not text.strip("."):
        raise ApiError(f"{text!r} is no id", 2)
    return quote(text, safe="")


class CommandClient:
    """What one command asks of one server; a subclass says where its token comes from and which scopes it takes, in words.

    Every method raises ApiError.
    """

    variable: ClassVar[str]
    scopes: ClassVar[str]

    def __init__(
        self,
        url: str,
        token: str = "",
        tenant: str = "",
        *,
        transport: Transport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api: Final = ApiClient(url, token, tenant, variable=self.variable, scopes=self.scopes, transport=transport, pause=pause)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()
