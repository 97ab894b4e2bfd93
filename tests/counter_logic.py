"""The smallest stateful logic: counts the records of each key. Whatever is lost or done twice shows as a gap or a repeat."""

from collections import Counter
from collections.abc import Iterable, Sequence

from causeline.processors.runtime.poison import TICK_KEY
from causeline.processors.runtime.ports import Input, Output, Round

OUT = "out"
ASIDE = "aside"


class CounterLogic:
    """For every record of a key one output, whose value is how many there were of it."""

    def __init__(self, out: str = OUT) -> None:
        self._out = out
        self._counts: dict[bytes, int] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._counts.pop(key, None)
        else:
            self._counts[key] = int(value)

    def fold(self, inputs: Sequence[Input]) -> Round:
        out: list[Output] = []
        changes: dict[bytes, bytes | None] = {}
        counts: dict[bytes, int] = {}
        for record in inputs:
            key = record.key
            if key == TICK_KEY:
                continue
            counts[key] = count = counts.get(key, self._counts.get(key, 0)) + 1
            changes[key] = value = b"%d" % count
            out.append(Output(self._out, key, value))
        return Round(out, changes, None)

    def set_aside(self, source: Input, detail: str) -> Round:
        return Round([Output(ASIDE, source.key, detail.encode())], {}, None)

    def apply(self, round: Round) -> None:  # noqa: A002 - the port's word
        for key, value in round.changes.items():
            self.restore(key, value)

    def replay(self, round: Round) -> None:  # noqa: A002 - the port's word
        self.apply(round)

    def tick(self, now_ms: int) -> bytes:
        return b"%d" % now_ms


def counted(keys: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the outputs that records with these keys must have had."""
    seen: Counter[bytes] = Counter()
    expected = []
    for key in keys:
        if key != TICK_KEY:
            seen[key] += 1
            expected.append((key, b"%d" % seen[key]))
    return expected
