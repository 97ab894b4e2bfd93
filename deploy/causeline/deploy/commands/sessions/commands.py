"""`causeline session list | revoke`: they read and write the configuration on the broker; every server follows at once."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.table import Table

from causeline.deploy.access.sessions import Session, list_sessions
from causeline.deploy.adapters.configuration import ConfigurationError, configuration
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands import wide_tables
from causeline.deploy.server.session_desk import end_sessions
from causeline.deploy.settings import Settings

_Answer = TypeVar("_Answer")


class SessionError(Exception):
    """The command cannot be carried out; the message says why."""


def print_sessions(settings: Settings, tenant: str) -> None:
    """Print every session that holds, of all tenants ('') or of one, without anything that could be used as one. Raises SessionError."""

    async def read() -> list[Session]:
        async with configuration(settings) as config:
            return [session for _, session in list_sessions(config.view, now_ms())]

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "tenants", "name", "by", "created", "expires"):
        table.add_column(heading, no_wrap=True)
    for session in _run(read()):
        tenants = [grant.tenant for grant in session.grants]
        if not tenant or tenant in tenants:
            way = f"token {session.grants[0].token[:16]}" if session.grants[0].token else session.owner.partition(" ")[0]
            table.add_row(session.id, " ".join(tenants), session.name or "-", way, _date(session.created), _date(session.expires))
    wide_tables.print_table(table)


def end_session(settings: Settings, session_id: str) -> None:
    """End a session; every server refuses it from then on. Raises SessionError where there is none with that id."""

    async def end() -> list[str]:
        async with configuration(settings) as config:
            now = now_ms()
            return await end_sessions(config, [one for _, one in list_sessions(config.view, now) if one.id == session_id], now)

    if not _run(end()):
        raise SessionError(f"there is no session {session_id}")


def _run(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    try:
        return asyncio.run(work)
    except ConfigurationError as error:
        raise SessionError(str(error)) from None


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
