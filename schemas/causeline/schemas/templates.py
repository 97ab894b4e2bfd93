"""Templates that make the body of a delivery: Jinja2 in a sandbox, judged when a subscription is made."""

from typing import Final

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEMPLATE: Final = 16 << 10

_ENVIRONMENT: Final = ImmutableSandboxedEnvironment()


def check(text: str) -> str | None:
    """Return what is wrong with a template, None where nothing is."""
    if len(text.encode()) > MAX_TEMPLATE:
        return f"has more than {MAX_TEMPLATE} bytes"
    try:
        _ENVIRONMENT.from_string(text)
    except (TemplateError, RecursionError) as error:
        return f"is no template: {str(error)[:200] or type(error).__name__}"
    return None
