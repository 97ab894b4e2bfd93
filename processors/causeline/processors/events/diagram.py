"""The picture of a problem's life, drawn from `problems.TRANSITIONS`: `docs/problems.md` shows it, a test holds the two together."""

from typing import Final

from causeline.processors.events.problems import TRANSITIONS, Life

_NAMES: Final[dict[Life, str]] = {"absent": "[*]", "open": "open", "closed": "closed"}


def mermaid() -> str:
    """Return the Mermaid `stateDiagram-v2` of every move that changes or publishes something."""
    lines = ["stateDiagram-v2"]
    for (life, move), (transition, after) in TRANSITIONS.items():
        if transition is None and life == after:
            continue
        label = f"{move} / {transition}" if transition else move
        lines.append(f"    {_NAMES[life]} --> {_NAMES[after]}: {label}")
    return "\n".join(lines)
