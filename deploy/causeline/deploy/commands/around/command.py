"""`causeline around PROBLEM` and `causeline around --service NAME`, beside a running server."""

import json
from typing import Final

from causeline.deploy.adapters.api_client import ApiClient, QueryParameters, segment
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.around import text
from causeline.deploy.variables import AROUND_TOKEN

_SCOPES: Final = "it takes `read`"


def client_of(url: str, token: str, tenant: str) -> ApiClient:
    """Return a client of a running server."""
    return ApiClient(url, token, tenant, variable=AROUND_TOKEN, scopes=_SCOPES)


def print_causes(client: ApiClient, problem: str, parameters: QueryParameters, *, as_json: bool) -> int:
    """Print the ranking of a problem's causes, '' of what the parameters describe; return the exit code. Raises ApiError."""
    path = f"/v1/problems/{segment(problem)}/causes" if problem else "/v1/causes"
    ranking = client.call("GET", path, params=list(parameters))
    if as_json:
        print(json.dumps(ranking))
        return 0
    if problem and "at" in dict(parameters):
        print(text.past_line(ranking))
    for line in text.verdict_lines(ranking):
        print(line)
    if ranking["causes"]:
        print()
        wide_tables.print_table(text.cause_table(ranking))
    return 0
