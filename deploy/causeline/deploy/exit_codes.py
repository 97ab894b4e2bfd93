"""The exit codes of Causeline's processes and commands. A supervisor, ours or another one, reads from them whether to start again."""

from typing import Final

COMMAND_FAILED: Final = 1
"""What was asked for can be meant, and did not work."""
USAGE: Final = 2
"""What was asked for cannot be meant."""
CANNOT_RUN: Final = USAGE
"""A process has settings that it cannot run with: it would only end again."""
EXIT_SOFTWARE: Final = 70
"""A process failed (EX_SOFTWARE): a supervisor starts it again."""
