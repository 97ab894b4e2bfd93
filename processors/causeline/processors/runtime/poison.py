"""Records on which the logic itself fails: found by halving, set aside when nothing else can be at fault, so that the partition goes on.

A logic sets aside what it cannot use. What it raises is a fault of ours, and would end every process that meets the record again. So the
inputs are folded in halves until a record stands alone, and it is set aside where it fails there `ATTEMPTS` times in the same way. The
count needs no memory over restarts: all of it happens before the next record is looked at, and what came before is committed.

Not the record's fault, and raised as before: a failure that is another one each time; one that a mere tick meets too (a timer or the
state fails then, and every record would be set aside); too little memory; and whatever the broker raises.
"""

import hashlib
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from causeline.processors.runtime.ports import BrokerError, Input, Logic, Round

ATTEMPTS: Final = 3
TICK_KEY: Final = b"tick"
_DIGEST_CHARACTERS: Final = 12
_MESSAGE_CHARACTERS: Final = 500


class Portion(NamedTuple):
    """Inputs with what the logic made of them. `fault` is what it raised on the one input, which its round sets aside; else None."""

    inputs: Sequence[Input]
    round: Round
    fault: Exception | None = None


def portions(logic: Logic, inputs: Sequence[Input], now_ms: int) -> Iterator[Portion]:
    """Yield the inputs in offset order, in as few portions as the logic takes them in.

    Whoever asks for the next portion has taken over (`apply`, `replay`) the one before. `now_ms` is the wall clock, at which the logic is
    asked whether time alone makes it fail.
    """
    try:
        round_ = logic.fold(inputs)
    except (BrokerError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - any other fault of ours
        if len(inputs) == 1:
            yield _alone(logic, inputs, now_ms)
            return
    else:
        yield Portion(inputs, round_)
        return
    middle = len(inputs) // 2
    yield from portions(logic, inputs[:middle], now_ms)
    yield from portions(logic, inputs[middle:], now_ms)


def _alone(logic: Logic, inputs: Sequence[Input], now_ms: int) -> Portion:
    """Try a record on its own; raises what the logic raises where that is not to be held against the record."""
    faults: list[Exception] = []
    for _ in range(ATTEMPTS):
        try:
            return Portion(inputs, logic.fold(inputs))
        except (BrokerError, MemoryError):
            raise
        except Exception as fault:  # noqa: BLE001 - as above
            faults.append(fault)
    first = faults[0]
    if len({fault_digest(fault) for fault in faults}) > 1:
        raise first
    (source,) = inputs
    logic.fold([Input(source.partition, source.offset, TICK_KEY, logic.tick(now_ms))])
    return Portion(inputs, logic.set_aside(source, describe_fault(first)), first)


def describe_fault(fault: Exception) -> str:
    """Return a fault in one line: what was raised, where, and the digest of its trace, by which equal ones are found in the log."""
    place = next(reversed(_places(fault)), "unknown")
    return f"{type(fault).__name__}: {str(fault)[:_MESSAGE_CHARACTERS]} (at {place}, trace {fault_digest(fault)})"


def fault_digest(fault: Exception) -> str:
    """Return what two faults of the same kind at the same place have in common; however deep a recursion was."""
    text = "\n".join((type(fault).__qualname__, *_places(fault)))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _places(fault: Exception) -> list[str]:
    """Return the places of a trace below this module, each once."""
    frames = traceback.extract_tb(fault.__traceback__)
    return list(dict.fromkeys(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames if frame.filename != __file__))
