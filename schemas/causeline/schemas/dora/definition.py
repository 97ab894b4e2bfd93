"""One version of what a tenant's DORA metrics mean: what is production, which problem belongs to which deployment, what is rework.

A number without its definition says nothing: every answer names the version it was computed with, and old versions stay askable.
What must change together: the members here, what a body may say, its OpenAPI schema, and the text in words.
"""

from typing import Final, Literal

import msgspec

ONE_DAY: Final = 86_400_000

AttributionBy = Literal["causes", "latest"]
"""Who says which deployment a problem belongs to: confirmed feedback and likely causes, or the naive rule (the latest one before it)."""

Timeouts = Literal["exclude", "count"]
"""Whether a problem that ended by timeout counts in recovery times: its end is when nobody reported it any more, not when it was over."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """How problems are given to deployments. `window` is H, ms from a deployment's end to a problem's opening; None: without a bound."""

    rule: AttributionBy = "causes"
    window: int | None = ONE_DAY


class Hotfix(msgspec.Struct, frozen=True, kw_only=True):
    """What marks a deployment as a hotfix: a tag of one of these names, a branch or a title like one of these globs, in any letter case."""

    tags: tuple[str, ...] = ("hotfix",)
    branches: tuple[str, ...] = ("hotfix/*", "hotfix-*")
    titles: tuple[str, ...] = ("*hotfix*",)


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the definition. Environments are compared without letter case; `aliases` name others by their canonical one.

    `default_environment` is that of events whose API knows none (CTO.ai's). `tz` is an IANA zone, the one of questions that name none.
    """

    version: int = 1
    production: tuple[str, ...] = ("production",)
    aliases: dict[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: {"production": ("prod", "prd", "live")})
    default_environment: str = "production"
    attribution: Attribution = Attribution()
    hotfix: Hotfix = Hotfix()
    timeouts: Timeouts = "exclude"
    tz: str = "UTC"

    def environment(self, name: str) -> str:
        """Return the canonical name of an environment: folded, an alias resolved; empty where the event named none."""
        key = name.casefold()
        for canonical, others in self.aliases.items():
            if key == canonical.casefold() or key in (other.casefold() for other in others):
                return canonical.casefold()
        return key

    def is_production(self, name: str) -> bool:
        """Whether deployments to this environment count."""
        return self.environment(name) in {self.environment(each) for each in self.production}
