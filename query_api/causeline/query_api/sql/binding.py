"""Bound parameters: each value a client can choose gets a name of its own, and only that name stands in the statement."""

from collections.abc import Sequence
from typing import Any


class Binding:
    """The values of one statement by name; every method returns the text that stands for them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def _bind(self, kind: str, value: object) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def text(self, value: str) -> str:
        """Bind a text."""
        return self._bind("String", value)

    def number(self, value: int) -> str:
        """Bind an integer of 64 bits, signed."""
        return self._bind("Int64", value)

    def unsigned(self, value: int) -> str:
        """Bind an integer of 64 bits, unsigned."""
        return self._bind("UInt64", value)

    def real(self, value: float) -> str:
        """Bind a double."""
        return self._bind("Float64", value)

    def time(self, ms: int) -> str:
        """Bind a time (ms UTC)."""
        return f"fromUnixTimestamp64Milli({self.number(ms)}, 'UTC')"

    def texts(self, values: Sequence[str]) -> str:
        """Bind an array of texts."""
        return self._bind("Array(String)", list(values))

    def several(self, kind: str, values: Sequence[object]) -> str:
        """Bind an array of values of one type."""
        return self._bind(f"Array({kind})", list(values))

    def one_of(self, column: str, values: Sequence[str], *, not_: str = "") -> list[str]:
        """Return the condition that a column is one of the values; none without values."""
        return [f"{column} {not_}IN ({', '.join(self.text(value) for value in values)})"] if values else []
