"""`causeline dora`, beside a running server."""

import json
from typing import Final

from causeline.deploy.adapters.api_client import ApiClient, QueryParameters
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.dora.text import definition_line, group_table, metric_table, scope_line, step_table
from causeline.deploy.variables import DORA_TOKEN

_SCOPES: Final = "it takes `read`"


def dora_client(url: str, token: str, tenant: str) -> ApiClient:
    """Return a client of a running server."""
    return ApiClient(url, token, tenant, variable=DORA_TOKEN, scopes=_SCOPES)


def print_metrics(client: ApiClient, parameters: QueryParameters, *, as_json: bool) -> int:
    """Print the metrics of a window, and those of groups and steps where they are asked for; return the exit code. Raises ApiError."""
    answer = client.call("GET", "/v1/dora", params=parameters)
    if as_json:
        print(json.dumps(answer))
        return 0
    print(scope_line(answer, parameters))
    print(definition_line(answer["definition"]))
    print()
    wide_tables.print_table(metric_table(answer["metrics"]))
    if "groups" in answer:
        print()
        wide_tables.print_table(group_table(answer["groups"]))
    if "series" in answer:
        print()
        wide_tables.print_table(step_table(answer["series"]))
    return 0
