"""Settings among the variables of the environment: whether a flag or a variable gave a value, and which variables name no setting."""

from collections.abc import Mapping
from typing import Final, Literal

from causeline.deploy.settings import PREFIX, Settings

MCP_TOKEN: Final = "CAUSELINE_MCP_TOKEN"  # noqa: S105 - a name
"""The token of `causeline mcp`, which has no other setting."""
TAIL_TOKEN: Final = "CAUSELINE_TAIL_TOKEN"  # noqa: S105 - a name
"""The same of `causeline tail`."""
DELIVERIES_TOKEN: Final = "CAUSELINE_DELIVERIES_TOKEN"  # noqa: S105 - a name
"""The same of `causeline deliveries`."""
SUBSCRIPTIONS_TOKEN: Final = "CAUSELINE_SUBSCRIPTIONS_TOKEN"  # noqa: S105 - a name
"""The same of `causeline subscriptions`."""
SERVICES_TOKEN: Final = "CAUSELINE_SERVICES_TOKEN"  # noqa: S105 - a name
"""The same of `causeline services`."""
AROUND_TOKEN: Final = "CAUSELINE_AROUND_TOKEN"  # noqa: S105 - a name
"""The same of `causeline around`."""
CAUSES_TOKEN: Final = "CAUSELINE_CAUSES_TOKEN"  # noqa: S105 - a name
"""The same of `causeline causes`."""
DORA_TOKEN: Final = "CAUSELINE_DORA_TOKEN"  # noqa: S105 - a name
"""The same of `causeline dora`."""
INSIGHTS_TOKEN: Final = "CAUSELINE_INSIGHTS_TOKEN"  # noqa: S105 - a name
"""The same of `causeline insights`."""
DEMO_TOKEN: Final = "CAUSELINE_DEMO_TOKEN"  # noqa: S105 - a name
"""The same of `causeline demo`."""
_TOKENS: Final = frozenset(
    {
        MCP_TOKEN,
        TAIL_TOKEN,
        DELIVERIES_TOKEN,
        SUBSCRIPTIONS_TOKEN,
        SERVICES_TOKEN,
        AROUND_TOKEN,
        CAUSES_TOKEN,
        DORA_TOKEN,
        INSIGHTS_TOKEN,
        DEMO_TOKEN,
    }
)

Source = Literal["default", "environment", "flag"]


def source(name: str, flags: Mapping[str, object], environment: Mapping[str, str]) -> Source:
    """Tell where a setting's value comes from."""
    if name in flags:
        return "flag"
    variable = PREFIX + name.upper()
    return "environment" if any(key.upper() == variable and value for key, value in environment.items()) else "default"


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that look like settings and are none, such as a misspelled one."""
    names = {PREFIX + name.upper() for name in Settings.model_fields} | _TOKENS
    return sorted(key for key in environment if key.upper().startswith(PREFIX) and key.upper() not in names)
