"""What `causeline migrate` does: the tables, then the copy of the rows that an older version stored."""

import time
from contextlib import ExitStack
from functools import partial
from typing import Final

from rich.console import Console

from causeline.deploy.adapters.store import Migrating, migrating
from causeline.deploy.commands.counting import Work, counting
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.embedded.instance import InstanceError, hold_folder
from causeline.deploy.exit_codes import COMMAND_FAILED, USAGE
from causeline.deploy.settings import Settings
from causeline.processors.sink.backfill import BackfillError

_COPYING: Final = Work("copying events", "copied", "rows")
_LOOKING: Final = Work("copying what DORA metrics look at", "looked at", "rows")


def run(settings: Settings) -> None:
    """Migrate. Exits with 1 where a copy is not equal to what it was made of, with 2 where the folder is in use."""
    console = Console()
    with ExitStack() as stack:
        if not settings.clickhouse:
            try:
                stack.enter_context(hold_folder(settings.data_dir))
            except InstanceError as error:
                refuse(str(error), USAGE)
        tables = stack.enter_context(migrating(settings))
        for title in tables.titles:
            console.print(f"applied {title}")
        try:
            lines = _copy(tables, console, is_embedded=not settings.clickhouse) + _copy_dora(tables, console)
        except BackfillError as error:
            refuse(f"{error}: run `causeline migrate` again", COMMAND_FAILED)
    for line in lines:
        console.print(line)
    if not tables.titles and not lines:
        console.print("the tables are up to date")


def _copy(tables: Migrating, console: Console, *, is_embedded: bool) -> list[str]:
    """Copy what is left, and drop what was copied where nobody reads it any more; return what was done, in words."""
    events = tables.events
    if events.is_settled():
        return []
    was_complete = events.is_complete()
    lines: list[str] = []
    if not was_complete:
        count = events.fill(partial(counting, console, time.monotonic, _COPYING))
        lines.append(f"copied {count:,} rows of events; each day is equal to what it was")
    if is_embedded or was_complete:  # nobody else has an embedded engine open; servers have learnt of the end since the run before
        events.repair()
        events.settle()
        return [*lines, "dropped the rows that were copied"]
    return [*lines, "run `causeline migrate` again once all servers are of this version: it drops the rows that were copied"]


def _copy_dora(tables: Migrating, console: Console) -> list[str]:
    """Copy what DORA metrics look at of events, which all lie in `events_by_time` by now; return what was done, in words."""
    if tables.dora.is_complete():
        return []
    count = tables.dora.fill(partial(counting, console, time.monotonic, _LOOKING))
    return [f"copied what DORA metrics look at of {count:,} rows; each day is equal to what it is made from"]
