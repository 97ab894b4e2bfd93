"""How a command ends that cannot do what was asked: one line on standard error and an exit code, never a traceback."""

import sys
from typing import Never


def refuse(message: str, code: int) -> Never:
    """End the command with one line that says why."""
    print(f"causeline: {message}", file=sys.stderr)
    raise SystemExit(code)


def escape_what_cannot_be_shown() -> None:
    """Let a terminal that cannot show a character get its escape, where it would get a trace."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
