"""Who may call a route, and whose events the call is about: the one decision between routing and the body of a request.

With authentication off everybody may do everything, and the request names its tenant. With it on, the tenant is the caller's: a path,
host name or header that names another one is refused, whether or not that one exists.
"""

from collections.abc import Mapping
from typing import Final

from causeline.deploy.access.auth import Authenticator, credentials_of
from causeline.deploy.access.cookies import ARRIVAL_COOKIE, SESSION_COOKIE, TENANT_COOKIE, read_cookie, set_cookie
from causeline.deploy.access.own_pages import demand_own_page, session_text
from causeline.deploy.access.sessions import Session
from causeline.schemas.web.errors import Forbidden, Invalid, Unauthorized
from causeline.schemas.web.http import HttpRequest, HttpRoute, Scope
from causeline.schemas.web.principal import DEFAULT_TENANT, TENANT

TENANT_HEADER: Final = "causeline-tenant"


def named_tenant(route: HttpRoute, params: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """Return the environment or account that a request names in its API's way, None where it names none.

    Raises NotFound for a path that cannot name one.
    """
    return None if route.api.tenant_of is None else route.api.tenant_of(params, headers)


def unauthenticated_tenant(route: HttpRoute, params: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return whose events the request is about while nobody is authenticated: the environment it names, its header, or the default.

    Pages, and what they ask, show the tenant that their visitor chose. `access.browsers` keeps pages of other sites from using that.
    """
    tenant = named_tenant(route, params, headers) or headers.get(TENANT_HEADER) or chosen_tenant(route, headers)
    if tenant != DEFAULT_TENANT and TENANT.fullmatch(tenant) is None:
        raise Invalid("the header Causeline-Tenant takes 1 to 128 letters, digits, '.', '_' or '-'", where="HEADER")
    return tenant


def session_field(request: HttpRequest, session: Session, cookie: str) -> str:
    """Return the field `Set-Cookie` of a session, whose cookie ends with it."""
    life_s = max(0, session.expires - request.received_at) // 1_000
    return set_cookie(request.headers, SESSION_COOKIE, cookie, life_s=life_s)


def chosen_tenant(route: HttpRoute, headers: Mapping[str, str]) -> str:
    """Return the tenant that the visitor of a page chose, the default without."""
    tenant = read_cookie(headers, TENANT_COOKIE) if "session" in route.api.schemes else ""
    return tenant if TENANT.fullmatch(tenant) else DEFAULT_TENANT


class Gate:
    """Lets requests in; without an authenticator all of them. `public_host` is `host[:port]` of the address that pages are known by."""

    def __init__(self, authenticator: Authenticator | None, public_host: str = "") -> None:
        self._authenticator = authenticator
        self._public_host = public_host

    def admit(self, route: HttpRoute, request: HttpRequest) -> HttpRequest:
        """Return the request with the tenant and the groups that its caller may see.

        Raises NotFound for a path that can name no tenant, Unauthorized, Forbidden, ForeignPage, or Unavailable.
        """
        if route.needs == "public" and route.api.refusal is not None:
            demand_own_page(request.method, request.headers, self._public_host)  # a form for everybody, such as the one to sign in
        if self._authenticator is None:
            return request.seen_by(unauthenticated_tenant(route, request.params, request.headers), None)
        if route.needs == "public":
            return request.seen_by(DEFAULT_TENANT, ())
        requested_tenant = named_tenant(route, request.params, request.headers)
        if session_text(route.api, request.headers):
            demand_own_page(request.method, request.headers, self._public_host)
        try:
            caller = self._authenticator.authenticate(request.headers, request.query, request.received_at, route.api)
        except Unauthorized as refused:
            refused.headers |= _asking_anew(route, request)
            raise
        if not caller.may(route.needs):
            raise Forbidden(f"the token lacks the scope {route.needs}", where="HEADER")
        for other in (requested_tenant, request.headers.get(TENANT_HEADER)):
            if other and other != caller.tenant:
                raise Forbidden("the token belongs to another tenant", where="PATH")
        return request.seen_by(caller.tenant, caller.visible_groups, caller.name)

    def renew(self, route: HttpRoute, request: HttpRequest) -> str:
        """Return the field `Set-Cookie` that a visit of a page makes a session last by, '' where there is none or it is too soon."""
        if self._authenticator is None or request.method != "GET":
            return ""
        visitor = self._authenticator.find_visitor(request.headers, request.received_at, route.api)
        if visitor is None or not visitor.is_due(request.received_at):
            return ""
        return session_field(request, visitor.session, visitor.cookie(request.received_at))

    def demand(self, request: HttpRequest, scope: Scope) -> None:
        """Refuse an admitted request whose caller lacks one more scope (a tool that writes). Raises Forbidden, or as `admit`."""
        if self._authenticator is None:
            return
        caller = self._authenticator.authenticate(request.headers, request.query, request.received_at)
        if not caller.may(scope):
            raise Forbidden(f"the token lacks the scope {scope}", where="HEADER")

    def probable(self, sharing: tuple[HttpRoute, ...], request: HttpRequest) -> HttpRoute:
        """Return the route that a caller means, by how the token is shown: what tells for sure is in the body, which is not read yet."""
        if self._authenticator is None or len(sharing) == 1:
            return sharing[-1]
        credentials = credentials_of(request.headers, request.query)
        return next((route for route in sharing if credentials is not None and credentials.scheme in route.api.schemes), sharing[-1])


def _asking_anew(route: HttpRoute, request: HttpRequest) -> dict[str, str]:
    """Return the fields that make a browser ask for a page once more, where a link of another site led to it, without the cookie.

    `SameSite=Strict` keeps the cookie back from what another site began, a link in a chat too. The second time it is our own page that
    asks. That it does so once, also in a browser that sees it otherwise, another cookie says, which comes along with links.
    """
    is_arrival = request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"
    if not is_arrival or route.api.refusal is None or read_cookie(request.headers, ARRIVAL_COOKIE):
        return {}
    return {"Refresh": "0", "Set-Cookie": set_cookie(request.headers, ARRIVAL_COOKIE, "1", life_s=10, same_site="Lax")}
