"""Stages and what an action says of a run: the vocabulary of lifecycle events (CTO.ai, "Workflow Events").

What must change together: these tables, `sql/insights.py`, which says the same to ClickHouse from them, and `docs/insights.md`.
"""

from types import MappingProxyType
from typing import Final

STAGES: Final = (
    *("ticket", "commit", "review", "approval", "pipeline", "clone", "build", "lint", "test", "unittest", "e2e_test", "performance_test"),
    *("security_audit", "licensing_audit", "artifact_storage", "deployment", "release", "change", "incident", "recovery"),
    "support_request",
)
"""In the order in which they are shown; custom names follow by alphabet."""

COMMIT: Final = "commit"
DEPLOYMENT: Final = "deployment"

BEGINS: Final = ("initiated", "opened", "started")
GOOD_ENDS: Final = ("done", "recovered", "resolved", "succeeded", "success", "warning")
BAD_ENDS: Final = ("failed", "failure")
ENDS: Final = (*GOOD_ENDS, *BAD_ENDS)

BEGIN: Final = 0
"""The code of a begin; that of an end is its place in `ENDS`, from 1 on, so that the good ones come first."""
_CODES: Final = MappingProxyType({**dict.fromkeys(BEGINS, BEGIN), **{action: code for code, action in enumerate(ENDS, start=1)}})


def fold_stage(kind: str) -> str:
    """Return a kind (stored in lower case) as those of `STAGES` are recognised: without `_`, `-` and blanks."""
    return kind.replace("_", "").replace("-", "").replace(" ", "")


STAGE_OF: Final = MappingProxyType({fold_stage(stage): stage for stage in STAGES})
"""Spelling, as `fold_stage` returns it, to the stage."""


def stage_of(kind: str) -> str:
    """Return the stage of a kind: one of `STAGES` in any spelling (`e2e-test`), else the kind itself, which is a custom name."""
    return STAGE_OF.get(fold_stage(kind), kind)


def code_of(action: str) -> int | None:
    """Return what an action (a status as it is stored) says: BEGIN, the code of an end, or None where it moves nothing (`updated`)."""
    return _CODES.get(action)


def is_good(code: int) -> bool:
    """Return whether the code is that of a good end."""
    return BEGIN < code <= len(GOOD_ENDS)


def stage_place(stage: str) -> tuple[int, str]:
    """Return the key by which stages are sorted."""
    return (STAGES.index(stage), "") if stage in STAGES else (len(STAGES), stage)
