"""The options of `causeline around`. It loads no HTTP client until it runs."""

from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import USAGE


def around(
    problem: Annotated[
        str, typer.Argument(metavar="[ID]", help="Id of a problem, as `GET /v1/problems` and messages show it", show_default=False)
    ] = "",
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_AROUND_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    service: Annotated[str, typer.Option(help="Instead of a problem: the service that something is wrong with", show_default=False)] = "",
    environment: Annotated[str, typer.Option(help="Beside --service: where", show_default=False)] = "",
    before: Annotated[
        str,
        typer.Option(help="How far back changes are looked for, such as 30m or 2d; without it 4 h to 3 days by kind", show_default=False),
    ] = "",
    at: Annotated[
        str,
        typer.Option(
            help="Of a problem: the ranking as it was published at this time, such as 2026-11-30T03:12Z or now-1h, not with --before. "
            "Beside --service: when it began, without it now",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(help="How many causes at most, 1 to 100")] = 10,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show which change did a problem, or that none did: by probability, with reasons.

    Examples: `causeline around 01a2245f-e1bb-7000-8000-6b1f1c2d0e5a`, `causeline around ID --before 1d --json | jq .verdict`,
    `causeline around ID --at now-1h`, `causeline around --service checkout --at 2026-11-30T03:12Z`
    """
    from causeline.deploy.commands.around.command import client_of, print_causes
    from causeline.deploy.commands.client_exit import exit_with

    if bool(problem) == bool(service):
        refuse("say the ID of a problem, or --service and when it began (--at)", USAGE)
    options = (("before", before), ("service", service), ("environment", environment), ("at", at))
    parameters = [("limit", str(limit)), *((name, value) for name, value in options if value)]
    exit_with(lambda: client_of(url, token, tenant), lambda client: print_causes(client, problem, parameters, as_json=as_json))
