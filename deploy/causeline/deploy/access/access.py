"""Who may call a route, and whose events the call is about: the one decision between routing and the body of a request.

With authentication off everybody may do everything, and the request names its tenant. With it on, the tenant is the caller's: a path,
host name or header that names another one is refused, whether or not that one exists.
"""

from collections.abc import Mapping
from typing import Final

from causeline.deploy.access.auth import Authenticator, credentials_of
from causeline.schemas.web.errors import Forbidden, Invalid
from causeline.schemas.web.http import HttpRequest, HttpRoute, Scope
from causeline.schemas.web.principal import TENANT

DEFAULT_TENANT: Final = "default"
TENANT_HEADER: Final = "causeline-tenant"


def named_tenant(route: HttpRoute, params: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """Return the environment or account that a request names in its API's way, None where it names none.

    Raises NotFound for a path that cannot name one.
    """
    return None if route.api.tenant_of is None else route.api.tenant_of(params, headers)


def unauthenticated_tenant(route: HttpRoute, params: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return whose events the request is about while nobody is authenticated: the environment it names, its header, or the default."""
    tenant = named_tenant(route, params, headers) or headers.get(TENANT_HEADER) or DEFAULT_TENANT
    if tenant != DEFAULT_TENANT and TENANT.fullmatch(tenant) is None:
        raise Invalid("the header Causeline-Tenant takes 1 to 128 letters, digits, '.', '_' or '-'", where="HEADER")
    return tenant


class Gate:
    """Lets requests in; without an authenticator all of them."""

    def __init__(self, authenticator: Authenticator | None) -> None:
        self._authenticator = authenticator

    def admit(self, route: HttpRoute, request: HttpRequest) -> HttpRequest:
        """Return the request with the tenant and the groups that its caller may see.

        Raises NotFound for a path that can name no tenant, Unauthorized, Forbidden, or Unavailable.
        """
        if self._authenticator is None:
            return request.seen_by(unauthenticated_tenant(route, request.params, request.headers), None)
        if route.needs == "public":
            return request.seen_by(DEFAULT_TENANT, ())
        requested_tenant = named_tenant(route, request.params, request.headers)
        caller = self._authenticator.authenticate(request.headers, request.query, request.received_at, route.api)
        if not caller.may(route.needs):
            raise Forbidden(f"the token lacks the scope {route.needs}", where="HEADER")
        for other in (requested_tenant, request.headers.get(TENANT_HEADER)):
            if other and other != caller.tenant:
                raise Forbidden("the token belongs to another tenant", where="PATH")
        return request.seen_by(caller.tenant, caller.visible_groups)

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
