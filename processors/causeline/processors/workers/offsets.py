"""How far a partition may be committed while its records finish in any order."""


class OpenRecords:
    """The records of one partition that were begun and not ended."""

    def __init__(self) -> None:
        self._open: dict[int, None] = {}
        self._behind: int | None = None

    def begin(self, offset: int) -> None:
        """Count a record that was handed out. Offsets grow, with holes where there were markers of transactions."""
        self._open[offset] = None
        self._behind = offset + 1

    def end(self, offset: int) -> None:
        """Take a record for finished; one that is not open is let be."""
        self._open.pop(offset, None)

    def position(self) -> int | None:
        """Return the offset to commit: of the first unfinished record, else the one behind the last; None before any."""
        return next(iter(self._open), self._behind)
