"""`causeline token create | list | revoke`: they write to and read from the configuration on the broker; every server follows at once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from causeline.deploy.access import tokens
from causeline.deploy.adapters.configuration import ConfigurationError, configuration
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands import wide_tables
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.schemas.records.config import TOKENS
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.web.principal import SCOPES, TENANT

NEVER: Final = "never"


class TokenError(Exception):
    """The command cannot be carried out; the message says why."""


def create(settings: Settings, *, tenant: str, scopes: Sequence[str], groups: Sequence[str], name: str, expires: str) -> str:
    """Store a new token and return it: the only time that anybody sees it. `expires` is a duration or `never`. Raises TokenError."""
    if TENANT.fullmatch(tenant) is None:
        raise TokenError("--tenant takes 1 to 128 letters, digits, '.', '_' or '-'")
    if not scopes or not SCOPES.issuperset(scopes):
        raise TokenError(f"--scope takes {', '.join(sorted(SCOPES))}, at least one of them")
    now = now_ms()
    try:
        end = None if expires == NEVER else now + duration_ms(expires)
    except ValueError as error:
        raise TokenError(f"--expires: {error}") from error
    secret = tokens.token_text(secrets.token_bytes(tokens.SECRET_BYTES))
    token = tokens.token_of(secret, tenant=tenant, scopes=list(scopes), groups=list(groups), name=name, created=now, expires=end)

    async def store() -> None:
        async with _configuration(settings) as config:
            await config.put(TOKENS, token.sha256, tokens.token_value(token))

    asyncio.run(store())
    return secret


def print_tokens(settings: Settings) -> None:
    """Print every token that was not revoked, without anything that could be used as one. Raises TokenError."""

    async def read() -> list[tokens.Token]:
        async with _configuration(settings) as config:
            return tokens.list_tokens(config.view)

    entries = asyncio.run(read())
    now = now_ms()
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "tenant", "scopes", "groups", "name", "created", "expires"):
        table.add_column(heading, no_wrap=True)
    for token in entries:
        expires = NEVER if token.expires is None else _date(token.expires)
        note = "" if token.valid(now) else " (expired)"
        texts = (" ".join(token.scopes), " ".join(token.groups) or "-", token.name or "-", _date(token.created), expires + note)
        table.add_row(token.id, token.tenant, *texts)
    wide_tables.print_table(table)


def revoke(settings: Settings, token_id: str) -> None:
    """Take a token away; every server refuses it from then on. Raises TokenError where there is none with that id."""

    async def take() -> None:
        async with _configuration(settings) as config:
            matches = [token for token in tokens.list_tokens(config.view) if token.id == token_id]
            if not matches:
                raise TokenError(f"there is no token {token_id}")
            for token in matches:
                await config.put(TOKENS, token.sha256, None)

    asyncio.run(take())


@asynccontextmanager
async def _configuration(settings: Settings) -> AsyncIterator[KafkaConfigLog]:
    try:
        async with configuration(settings) as config:
            yield config
    except ConfigurationError as error:
        raise TokenError(str(error)) from None


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
