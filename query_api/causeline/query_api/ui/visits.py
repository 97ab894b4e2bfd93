"""A page as a record, and one visit of it: what a page may ask, and what it returns. A page knows neither the store nor who answers.

What a page shows it asks of the native API as its visitor (`Visit.get`), so that validation, bounds, tenants and groups are those of every
client, and a number on a page is the number that a script gets. What it changes it sends there too (`Visit.send`), then sends the visitor
on (`See`), so that a page loaded again repeats nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from causeline.schemas.web.calls import ApiCall, AskApi
from causeline.schemas.web.errors import Answer, Forbidden, Invalid, Unauthorized
from causeline.schemas.web.http import Demand, HttpRequest, Scope

FORM_MEDIA: Final = ("application/x-www-form-urlencoded",)
MAX_FORM: Final = 64 << 10
"""Bytes of a form: its longest field is a text of the API, escaped."""
_MAX_FIELDS: Final = 100

FormPairs = list[tuple[str, str]]


class Show(NamedTuple):
    """A template with its values. `status` is what the answer says of itself to programs; people read the page."""

    template: str
    values: Mapping[str, Any]
    status: int = 200


class See(NamedTuple):
    """Another address, to be read next (303): of this server an absolute path with its query. `headers` go along, such as a cookie."""

    address: str
    headers: Mapping[str, str] = MappingProxyType({})


PageResult = Show | See | Answer
"""What a page returns; an `Answer` for what is no page, such as a table as CSV."""


class Visit(NamedTuple):
    """One request of a page by an admitted visitor. `demand` refuses who lacks a scope."""

    request: HttpRequest
    ask: AskApi
    demand: Demand

    @property
    def now(self) -> int:
        """Return when the request came (ms UTC)."""
        return self.request.received_at

    @property
    def query(self) -> FormPairs:
        """Return the query parameters in order. Raises Invalid."""
        return self.request.query()

    def may(self, scope: Scope) -> bool:
        """Tell whether the visitor has a scope: what a page would refuse, it does not offer."""
        try:
            self.demand(self.request, scope)
        except (Unauthorized, Forbidden):
            return False
        return True

    async def body(self, path: str, query: FormPairs | None = None, **params: str) -> bytes:
        """Return what `GET path` answers as it is, for what is shown to the letter. Raises as `get`."""
        return (await self.ask(self.request, ApiCall("GET", path, params, urlencode(query or [])))).body

    async def get(self, path: str, query: FormPairs | None = None, **params: str) -> Any:
        """Return what `GET path` answers, as JSON values. `path` is a route of the API, `params` its parameters. Raises as it refuses."""
        return await self._json(ApiCall("GET", path, params, urlencode(query or [])))

    async def send(self, method: str, path: str, body: object = None, **params: str) -> Any:
        """Return what the API answers to a change, as JSON values, None without a body. Raises as it refuses."""
        return await self._json(ApiCall(method, path, params, body=b"" if body is None else msgspec.json.encode(body)))

    async def _json(self, call: ApiCall) -> Any:
        answer = await self.ask(self.request, call)
        return msgspec.json.decode(answer.body) if answer.body else None

    def form(self) -> dict[str, str]:
        """Return the fields of a form that was sent, without blanks around them. Raises Invalid: not UTF-8, too many, or one twice."""
        try:
            pairs = parse_qsl(self.request.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
        except ValueError as error:
            raise Invalid(f"the form is not percent-encoded UTF-8 of at most {_MAX_FIELDS} fields") from error
        fields = {name: value.strip() for name, value in pairs}
        if len(fields) < len(pairs):
            raise Invalid("the form has a field twice")
        return fields


class PageRoute(NamedTuple):
    """One page or action: method, path, handler. A `POST` takes a form; `scope` is what its visitor needs, as for a route."""

    method: str
    path: str
    visit: Callable[[Visit], Awaitable[PageResult]]
    scope: Scope = "read"
