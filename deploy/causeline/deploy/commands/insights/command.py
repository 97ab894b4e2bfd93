"""`causeline insights`, beside a running server."""

import json
from typing import Final

from causeline.deploy.adapters.api_client import ApiClient, QueryParameters
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.insights.text import stage_table, window_line
from causeline.deploy.variables import INSIGHTS_TOKEN

_SCOPES: Final = "it takes `read`"


def insights_client(url: str, token: str, tenant: str) -> ApiClient:
    """Return a client of a running server."""
    return ApiClient(url, token, tenant, variable=INSIGHTS_TOKEN, scopes=_SCOPES)


def print_insights(client: ApiClient, parameters: QueryParameters, *, as_json: bool) -> int:
    """Print the stages of a window; return the exit code. Raises ApiError."""
    answer = client.call("GET", "/v1/insights", params=list(parameters))
    if as_json:
        print(json.dumps(answer))
        return 0
    print(window_line(answer))
    if answer["stages"]:
        print()
        wide_tables.print_table(stage_table(answer))
    return 0
