"""Templates to HTML. Whatever is put into one is escaped, unless it is `Markup` that this package drew."""

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from causeline.query_api.ui import assets, wording
from causeline.schemas.web.errors import Answer

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Content Security Policy 3: nothing inline, nothing from elsewhere, in nobody's frame."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page. It is never kept: another visitor of the browser may be another caller."""

_environment: Final = Environment(
    loader=PackageLoader("causeline.query_api.ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.filters |= wording.FILTERS
_environment.globals["asset"] = assets.asset_address


def render_template(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its values as HTML."""
    return _environment.get_template(template).render(values)


def page_answer(template: str, values: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a page with the header fields that every page has."""
    return Answer(status, {**HEADERS, **(headers or {})}, render_template(template, values).encode())
