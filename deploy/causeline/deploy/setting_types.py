"""The types of settings that people write otherwise than they are used: durations, ports, folders."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from causeline.schemas.values.durations import duration_ms

_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


def _milliseconds(value: object) -> object:
    return duration_ms(value) if isinstance(value, str) else value


def duration_text(milliseconds: int) -> str:
    """Return a duration as `duration_ms` reads it, in the largest unit that is exact."""
    return "0s" if milliseconds == 0 else next(f"{milliseconds // size}{unit}" for size, unit in _UNITS if milliseconds % size == 0)


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Duration = Annotated[int, BeforeValidator(_milliseconds), Field(gt=0), PlainSerializer(duration_text, return_type=str)]
"""Milliseconds inside; `30s`, `15m`, `2h`, `7d` outside."""
ShortWait = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, le=10_000), PlainSerializer(duration_text, return_type=str)]
"""As `Duration`, at most 10 s; `0s` is never."""
Port = Annotated[int, Field(ge=0, le=65_535)]
Folder = Annotated[Path, AfterValidator(_absolute)]
