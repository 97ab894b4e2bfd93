"""`causeline settings`: every setting with its value and where it came from. Secrets are masked."""

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table

from causeline.deploy.settings import PREFIX, Settings, mask_setting
from causeline.deploy.variables import source

_WIDEST: Final = 10_000
"""Columns of a line that nobody looks at through a window."""


def print_settings(settings: Settings, flags: Mapping[str, object], environment: Mapping[str, str], console: Console | None = None) -> None:
    """Print the table; a line is never cut, so that it can be searched."""
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "value", "source", "what it is"):
        table.add_column(heading, no_wrap=heading != "what it is", overflow="fold")
    for name, text in settings.as_text().items():
        description = Settings.model_fields[name].description or ""
        table.add_row(PREFIX + name.upper(), mask_setting(name, text) or "-", source(name, flags, environment), description)
    out = console or Console(highlight=False)
    if not out.is_terminal:
        out.width = table.__rich_measure__(out, out.options.update_width(_WIDEST)).maximum
    out.print(table, markup=False)
