"""What is known of an API before one of its handlers is asked, or in its place: its paths, its callers, its tenants, its refusals."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from causeline.schemas.web.errors import Answer, RequestError
from causeline.schemas.web.openapi import Schema

Scheme = Literal["bearer", "api-token", "basic", "session"]
"""How a caller is known: `Authorization: Bearer …`, `Authorization: Api-token …` or the query parameter `api-token`, a token as a password,
or the cookie of a session that a token began."""

TenantOf = Callable[[Mapping[str, str], Mapping[str, str]], str | None]
"""Return the tenant that a request names by its path parameters or header fields, None where it names none. Raises NotFound."""


class Envelope(NamedTuple):
    """How an API says what is wrong: status and JSON value of an error, their media type, and the schema that every value fulfils."""

    say: Callable[[RequestError], tuple[int, Any]]
    schema_name: str
    schema: Schema
    media: str = "application/json"


class Api(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One API, stated once; each is itself alone, so two are never equal.

    `prefixes` are the beginnings of paths whose errors are said in its words where no route is found. `tenant_of` reads the tenant that a
    request names, `tenant_of_host` the one that a header Host alone does. Of `schemes` any is taken; the last one is asked for where
    there is none, in the words `unauthenticated` if it has some. `counted_as` is the API whose label metrics give it, itself if empty.
    `refusal` says errors in another form than JSON, in place of the envelope.
    """

    name: str
    title: str
    envelope: Envelope
    prefixes: tuple[str, ...] = ()
    tenant_of: TenantOf | None = None
    tenant_of_host: Callable[[str], str | None] | None = None
    schemes: tuple[Scheme, ...] = ("bearer",)
    unauthenticated: str = ""
    counted_as: str = ""
    refusal: Callable[[RequestError], Answer] | None = None

    @property
    def label(self) -> str:
        """Return the value of the label `dialect` of metrics."""
        return self.counted_as or self.name

    def refuse(self, error: RequestError) -> Answer:
        """Return an error as this API says it over HTTP. Over gRPC all APIs say it alike: a status and its message."""
        if self.refusal is not None:
            return self.refusal(error)
        status, body = self.envelope.say(error)
        return Answer(status, {"Content-Type": self.envelope.media, **error.headers}, msgspec.json.encode(body))
