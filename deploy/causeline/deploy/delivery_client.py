"""What `causeline deliveries` asks of a running server, and how each way of not getting an answer is told."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx

from causeline.deploy.dead_letter_text import visible
from causeline.deploy.settings import DELIVERIES_TOKEN

Parameters = Sequence[tuple[str, str]]

PAGE: Final = 1_000
PORTION: Final = 200
"""Deliveries that one request begins again: about a second, and what is repeated where its answer is lost."""
_TIMEOUT_S: Final = 30.0
_TRIES: Final = 5
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class DeliveryError(Exception):
    """What was asked for cannot be done; the message says why, in one line. `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Refused(DeliveryError):
    """The server refuses this one request: others may go well."""


class DeliveryClient:
    """One server. Every method raises DeliveryError; what is refused for now is asked again a few times."""

    def __init__(
        self,
        url: str,
        token: str = "",
        tenant: str = "",
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        said = {"Authorization": f"Bearer {token}" if token else "", "Causeline-Tenant": tenant}
        self._url = url.rstrip("/")
        self._pause = pause
        try:
            headers = {name: value for name, value in said.items() if value}
            self._http = httpx.Client(timeout=_TIMEOUT_S, headers=headers, transport=transport)
        except UnicodeEncodeError as error:
            raise DeliveryError("a token and a tenant are of ASCII letters", 2) from error

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def listed(self, parameters: Parameters, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield deliveries, page after page, at most `limit` of them."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            place = [("cursor", cursor)] if cursor is not None else []
            page = self._asked("GET", "/v1/deliveries", params=[*parameters, ("limit", str(size)), *place])
            yield from page["deliveries"]
            left = None if left is None else left - len(page["deliveries"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def one(self, delivery_id: str) -> dict[str, Any]:
        """Return a delivery with its attempts."""
        return self._asked("GET", f"/v1/deliveries/{_segment(delivery_id)}")

    def retry(self, delivery_id: str) -> None:
        """Begin a dead delivery again. Raises Refused where it is not there or not dead."""
        self._asked("POST", f"/v1/deliveries/{_segment(delivery_id)}/retry")

    def retry_all(self, subscription: str, window: Mapping[str, str]) -> Iterator[int]:
        """Begin the dead deliveries of a subscription again, oldest first; yield how many, portion by portion."""
        cursor: str | None = None
        while True:
            body = {**window, "limit": PORTION, "cursor": cursor}
            done = self._asked("POST", f"/v1/subscriptions/{_segment(subscription)}/retry", json=body)
            yield int(done["retried"])
            cursor = done["next_cursor"]
            if cursor is None:
                return

    def _asked(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        for last in (*[False] * (_TRIES - 1), True):
            answer = self._sent(method, path, **what)
            if answer.status_code not in _LATER or last:
                break
            said = answer.headers.get("Retry-After", "")
            self._pause(min(float(said) if said.isdigit() else _PAUSE_S, _LONGEST_PAUSE_S))
        if answer.is_success:
            try:
                found: dict[str, Any] = answer.json()
            except ValueError:
                raise DeliveryError(f"{self._url} answers, but not as Causeline does: is the address right?") from None
            return found
        raise self._refusal(answer)

    def _sent(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{self._url}{path}", **what)
        except httpx.HTTPError as error:
            raise DeliveryError(f"no server answers at {self._url}: {visible(str(error)) or type(error).__name__}") from error
        except httpx.InvalidURL as error:
            raise DeliveryError(f"{self._url} is no address: {error}", 2) from error

    def _refusal(self, answer: httpx.Response) -> DeliveryError:
        try:
            detail = str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"{answer.status_code} {answer.reason_phrase}"
        said = visible(detail, 500)
        match answer.status_code:
            case HTTPStatus.UNAUTHORIZED:
                return DeliveryError(f"{self._url} asks for a token ({said}): set {DELIVERIES_TOKEN}, see `causeline token create`")
            case HTTPStatus.FORBIDDEN:
                return DeliveryError(f"{said} (to retry takes `admin`, to list and show takes `read`)")
            case HTTPStatus.NOT_FOUND | HTTPStatus.CONFLICT:
                return Refused(said)
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
                return DeliveryError(said, 2)
            case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
                return DeliveryError(f"{said}; try again later")
            case _:
                return DeliveryError(f"{self._url} answers {answer.status_code} {answer.reason_phrase}: {said}")


def _segment(text: str) -> str:
    """Return a text as one segment of a path; what would walk in it is no id."""
    if not text.strip("."):
        raise DeliveryError(f"{text!r} is no id", 2)
    return quote(text, safe="")
