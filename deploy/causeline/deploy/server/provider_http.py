"""`/session/provider`: a visitor goes to the OpenID provider and comes back with a code, which begins a session as a token does.

Both are links, not forms: a page's policy lets no form lead to another site, and a provider leads back by a link. What a link begins
changes nothing but a cookie of the visitor, and what it brings back is worth nothing without that.
"""

from typing import Final

from causeline.deploy.access.cookies import PROVIDER_COOKIE, is_local, read_cookie, set_cookie
from causeline.deploy.access.oidc import (
    SEED_BYTES,
    TRIP_S,
    IdentityProvider,
    ProviderRules,
    Trip,
    authorization_address,
    grants_of,
    owner_of,
    plan_trip,
    read_identity,
    read_trip,
)
from causeline.deploy.access.own_pages import local_path, path_of_referer
from causeline.deploy.server.session_http import SESSION_PATH, SignIn
from causeline.ingest.ports import RandomBytes
from causeline.query_api.ui.rendering import page_answer
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas.web.errors import Unauthorized
from causeline.schemas.web.http import HttpRequest

PROVIDER_PATH: Final = f"{SESSION_PATH}/provider"
CALLBACK_PATH: Final = f"{PROVIDER_PATH}/callback"


class ProviderPages:
    """The way there and back. `public_url` is the address that pages are known by, '' where that is what the visitor asked by."""

    def __init__(self, sign_in: SignIn, provider: IdentityProvider, rules: ProviderRules, random: RandomBytes, public_url: str) -> None:
        self._sign_in, self._provider, self._rules, self._random = sign_in, provider, rules, random
        self._public_url = public_url.rstrip("/")

    def routes(self) -> tuple[PageRoute, ...]:
        """Return the routes."""
        return PageRoute("GET", PROVIDER_PATH, self.leave, "public"), PageRoute("GET", CALLBACK_PATH, self.come_back, "public")

    async def leave(self, visit: Visit) -> PageResult:
        """Send a visitor to the provider. Raises TooManyAttempts, or Unavailable where it does not answer."""
        request = visit.request
        self._sign_in.look(request)
        endpoints = await self._provider.endpoints(visit.now)
        named_page = dict(visit.query).get("then", "")
        trip = plan_trip(self._random(SEED_BYTES), local_path(named_page) if named_page else path_of_referer(request.headers))
        field = set_cookie(request.headers, PROVIDER_COOKIE, trip.cookie, life_s=TRIP_S, same_site="Lax")
        address = authorization_address(endpoints, self._rules, trip, self._redirect(request))
        return See(address, {"Set-Cookie": field})

    async def come_back(self, visit: Visit) -> PageResult:
        """Begin the session of a visitor whom the provider knows, and ask for their page as a page of ours.

        Raises TooManyAttempts or Unavailable.
        """
        self._sign_in.look(visit.request)
        trip = read_trip(read_cookie(visit.request.headers, PROVIDER_COOKIE))
        try:
            field = await self._confirm(visit, trip)
        except Unauthorized as refused:
            self._sign_in.fail(visit.request)
            values = {"page": SESSION_PATH, "message": refused.message, "then": trip.then if trip else ""}
            return Show("sign_in.html", {**values, "provider": self._sign_in.authenticator.provider}, refused.status)
        assert trip is not None
        # Not 303: what a provider's page leads to brings no strict cookie, what a page of ours leads to does.
        values = {"page": SESSION_PATH, "then": trip.then}
        return page_answer("signed_in.html", values, 200, {"Set-Cookie": field, "Refresh": f"0; url={trip.then}"})

    async def _confirm(self, visit: Visit, trip: Trip | None) -> str:
        """Return the field `Set-Cookie` of the session that begins. Raises Unauthorized or Unavailable."""
        fields, now = dict(visit.query), visit.now
        if trip is None or not trip.is_of(fields.get("state", "")):
            raise Unauthorized("the sign-in took too long, or began in another browser: begin anew")
        if fields.get("iss", self._rules.issuer) != self._rules.issuer:  # RFC 9207
            raise Unauthorized("the answer is of another provider")
        if not fields.get("code"):
            raise Unauthorized(f"the provider refuses: {fields.get('error', 'it gives no code')[:100]}")
        token = await self._provider.redeem(fields["code"], trip.verifier, self._redirect(visit.request), now)
        claims = read_identity(token, await self._provider.keys(now), self._rules, trip.nonce, now)
        return await self._sign_in.begin(visit.request, owner_of(claims), grants_of(claims, self._rules))

    def _redirect(self, request: HttpRequest) -> str:
        """Return where the provider sends visitors back to, which it has on a list."""
        scheme = "http" if is_local(request.headers) else "https"
        base = self._public_url or f"{scheme}://{request.headers.get('host', '')}"
        return f"{base}{CALLBACK_PATH}"
