"""What can go wrong with a request, and how each dialect says it.

    RequestError                one request, refused: nothing of it was stored
    ├── Malformed          400  not JSON, wrong encoding, wrong type
    ├── Invalid            400  well formed, but a field breaks a rule (native: 422)
    │   └── InvalidHeader  400  a header field cannot be read as what it is, or is missing or given twice
    ├── TooMuch            400  a question over a bound of the store: asked again, it is refused again
    ├── Unauthorized       401  carries WWW-Authenticate
    ├── Forbidden          403
    │   └── ForeignPage    403  a page of another site asks while nobody is authenticated, or by a name that is not the server's
    ├── NotFound           404
    │   └── UnknownSubject, UnknownVersion, UnknownSchema: the schema registry tells them apart
    ├── MethodNotAllowed   405  carries Allow
    ├── Conflict           409  what is asked for does not fit what is there
    ├── BodyTimeout        408  the body came too slowly; the connection is closed
    ├── TooLarge           413
    ├── UnsupportedMedia   415
    ├── InvalidSchema, InvalidVersion 422: said by the schema registry only
    ├── OverQuota          429  one tenant's events a second; carries Retry-After
    ├── OverShare          429  one tenant's share of the work under way; carries Retry-After
    ├── ClientGone              the client went away in the middle of its body: counted, read by nobody
    └── Unavailable        503  the outcome is unknown or nothing happened; carries Retry-After
        ├── Overloaded     503  nothing happened: more is asked than can be done in time
        └── TooSlow        503  a question took too long: it is large, or the store has much to do

The `reason` of an error is the label of the metric that counts it. The envelopes are the only place that knows a dialect's form.
"""

from collections.abc import Container, Iterable, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self

import msgspec

from causeline.schemas.web.body_stream import BodyStream

Envelope = Literal["tracker", "desk", "native", "cto_ai", "escapekit", "apitraffic", "registry"]

REGISTRY_MEDIA: Final = "application/vnd.schemaregistry.v1+json"
"""The media type of the Confluent Schema Registry API."""


class FieldError(NamedTuple):
    """One broken rule: the path of the field (`attributes.type`, `tagRule[0].meTypes`) and what is wrong with it."""

    field: str
    message: str


MAX_FIELDS: Final = 50
"""Broken rules that one answer names: who breaks more has one cause, and thousands would be an answer larger than the request."""
_MAX_NAME: Final = 200
_MAX_MESSAGE: Final = 2_000


def strangers(names: Iterable[str], known: Container[str], message: str, place: str = "") -> list[FieldError]:
    """Return the first names that are not known, each as a broken rule; a client may send any number of them."""
    return [FieldError(f"{place}{name[:100]}", message) for name in islice((name for name in names if name not in known), MAX_FIELDS)]


def _shown(field: FieldError) -> FieldError:
    """Return a broken rule in a bounded length: both parts may repeat what a client sent."""
    name, message = field
    return field if len(name) <= _MAX_NAME and len(message) <= _MAX_MESSAGE else FieldError(name[:_MAX_NAME], message[:_MAX_MESSAGE])


class RequestError(Exception):
    """A refused request. `fields` lists the broken rules, the first MAX_FIELDS; `where` is PAYLOAD_BODY, QUERY, PATH or HEADER."""

    status: ClassVar[int] = 400
    reason: ClassVar[str] = "invalid"

    def __init__(self, message: str, fields: tuple[FieldError, ...] = (), *, where: str = "PAYLOAD_BODY") -> None:
        if len(message) > _MAX_MESSAGE:
            message = f"{message[:_MAX_MESSAGE]}…"
        if (more := len(fields) - MAX_FIELDS) > 0:
            message = f"{message} and {more:,} more"
        super().__init__(message)
        self.message = message
        self.fields = tuple(map(_shown, fields[:MAX_FIELDS]))
        self.where = where
        self.headers: dict[str, str] = {}


class Malformed(RequestError):
    """The bytes are not what they claim to be."""

    reason = "malformed"


class Invalid(RequestError):
    """A field breaks a rule."""

    @classmethod
    def naming(cls, broken: Sequence[FieldError], *, where: str = "PAYLOAD_BODY") -> Self:
        """Return the refusal of these fields; its message names the first ten, with what is wrong with each."""
        return cls("; ".join(f"{field}: {message}" for field, message in broken[:10]), tuple(broken), where=where)


class InvalidHeader(Invalid):
    """A header field that is read and cannot be: refused before what it decides is decided without it."""

    reason = "invalid_header"

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(f"the header {name} {wrong}", (FieldError(name, wrong),), where="HEADER")


class TooMuch(RequestError):
    """A question reads or answers more than one question may. 400, because it is the question that must change, not the time."""

    reason = "too_much"

    def __init__(self, message: str) -> None:
        super().__init__(message, where="QUERY")


class Unauthorized(RequestError):
    """No credentials, or none that are valid."""

    status = 401
    reason = "unauthorized"

    def __init__(self, message: str, challenge: str = "Bearer") -> None:
        super().__init__(message, where="HEADER")
        self.headers = {"WWW-Authenticate": challenge}


class Forbidden(RequestError):
    """Valid credentials that lack the scope, or belong to another tenant."""

    status = 403
    reason = "forbidden"


class ForeignPage(Forbidden):
    """A browser asks for a page of another site, or by a name that is not the server's, while nobody has to be authenticated."""

    reason = "foreign_page"

    def __init__(self, message: str) -> None:
        super().__init__(message, where="HEADER")


class NotFound(RequestError):
    """No such event, problem or route."""

    status = 404
    reason = "not_found"


class UnknownSubject(NotFound):
    """The schema registry has no such subject."""


class UnknownVersion(NotFound):
    """The subject has no such version."""


class UnknownSchema(NotFound):
    """The schema registry has no such schema."""


class InvalidSchema(RequestError):
    """What was given to be looked up is no Avro schema."""

    status = 422


class InvalidVersion(RequestError):
    """A version of a subject is a number from 1, or `latest`."""

    status = 422


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""

    status = 405
    reason = "method_not_allowed"

    def __init__(self, message: str, allow: tuple[str, ...]) -> None:
        super().__init__(message)
        self.headers = {"Allow": ", ".join(allow)}


class Conflict(RequestError):
    """What is asked for does not fit what is there now: nothing of it was done."""

    status = 409
    reason = "conflict"


class BodyTimeout(RequestError):
    """The body did not arrive in time."""

    status = 408
    reason = "body_timeout"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers = {"Connection": "close"}


class ClientGone(RequestError):
    """The connection ended before the body did (nothing of it is used, also not the lines that came whole), or before the answer did."""

    reason = "client_gone"


class TooLarge(RequestError):
    """The body, after inflation, is over the limit."""

    status = 413
    reason = "too_large"


class UnsupportedMedia(RequestError):
    """The content type or coding is not spoken here. `takes` is the header field that says what is (RFC 9110, 15.5.16)."""

    status = 415
    reason = "unsupported_media"

    def __init__(self, message: str, takes: tuple[str, str] | None = None) -> None:
        super().__init__(message, where="HEADER")
        self.headers = {} if takes is None else dict([takes])


class OverQuota(RequestError):
    """The tenant may send no more events for now; nothing of the request was stored."""

    status = 429
    reason = "over_quota"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(retry_after_s)}


class OverShare(OverQuota):
    """The tenant holds its share of the work under way while another tenant asks for some."""

    reason = "over_share"


class Unavailable(RequestError):
    """The broker or the store did not answer in time; the client keeps its data and repeats."""

    status = 503
    reason = "unavailable"

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(retry_after_s)}


class Overloaded(Unavailable):
    """Nothing was done: what is under way already takes as long as a client should wait."""

    reason = "overloaded"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message, retry_after_s)


class TooSlow(Unavailable):
    """A question was stopped at its bound of time. 503, because the load of the moment has a part in it."""

    reason = "too_slow"


class InternalError(RequestError):
    """A bug: logged with its trace, shown without."""

    status = 500
    reason = "internal"


REASONS: Final = tuple(
    sorted(
        kind.reason
        for kind in (
            RequestError,
            Malformed,
            InvalidHeader,
            TooMuch,
            Unauthorized,
            Forbidden,
            ForeignPage,
            NotFound,
            MethodNotAllowed,
            Conflict,
            BodyTimeout,
            ClientGone,
            TooLarge,
            UnsupportedMedia,
            OverQuota,
            OverShare,
            Unavailable,
            Overloaded,
            TooSlow,
            InternalError,
        )
    ),
)

_GRPC_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 409: 6, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}


def grpc_code(error: RequestError) -> int:
    """Return the gRPC status code of an error (google.rpc.Code)."""
    return _GRPC_CODES[error.status]


def _tracker(error: RequestError) -> tuple[int, str, Any]:
    """Tracker: `{code: <gRPC code>, message, details}`."""
    return (
        error.status,
        "application/json",
        {"code": grpc_code(error), "message": error.message, "details": []},
    )


def _desk(error: RequestError) -> tuple[int, str, Any]:
    """DESK Events API v1: ErrorEnvelope with constraintViolations where there are some."""
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    if error.fields:
        body["constraintViolations"] = [
            {"path": f.field, "message": f.message, "parameterLocation": error.where, "location": None} for f in error.fields
        ]
    return error.status, "application/json; charset=utf-8", {"error": body}


def _native(error: RequestError) -> tuple[int, str, Any]:
    """Native API: problem details (RFC 9457). A body that breaks a field's rule is 422, a bad query parameter 400."""
    broken_body = isinstance(error, Invalid) and error.where == "PAYLOAD_BODY"
    status = 422 if broken_body else error.status
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
    }
    if error.fields:
        body["errors"] = [{"field": f.field, "message": f.message} for f in error.fields]
    return status, "application/problem+json", body


def _cto_ai(error: RequestError) -> tuple[int, str, Any]:
    """CTO.ai: `{name, message, code, errors: {field: message}}`; the name is the status phrase without blanks."""
    name = HTTPStatus(error.status).phrase.replace(" ", "")
    errors = {f.field: f.message for f in error.fields}
    return error.status, "application/json", {"name": name, "message": error.message, "code": error.status, "errors": errors}


def _escapekit(error: RequestError) -> tuple[int, str, Any]:
    """EscapeKit: `{error, field}`, the first broken field, where there is one."""
    body = {"error": error.message}
    return error.status, "application/json", body | ({"field": error.fields[0].field} if error.fields else {})


def _apitraffic(error: RequestError) -> tuple[int, str, Any]:
    """ApiTraffic: `{error: {message, fields: {field: message}}}`."""
    fields = {f.field: f.message for f in error.fields}
    return error.status, "application/json", {"error": {"message": error.message, "fields": fields}}


_REGISTRY_CODES: Final[dict[type[RequestError], int]] = {
    UnknownSubject: 40401,
    UnknownVersion: 40402,
    UnknownSchema: 40403,
    InvalidSchema: 42201,
    InvalidVersion: 42202,
}


def _registry(error: RequestError) -> tuple[int, str, Any]:
    """Confluent Schema Registry API, "Errors": `{error_code, message}`; the code is the status where it has none of its own."""
    code = _REGISTRY_CODES.get(type(error), error.status)
    return error.status, REGISTRY_MEDIA, {"error_code": code, "message": error.message}


_ENVELOPES: Final = {
    "tracker": _tracker,
    "desk": _desk,
    "native": _native,
    "cto_ai": _cto_ai,
    "escapekit": _escapekit,
    "apitraffic": _apitraffic,
    "registry": _registry,
}


class Answer(NamedTuple):
    """An HTTP answer: status, header fields (content type included) and body bytes, or in their place a body without an end of its own."""

    status: int
    headers: dict[str, str]
    body: bytes
    stream: BodyStream | None = None


def answer(envelope: Envelope, error: RequestError) -> Answer:
    """Return the error as the dialect says it."""
    status, content_type, body = _ENVELOPES[envelope](error)
    return Answer(status, {"Content-Type": content_type, **error.headers}, msgspec.json.encode(body))
