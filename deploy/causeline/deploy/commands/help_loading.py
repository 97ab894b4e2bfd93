"""What typer prints help with, loaded without what it never uses here: that is a third of what `causeline --help` costs.

`typer.rich_utils` imports rich's Markdown and rich's tracebacks, and with them a parser and a highlighter; the help here has neither
(typer's `rich_markup_mode` is "rich", its pretty exceptions are off).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Final

HELP_OPTIONS: Final = ("-h", "--help")

_UNUSED: Final = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
"""The class that typer takes from each module."""


def load_help() -> None:
    """Load it. Where typer wants more of those modules than is known here, it is left to load itself, whole."""
    with suppress(ImportError, AttributeError), _stand_ins():
        import_module("typer.rich_utils")


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Let imports of modules that nothing has loaded yet find empty classes, until the end."""
    absent = [name for name in _UNUSED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], _UNUSED[name], type(_UNUSED[name], (), {}))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
