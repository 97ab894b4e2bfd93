"""What can go wrong with a request, whatever API it is of.

    RequestError                one request, refused: nothing of it was stored
    ├── Malformed          400  not JSON, wrong encoding, wrong type
    ├── Invalid            400  well formed, but a field breaks a rule (native: 422)
    │   └── InvalidHeader  400  a header field cannot be read as what it is, or is missing or given twice
    ├── TooMuch            400  a question over a bound of the store: asked again, it is refused again
    ├── Unauthorized       401  carries WWW-Authenticate; over a page the form to sign in
    ├── Forbidden          403
    │   └── ForeignPage    403  a page of another site asks, with a session's cookie or while nobody is authenticated
    ├── NotFound           404
    ├── MethodNotAllowed   405  carries Allow
    ├── Conflict           409  what is asked for does not fit what is there
    ├── BodyTimeout        408  the body came too slowly; the connection is closed
    ├── TooLarge           413
    ├── UnsupportedMedia   415
    ├── TooManyAttempts    429  somebody at this address signed in wrongly too often; carries Retry-After
    ├── OverQuota          429  one tenant's events a second; carries Retry-After
    ├── OverShare          429  one tenant's share of the work under way; carries Retry-After
    ├── ClientGone              the client went away in the middle of its body: counted, read by nobody
    └── Unavailable        503  the outcome is unknown or nothing happened; carries Retry-After
        ├── Overloaded     503  nothing happened: more is asked than can be done in time
        └── TooSlow        503  a question took too long: it is large, or the store has much to do

The `reason` of an error is the label of the metric that counts it. How an API says an error is its envelope (`web.api`), and stands in
its folder; the schema registry has errors of its own (`catalog.registry_api`).
"""

from collections.abc import Container, Iterable, Sequence
from itertools import islice
from typing import ClassVar, Final, NamedTuple, Self

from causeline.schemas.web.body_stream import BodyStream


class FieldError(NamedTuple):
    """One broken rule: the path of the field (`attributes.type`, `tagRule[0].meTypes`) and what is wrong with it."""

    field: str
    message: str


MAX_FIELD_ERRORS: Final = 50
"""Broken rules that one answer names: who breaks more has one cause, and thousands would be an answer larger than the request."""
_MAX_NAME: Final = 200
_MAX_MESSAGE: Final = 2_000


def strangers(names: Iterable[str], known_names: Container[str], message: str, place: str = "") -> list[FieldError]:
    """Return the first names that are not known, each as a broken rule; a client may send any number of them."""
    return [
        FieldError(f"{place}{name[:100]}", message)
        for name in islice((name for name in names if name not in known_names), MAX_FIELD_ERRORS)
    ]


def _shorten(field: FieldError) -> FieldError:
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
        if (more := len(fields) - MAX_FIELD_ERRORS) > 0:
            message = f"{message} and {more:,} more"
        super().__init__(message)
        self.message = message
        self.fields = tuple(map(_shorten, fields[:MAX_FIELD_ERRORS]))
        self.where = where
        self.headers: dict[str, str] = {}


class Malformed(RequestError):
    """The bytes are not what they claim to be."""

    reason = "malformed"


class Invalid(RequestError):
    """A field breaks a rule."""

    @classmethod
    def naming(cls, errors: Sequence[FieldError], *, where: str = "PAYLOAD_BODY") -> Self:
        """Return the refusal of these fields; its message names the first ten, with what is wrong with each."""
        return cls("; ".join(f"{field}: {message}" for field, message in errors[:10]), tuple(errors), where=where)


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
    """No credentials, or none that are valid. `provider` is the name of who else may say who somebody is, '' where nobody may."""

    status = 401
    reason = "unauthorized"

    def __init__(self, message: str, challenge: str = "Bearer", provider: str = "") -> None:
        super().__init__(message, where="HEADER")
        self.provider = provider
        self.headers = {"WWW-Authenticate": challenge}


class Forbidden(RequestError):
    """Valid credentials that lack the scope, or belong to another tenant."""

    status = 403
    reason = "forbidden"


class ForeignPage(Forbidden):
    """A browser asks for a page of another site: with a cookie, or while nobody has to be authenticated, or by a name that is not ours."""

    reason = "foreign_page"

    def __init__(self, message: str) -> None:
        super().__init__(message, where="HEADER")


class NotFound(RequestError):
    """No such event, problem or route."""

    status = 404
    reason = "not_found"


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


class TooManyAttempts(RequestError):
    """Somebody at this address showed wrong credentials too often to sign in."""

    status = 429
    reason = "too_many_attempts"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, where="HEADER")
        self.headers = {"Retry-After": str(retry_after_s)}


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
            TooManyAttempts,
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


class Answer(NamedTuple):
    """An HTTP answer: status, header fields (content type included) and body bytes, or in their place a body without an end of its own."""

    status: int
    headers: dict[str, str]
    body: bytes
    stream: BodyStream | None = None
