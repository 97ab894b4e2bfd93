"""One attempt to hand a server an event, and what became of it.

2 s to connect and 5 s in all, also where a name is not resolved or a server drips: the call runs on a thread that is left behind when the
time is up. What it still does then does no harm: the next attempt has the same key. Redirects are not followed, since they would carry the
token away, and what is not JSON was not said by Causeline but by something between, so it is neither a receipt nor a refusal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .settings import ClientSettings
    from .spool import SpoolRecord

CONNECT_S = 2.0
ATTEMPT_S = 5.0
_MOST_ANSWER = 64 * 1024
_STAY = (401, 403, 408, 429)
_CREDENTIALS = (401, 403)
_OK, _REDIRECT, _BAD_REQUEST, _SERVER_ERROR = 200, 300, 400, 500


class WireAnswer(NamedTuple):
    """What came over the wire: `status` 0 with a reason in `text` where nothing did. `retry_after` in s, 0 if not told; `date` as sent."""

    status: int
    text: str
    is_json: bool = False
    retry_after: float = 0.0
    date: str = ""


class Delivered(NamedTuple):
    """A server has the event."""


class Rejection(NamedTuple):
    """A server will never take the event as it is."""

    status: int
    text: str


class Undelivered(NamedTuple):
    """The event has to wait. `is_credentials`: the token is not accepted; `is_away`: nobody answered; `retry_after` in s."""

    reason: str
    is_credentials: bool = False
    is_away: bool = False
    retry_after: float = 0.0


def judge_answer(answer: WireAnswer) -> Delivered | Rejection | Undelivered:
    """Return what an answer means for the event."""
    status = answer.status
    if status == 0:
        return Undelivered(answer.text, is_away=True)
    reason = f"HTTP {status} {refusal_sentence(answer.text)}" if answer.is_json else f"HTTP {status}, not from Causeline"
    if status in _STAY:
        return Undelivered(reason, is_credentials=status in _CREDENTIALS, retry_after=answer.retry_after)
    if status >= _SERVER_ERROR or _REDIRECT <= status < _BAD_REQUEST or not answer.is_json:
        return Undelivered(reason, retry_after=answer.retry_after)
    return Delivered() if _OK <= status < _REDIRECT else Rejection(status, answer.text)


def attempt_event(settings: ClientSettings, record: SpoolRecord, seconds: float = ATTEMPT_S) -> Delivered | Rejection | Undelivered:
    """Hand a server the event within so many seconds. Raises nothing."""
    headers = {"Idempotency-Key": record.key}
    return judge_answer(post_json(settings, record.event, headers, min(seconds, ATTEMPT_S)))


def post_json(settings: ClientSettings, content: dict[str, Any], headers: dict[str, str], seconds: float) -> WireAnswer:
    """POST to `/v1/events`; return the answer, status 0 where none came within so many seconds. The text never holds the token."""
    import threading

    answers: list[WireAnswer] = []

    def call() -> None:
        try:
            answers.append(_call(settings, content, headers, seconds))
        except Exception as error:  # noqa: BLE001 - whatever breaks below a socket, a proxy or TLS is one thing to a job: it did not get through
            reason = getattr(error, "reason", error)
            answers.append(WireAnswer(0, _without_token(f"{reason or type(error).__name__}", settings.token)))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    return answers[0] if answers else WireAnswer(0, f"no answer within {seconds:.0f} s")


def _call(settings: ClientSettings, content: dict[str, Any], headers: dict[str, str], seconds: float) -> WireAnswer:
    import http.client
    import urllib.error
    import urllib.request

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            self.timeout = min(CONNECT_S, seconds)
            super().connect()
            self.sock.settimeout(seconds)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Plain, req)

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    handlers: list[urllib.request.BaseHandler] = [PlainHandler(), NoRedirect()]
    if settings.url.lower().startswith("https:"):
        handlers.append(_tls_handler(seconds))
    request = urllib.request.Request(  # noqa: S310 - the settings let http and https through
        f"{settings.url}/v1/events",
        data=json.dumps(content, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "causeline-ci", **headers},
        method="POST",
    )
    if settings.token:
        request.add_unredirected_header("Authorization", f"Bearer {settings.token}")
    try:
        response = urllib.request.build_opener(*handlers).open(request, timeout=seconds)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        text = response.read(_MOST_ANSWER).decode("utf-8", "replace")
        fields = response.headers
        return WireAnswer(
            status=response.status or 0,
            text=_without_token(text, settings.token),
            is_json="json" in (fields.get("Content-Type") or "").lower(),
            retry_after=_seconds(fields.get("Retry-After") or ""),
            date=fields.get("Date") or "",
        )


def _tls_handler(seconds: float) -> Any:
    import http.client
    import ssl
    import urllib.request

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            self.timeout = min(CONNECT_S, seconds)
            super().connect()
            self.sock.settimeout(seconds)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Secure, req, context=ssl.create_default_context())

    return SecureHandler()


def refusal_sentence(text: str) -> str:
    """Return what a refusal (RFC 9457) says, on one line of at most 200 characters; '' where the text is none."""
    try:
        content = json.loads(text)
        detail = str(content.get("detail") or content.get("title") or "")
    except (ValueError, AttributeError, RecursionError):
        detail = ""
    return " ".join(detail.split())[:200]


def _seconds(retry_after: str) -> float:
    """Return the seconds of a `Retry-After`; a date, which no server of Causeline sends, is 0."""
    return float(retry_after) if retry_after.isdecimal() and retry_after.isascii() else 0.0


def _without_token(text: str, token: str) -> str:
    return text.replace(token, "***") if token else text
