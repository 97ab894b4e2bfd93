"""Connections to checked addresses only: a network of httpcore that resolves names itself and connects to what was looked at.

The name stays what TLS verifies and sends (SNI), since httpcore takes it from the URL. Names are resolved in threads of their own: a
resolver that does not answer holds a thread for many seconds, and the loop's own pool has only a few.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore

from causeline.processors.workers import endpoints
from causeline.schemas.subscriptions.endpoints import AllowList

_CONNECT_S: Final = 5.0
"""For one address: another one of the same name may answer."""


Resolve = Callable[[str, int], list[str]]
"""From a host's name and a port to addresses; it may block. Raises OSError where there are none."""


class DnsFailed(httpcore.ConnectError):
    """The name does not resolve."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to what `endpoints.permitted_addresses` lets through, by the rule for plain http (`listed_only`) or https.

    `connect_tcp` raises endpoints.EndpointRefused, DnsFailed and what httpcore raises.
    """

    def __init__(self, allow: AllowList, resolving: ThreadPoolExecutor, *, listed_only: bool, resolve: Resolve | None = None) -> None:
        self._allow = allow
        self._resolving = resolving
        self._listed_only = listed_only
        self._resolve: Final = resolve or _resolve
        self._inner: Final = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, look at every address, and connect to the first that answers."""
        addresses = endpoints.permitted_addresses(host, await self._resolve_host(host, port), self._allow, listed_only=self._listed_only)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, min(timeout or _CONNECT_S, _CONNECT_S), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _resolve_host(self, host: str, port: int) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.run_in_executor(self._resolving, self._resolve, host, port)
        except (OSError, UnicodeError) as error:
            raise DnsFailed(str(error)) from error
        return list(dict.fromkeys(addresses))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def _resolve(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
