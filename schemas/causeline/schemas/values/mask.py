"""What is shown, printed or logged in the place of a secret."""

from typing import Final

MASK: Final = "***"
