"""What changed around a problem, asked of the server's own API: `GET /v1/problems/{id}/changes`."""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpx
import msgspec

from causeline.processors.workers.ports import WindowChange
from causeline.schemas import telemetry

_WAIT_S: Final = 2.0
"""The server waits by itself for a problem that its tables do not show yet; a message is not held up for longer."""
_WINDOW: Final = {"before": "2h", "after": "0s", "limit": "5"}

Tokens = Callable[[str, tuple[str, ...] | None], str | None]
"""A token for a tenant and the groups that may be seen (None: all); empty where none is needed, None where none can be made."""


class _Changes(msgspec.Struct, frozen=True):
    changes: list[WindowChange]


class HttpChanges:
    """The ProblemChanges of a worker. Each miss is counted with its reason."""

    def __init__(self, address: str, tokens: Tokens) -> None:
        self._address = address
        self._tokens = tokens
        self._client: Final = httpx.AsyncClient(timeout=_WAIT_S, trust_env=False)

    async def around(self, tenant: str, groups: tuple[str, ...] | None, problem: str) -> list[WindowChange]:
        """Return the changes of two hours before a problem, closest first; none where they cannot be had in time."""
        token = self._tokens(tenant, groups)
        if token is None:
            return _miss("no_token")
        headers = {"authorization": f"Bearer {token}"} if token else {"causeline-tenant": tenant}
        try:
            async with asyncio.timeout(_WAIT_S):
                url = f"{self._address}/v1/problems/{quote(problem, safe='')}/changes"
                answer = await self._client.get(url, params=_WINDOW, headers=headers)
            if answer.is_error:
                return _miss("refused")
            return msgspec.json.decode(answer.content, type=_Changes).changes
        except (TimeoutError, httpx.TimeoutException):
            return _miss("timeout")
        except (httpx.HTTPError, httpx.InvalidURL):
            return _miss("unreachable")
        except msgspec.DecodeError:
            return _miss("refused")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _miss(reason: str) -> list[WindowChange]:
    telemetry.DELIVERY_CONTEXT_MISSED.labels(reason).inc()
    return []
