"""The options of `causeline around`. It loads no HTTP client until it runs."""

from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, Tenant, Url
from causeline.deploy.commands.refusing import escape_what_cannot_be_shown, refuse


def around(
    problem: Annotated[str, typer.Argument(metavar="ID", help="Id of a problem, as `GET /v1/problems` and messages show it")],
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_AROUND_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    before: Annotated[
        str,
        typer.Option(help="How far back changes are looked for, such as 30m or 2d; without it 4 h to 3 days by kind", show_default=False),
    ] = "",
    limit: Annotated[int, typer.Option(help="How many causes at most, 1 to 100")] = 10,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of the answer")] = False,
) -> None:
    """Show which change did a problem, or that none did: by probability, with reasons.

    Examples: `causeline around 01a2245f-e1bb-7000-8000-6b1f1c2d0e5a`, `causeline around ID --before 1d --json | jq .verdict`
    """
    from causeline.deploy.adapters.api_client import ApiError
    from causeline.deploy.commands.around.command import print_causes

    escape_what_cannot_be_shown()
    parameters = [("limit", str(limit)), *([("before", before)] if before else [])]
    try:
        print_causes(url, token, tenant, problem, parameters, as_json=as_json)
    except ApiError as error:
        refuse(str(error), error.code)
