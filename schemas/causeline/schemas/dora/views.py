"""How a definition is shown: as the calls on it and every answer that was computed with it show it."""

from typing import Any, Final

from causeline.schemas.dora.definition import Definition

_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def definition_view(definition: Definition) -> dict[str, Any]:
    """Return the JSON object that shows a definition: every member, lists in the order sent, the window as a duration or null."""
    attribution, hotfix = definition.attribution, definition.hotfix
    return {
        "version": definition.version,
        "production": definition.production,
        "aliases": definition.aliases,
        "default_environment": definition.default_environment,
        "attribution": {"rule": attribution.rule, "window": None if attribution.window is None else window_text(attribution.window)},
        "hotfix": {"tags": hotfix.tags, "branches": hotfix.branches, "titles": hotfix.titles},
        "timeouts": definition.timeouts,
        "tz": definition.tz,
    }


def window_text(ms: int) -> str:
    """Return a duration in the largest unit up to hours that says it whole: `24h`, `90m`."""
    unit, size = next((unit, size) for unit, size in _UNITS if ms % size == 0)
    return f"{ms // size}{unit}"
