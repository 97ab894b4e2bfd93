"""Requests to endpoints that anybody may have named, by httpx: bounded in time and size, without cookies, proxies or the environment.

The transport is used without a client: what a client adds (cookies, proxies, redirects of its own) must not happen here. Redirects are
followed only where they keep method and body (307, 308), and each target is looked at like the first; what a subscription adds to its
requests goes to no other origin.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urljoin, urlsplit

import certifi
import httpcore
import httpx
import msgspec

from causeline.processors.adapters.http.checked_network import CheckedNetwork, DnsFailed
from causeline.processors.adapters.http.connections import IDLE_S, ConnectionPool
from causeline.processors.workers import endpoints
from causeline.processors.workers.endpoints import EndpointRefused
from causeline.processors.workers.ports import EndpointAnswer, EndpointCall, Failure, Unanswered
from causeline.schemas.subscriptions.endpoints import AllowList, origin_of

_REDIRECTS: Final = frozenset({307, 308})
_ANY_REDIRECT: Final = frozenset({301, 302, 303, 305, 306, 307, 308})
_MAX_REDIRECTS: Final = 3
_RESOLVERS: Final = 32


class HttpxSender:
    """The Sender of a worker; `timeout_s` bounds one attempt as a whole, `connections` how many are kept open while idle."""

    def __init__(self, allow: AllowList, *, timeout_s: float, connections: int, agent: str, tls: ssl.SSLContext | None = None) -> None:
        self._allow = allow
        self._timeout_s = timeout_s
        self._agent = agent
        self._resolving: Final = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        context = tls or trusted_context()
        networks = {scheme: CheckedNetwork(allow, self._resolving, listed_only=scheme == "http") for scheme in ("http", "https")}
        self._connections: Final = ConnectionPool(lambda scheme: _Transport(networks[scheme], context), most=connections)

    async def send(self, call: EndpointCall) -> EndpointAnswer | Unanswered:
        """Return the answer, in `timeout_s` at most."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(call)
        except TimeoutError:
            return Unanswered("timeout")
        except EndpointRefused as refused:
            return Unanswered("bad url" if refused.why == "not a URL" else "refused address")
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError, httpcore.TimeoutException, OSError, UnicodeError) as error:
            return Unanswered(_why(error))

    async def _send(self, call: EndpointCall) -> EndpointAnswer | Unanswered:
        url = call.url
        for _ in range(_MAX_REDIRECTS + 1):
            answer, location = await self._once(url, call)
            if answer.status not in _ANY_REDIRECT:
                return answer
            if answer.status not in _REDIRECTS or not location:
                return Unanswered("redirect", answer.status)
            target = _redirect_target(url, location)
            if origin_of(url)[0] == "https" and origin_of(target)[0] != "https":
                return Unanswered("refused address", answer.status)
            call = call if origin_of(target) == origin_of(url) else msgspec.structs.replace(call, headers=_for_anybody(call.headers))
            url = target
        return Unanswered("too many redirects", answer.status)

    async def _once(self, url: str, call: EndpointCall) -> tuple[EndpointAnswer, str]:
        parts = endpoints.checked_url(url, self._allow)
        headers = {"user-agent": self._agent, "accept-encoding": "identity", **call.headers}
        request = httpx.Request("POST", url, headers=headers, content=call.body)
        request.extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)}
        async with self._connections.lend((parts.scheme, parts.hostname or "", parts.port)) as transport:
            response = await transport.handle_async_request(request)
            try:
                body = b""
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) >= call.read:
                        break
            finally:
                await response.aclose()  # a body that was not read to its end takes its connection with it
        answer = EndpointAnswer(status=response.status_code, retry_after=response.headers.get("retry-after", ""), body=body[: call.read])
        return answer, response.headers.get("location", "")

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()
        self._resolving.shutdown(wait=False, cancel_futures=True)


class _Transport(httpx.AsyncHTTPTransport):
    """One connection on a network of ours: httpx has no argument for it, its pool has."""

    def __init__(self, network: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=1,
            keepalive_expiry=IDLE_S,
            network_backend=network,
        )


def trusted_context() -> ssl.SSLContext:
    """Return what https is verified with: the public authorities, and those of the machine (SSL_CERT_FILE, SSL_CERT_DIR)."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def _redirect_target(url: str, location: str) -> str:
    """Return where a redirect leads. Raises EndpointRefused where that is no URL."""
    try:
        target = urljoin(url, location)
        urlsplit(target)
    except ValueError:
        raise EndpointRefused("not a URL") from None
    return target


def _for_anybody(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that another origin than the one they were set for may see: a token of a subscription is for its endpoint."""
    return {name: value for name, value in headers.items() if name == "content-type" or name.startswith("webhook-")}


def _why(error: Exception) -> Failure:
    """Return the word for an error: the first cause that has one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DnsFailed):
            return "dns"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return next((word for kinds, word in _WORDS if isinstance(error, kinds)), "reset")


_WORDS: Final[tuple[tuple[tuple[type[Exception], ...], Failure], ...]] = (
    ((httpx.TimeoutException, httpcore.TimeoutException), "timeout"),
    ((httpx.ConnectError, httpcore.ConnectError), "connect"),
    ((httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError), "bad url"),
)
"""Whoever closes the connection in the middle of an answer, or answers what is not HTTP, has reset it."""
