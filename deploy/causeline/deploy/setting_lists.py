"""The types of settings that are lists with commas: each is a rule of one part, and a part that breaks it is named."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.web.principal import SCOPES, TENANT

_MAX_DELAY_MS: Final = 3_600_000
_ORIGIN: Final = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


def split_list(text: str) -> list[str]:
    """Return the parts of a list with commas, blank ones left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _each(check: Callable[[str], object]) -> AfterValidator:
    """Return what looks at each part of a list and writes the list without blanks. `check` raises ValueError that names the part."""

    def validate(text: str) -> str:
        parts = split_list(text)
        for part in parts:
            check(part)
        return ",".join(parts)

    return AfterValidator(validate)


def _check_quota(part: str) -> None:
    tenant, _, number = part.partition("=")
    if TENANT.fullmatch(tenant) is None or not number.isascii() or not number.isdigit():
        raise ValueError(f"{part!r} is not tenant=events a second")


def _check_delay(part: str) -> None:
    api, _, delay = part.partition("=")
    if api not in DIALECTS.names:
        raise ValueError(f"{part!r} is not api=duration with one of {', '.join(DIALECTS.names)}")
    if not 0 <= duration_ms(delay) <= _MAX_DELAY_MS:
        raise ValueError(f"{part!r} is more than an hour")


def _check_kind(part: str) -> None:
    tenant, separator, kind = part.rpartition("=")
    if not kind.strip() or (separator and TENANT.fullmatch(tenant) is None):
        raise ValueError(f"{part!r} is neither a kind nor tenant=kind")


def _check_origin(part: str) -> None:
    if _ORIGIN.fullmatch(part) is None:
        raise ValueError(f"{part!r} is no origin: scheme://host[:port] in lower case, without a path; there is no *")


def _check_tenant(part: str) -> None:
    if TENANT.fullmatch(part) is None:
        raise ValueError(f"{part!r} is no tenant")


def _check_right(part: str) -> None:
    group, separator, scope = part.rpartition("=")
    if scope not in SCOPES or (separator and not group):
        raise ValueError(f"{part!r} is neither a scope nor group=scope, with one of {', '.join(sorted(SCOPES))}")


TenantQuotas = Annotated[str, _each(_check_quota)]
"""`shop=500,ci=0`."""
SourceDelays = Annotated[str, _each(_check_delay)]
"""`desk=30s,tracker=2m`."""
KindList = Annotated[str, _each(_check_kind)]
"""`rollout,shop=schema_change`."""
OriginList = Annotated[str, _each(_check_origin)]
"""Origins as browsers send them."""
HostList = Annotated[str, _each(AllowList.parse)]
"""`10.1.0.0/16,a.internal`."""
TenantList = Annotated[str, _each(_check_tenant)]
"""`shop,ci`."""
RightList = Annotated[str, _each(_check_right)]
"""`read,sre=ingest,platform=admin`."""
