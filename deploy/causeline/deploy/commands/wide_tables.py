"""Tables on the terminal: as wide as it is there, and wide enough for a whole row a line where the output goes elsewhere."""

from typing import Final

from rich.console import Console
from rich.table import Table

_WIDE: Final = 400


def print_table(table: Table) -> None:
    """Print a table to standard output."""
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = _WIDE
    out.print(table, markup=False)
