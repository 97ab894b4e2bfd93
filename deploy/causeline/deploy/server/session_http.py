"""`/session`: who somebody is to the pages. A token, typed once, begins a session; then a cookie shows it, until it ends or is ended.

While nobody has to sign in there are no sessions, and a visitor only says whose events the pages show.
"""

from typing import Final, NamedTuple

from causeline.deploy.access.access import Gate, session_field
from causeline.deploy.access.attempts import Attempts
from causeline.deploy.access.auth import Authenticator
from causeline.deploy.access.cookies import SESSION_COOKIE, TENANT_COOKIE, is_local, read_cookie, set_cookie
from causeline.deploy.access.own_pages import local_path, path_of_referer
from causeline.deploy.access.sessions import Grant, Visitor, live_principals
from causeline.deploy.access.tokens import token_digest
from causeline.deploy.server.session_desk import SessionDesk
from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas import telemetry
from causeline.schemas.web.errors import Answer, Conflict, Forbidden, TooManyAttempts, Unauthorized
from causeline.schemas.web.http import HttpRequest, HttpRoute
from causeline.schemas.web.principal import TENANT

SESSION_PATH: Final = "/session"
_CHOICE_S: Final = 400 * 86_400
"""Browsers keep no cookie for longer (RFC 6265bis, 5.5)."""
_EVERY: Final = "all"


class SignIn(NamedTuple):
    """Who judges tokens, where sessions are kept, and who failed lately."""

    authenticator: Authenticator
    desk: SessionDesk
    attempts: Attempts

    async def begin(self, request: HttpRequest, owner: str, grants: list[Grant]) -> str:
        """Begin a session; return the field `Set-Cookie` that shows it. Raises Unavailable."""
        former = self.authenticator.find_visitor(request.headers, request.received_at)
        opening = await self.desk.begin(owner, grants, request.received_at, former)
        telemetry.SIGN_INS.labels("begun").inc()
        return session_field(request, opening.session, opening.cookie)

    def look(self, request: HttpRequest) -> None:
        """Let somebody try to sign in. Raises TooManyAttempts."""
        try:
            self.attempts.look(request.client, request.received_at)
        except TooManyAttempts as refused:
            telemetry.SIGN_INS.labels(refused.reason).inc()
            raise

    def fail(self, request: HttpRequest) -> None:
        """Note that somebody showed what is not valid."""
        telemetry.SIGN_INS.labels("refused").inc()
        self.attempts.fail(request.client, request.received_at)


def session_routes(sign_in: SignIn | None) -> tuple[PageRoute, ...]:
    """Return the page of sessions and its forms; None where nobody has to sign in."""
    page = _Open() if sign_in is None else _Guarded(sign_in)
    forms = () if isinstance(page, _Open) else (("/add", page.add), ("/end", page.end))
    return (
        PageRoute("GET", SESSION_PATH, page.show, "public"),
        PageRoute("POST", SESSION_PATH, page.sign_in, "public"),
        PageRoute("POST", f"{SESSION_PATH}/switch", page.switch, "public"),
        *(PageRoute("POST", f"{SESSION_PATH}{path}", visit, "public") for path, visit in forms),
    )


def lasting(route: HttpRoute, gate: Gate) -> HttpRoute:
    """Return the route of a page whose visits make a session last."""
    if route.needs == "public" or route.method != "GET":
        return route

    async def handle(request: HttpRequest) -> Answer:
        answer = await route.handler(request)
        field = gate.renew(route, request)
        return answer._replace(headers={**answer.headers, "Set-Cookie": field}) if field else answer

    return route._replace(handler=handle)


class _Open:
    """The page while nobody has to sign in."""

    async def show(self, visit: Visit) -> PageResult:
        """Show whose events the pages show, and the form to choose others."""
        return self._page(visit, read_cookie(visit.request.headers, TENANT_COOKIE))

    async def sign_in(self, _: Visit) -> PageResult:
        """Send on whoever signs in although nobody has to."""
        return See(SESSION_PATH)

    async def switch(self, visit: Visit) -> PageResult:
        """Choose the tenant whose events pages show; without one the default."""
        tenant = visit.form().get("tenant", "")
        if tenant and TENANT.fullmatch(tenant) is None:
            return self._page(visit, tenant, "takes 1 to 128 letters, digits, '.', '_' or '-'")
        field = set_cookie(visit.request.headers, TENANT_COOKIE, tenant, life_s=_CHOICE_S if tenant else 0)
        return See("/", {"Set-Cookie": field})

    def _page(self, visit: Visit, tenant: str, wrong: str = "") -> Show:
        request = visit.request.seen_by(tenant if tenant and not wrong else visit.request.tenant, None)
        values = {"page": SESSION_PATH, "tenant": tenant, "wrong": wrong, "request": request}
        return Show("open_session.html", values, 422 if wrong else 200)


class _Guarded:
    """The page where everybody signs in."""

    def __init__(self, sign_in: SignIn) -> None:
        self._parts = sign_in

    async def show(self, visit: Visit) -> PageResult:
        """Show who the visitor is, their tenants and sessions; or the form to sign in."""
        visitor = self._visitor(visit.request)
        return self._form("", path_of_referer(visit.request.headers), 200) if visitor is None else self._page(visit, visitor)

    async def sign_in(self, visit: Visit) -> PageResult:
        """Begin a session with a token, and go where the visitor came from. Raises TooManyAttempts or Unavailable."""
        request, fields = visit.request, visit.form()
        self._parts.look(request)
        then = local_path(fields["then"]) if fields.get("then") else path_of_referer(request.headers)
        secret = fields.get("token", "")
        if not is_local(request.headers) and request.headers.get("origin", "").startswith("http:"):
            return self._form(
                "a browser keeps a session over https only: ask this server by an address with TLS, or on its own machine", then, 422
            )
        try:
            grant = self._parts.authenticator.grant_of(secret, request.received_at)
        except Unauthorized as refused:
            self._parts.fail(request)
            return self._form(refused.message, then, refused.status)
        owner = grant.token or f"jwt {grant.tenant} {grant.name or token_digest(secret)}"
        return See(then, {"Set-Cookie": await self._parts.begin(request, owner, [grant])})

    async def switch(self, visit: Visit) -> PageResult:
        """Show the events of another tenant of the session. Raises Unauthorized or Forbidden."""
        visitor = self._known_visitor(visit.request)
        tenant = visit.form().get("tenant", "")
        now = visit.now
        if tenant not in {each.tenant for each in live_principals(self._parts.desk.view, visitor.session, now)}:
            raise Forbidden(f"the session has no tenant {tenant[:128]!r}")
        return See("/", {"Set-Cookie": session_field(visit.request, visitor.session, visitor.cookie(now, tenant))})

    async def add(self, visit: Visit) -> PageResult:
        """Add the tenant of another token to the session. Raises Unauthorized, TooManyAttempts or Unavailable."""
        visitor = self._known_visitor(visit.request)
        self._parts.look(visit.request)
        try:
            grant = self._parts.authenticator.grant_of(visit.form().get("token", ""), visit.now)
            opening = await self._parts.desk.add(visitor, grant, visit.now)
        except Unauthorized as refused:
            self._parts.fail(visit.request)
            return self._page(visit, visitor, refused.message)
        except Conflict as refused:
            return self._page(visit, visitor, refused.message)
        return See(SESSION_PATH, {"Set-Cookie": session_field(visit.request, opening.session, opening.cookie)})

    async def end(self, visit: Visit) -> PageResult:
        """End the session, another one of its owner, or all of them. Raises Unauthorized or Unavailable."""
        visitor = self._known_visitor(visit.request)
        own, owner = visitor.session.id, visitor.session.owner
        choice = visit.form().get("session") or own
        ids = [session.id for session in self._parts.desk.of(owner, visit.now)] if choice == _EVERY else [choice]
        await self._parts.desk.end(ids, owner, visit.now)
        return See(SESSION_PATH, {"Set-Cookie": set_cookie(visit.request.headers, SESSION_COOKIE, "", life_s=0)} if own in ids else {})

    def _visitor(self, request: HttpRequest) -> Visitor | None:
        return self._parts.authenticator.find_visitor(request.headers, request.received_at, PAGES_API)

    def _known_visitor(self, request: HttpRequest) -> Visitor:
        visitor = self._visitor(request)
        if visitor is None:
            raise Unauthorized("the session has ended", provider=self._parts.authenticator.provider)
        return visitor

    def _form(self, message: str, then: str, status: int) -> Show:
        values = {"page": SESSION_PATH, "message": message, "then": then, "provider": self._parts.authenticator.provider}
        return Show("sign_in.html", values, status)

    def _page(self, visit: Visit, visitor: Visitor, wrong: str = "") -> Show:
        principal, session, desk = visitor.principal, visitor.session, self._parts.desk
        values = {
            "page": SESSION_PATH,
            "request": visit.request.seen_by(principal.tenant, principal.visible_groups, principal.name),
            "visitor": principal,
            "session": session,
            "principals": live_principals(desk.view, session, visit.now),
            "sessions": desk.of(session.owner, visit.now),
            "idle_s": self._parts.authenticator.session_rules.idle_ms // 1_000,
            "wrong": wrong,
        }
        return Show("session.html", values, 422 if wrong else 200)
