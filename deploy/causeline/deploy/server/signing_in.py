"""What signs visitors in, made from the settings: who judges tokens and cookies, and the pages that begin and end sessions."""

import os
from urllib.parse import urlsplit

from causeline.deploy.access.attempts import Attempts
from causeline.deploy.access.auth import Authenticator
from causeline.deploy.access.jwks import Jwks
from causeline.deploy.access.jwts import JwtRules
from causeline.deploy.access.oidc import ProviderRules
from causeline.deploy.access.sessions import SessionRules
from causeline.deploy.adapters.openid_provider import OpenIdProvider
from causeline.deploy.server.provider_http import ProviderPages
from causeline.deploy.server.session_desk import SessionDesk
from causeline.deploy.server.session_http import SignIn, session_routes
from causeline.deploy.setting_lists import split_list
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.ingest.ports import ConfigLog
from causeline.query_api.ui.visits import PageRoute


def authenticator_of(settings: Settings, config: KafkaConfigLog, jwks: Jwks | None) -> Authenticator | None:
    """Return who knows callers, None where nobody has to be known."""
    if not settings.auth_required:
        return None
    keys = None if jwks is None else lambda: jwks.current
    rules = JwtRules(settings.jwt_secret, keys, settings.jwt_issuer, settings.jwt_audience)
    return Authenticator(config.view, lambda: config.ready, rules, session_rules(settings), provider_name(settings))


def session_rules(settings: Settings) -> SessionRules:
    """Return how long sessions last, and how many there may be."""
    return SessionRules(settings.session_idle, settings.session_length, settings.max_sessions)


def provider_name(settings: Settings) -> str:
    """Return what the form to sign in calls the OpenID provider, '' where there is none."""
    return (settings.oidc_name or urlsplit(settings.oidc_issuer).netloc) if settings.oidc_issuer else ""


def session_pages(settings: Settings, config: ConfigLog, authenticator: Authenticator | None) -> tuple[PageRoute, ...]:
    """Return the pages of sessions: with a provider also the way there and back."""
    if authenticator is None:
        return session_routes(None)
    sign_in = SignIn(authenticator, SessionDesk(config, authenticator.session_rules, os.urandom), Attempts())
    if not settings.oidc_issuer:
        return session_routes(sign_in)
    provider = OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    pages = ProviderPages(sign_in, provider, provider_rules(settings), os.urandom, settings.public_url)
    return *session_routes(sign_in), *pages.routes()


def provider_rules(settings: Settings) -> ProviderRules:
    """Return what the OpenID provider's words mean here."""
    rights = [part.rpartition("=") for part in split_list(settings.oidc_rights)]
    return ProviderRules(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        request=settings.oidc_request,
        tenant_claim=settings.oidc_tenant_claim,
        tenants=tuple(split_list(settings.oidc_tenants)),
        groups_claim=settings.oidc_groups_claim,
        scope_claim=settings.oidc_scope_claim,
        rights=tuple((group, scope) for group, _, scope in rights),
    )
