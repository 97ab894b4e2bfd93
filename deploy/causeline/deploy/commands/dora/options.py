"""The options of `causeline dora`. It loads no HTTP client until it runs."""

from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url


def dora(
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_DORA_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    service: Annotated[list[str] | None, typer.Option(help="Only this service; may be given more than once", show_default=False)] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only this team; may be given more than once", show_default=False)] = None,
    repo: Annotated[list[str] | None, typer.Option(help="Only this repository; may be given more than once", show_default=False)] = None,
    project: Annotated[list[str] | None, typer.Option(help="Only this project; may be given more than once", show_default=False)] = None,
    environment: Annotated[
        list[str] | None, typer.Option(help="What counts as production, in place of the definition's; more than once", show_default=False)
    ] = None,
    last: Annotated[str, typer.Option(help="How far back from now, such as 14d or 90d; at most 731d")] = "30d",
    tz: Annotated[str, typer.Option(help="IANA time zone of days, weeks and months; without it the definition's", show_default=False)] = "",
    step: Annotated[str, typer.Option(help="Also each day, week or month", show_default=False)] = "",
    group_by: Annotated[str, typer.Option(help="Also each service, team, repo or project", show_default=False)] = "",
    attribution: Annotated[
        str, typer.Option(help="Whose word gives problems to deployments: causes, or latest for comparison", show_default=False)
    ] = "",
    attribution_window: Annotated[
        str, typer.Option(help="How long after a deployment a problem may open that is given to it: 24h, or none", show_default=False)
    ] = "",
    definition: Annotated[int, typer.Option(help="Version of the definition; without it the newest", show_default=False)] = 0,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show deployment frequency, lead time, fail rate, recovery, rework and time to restore, with what each of them counted.

    Examples: `causeline dora --service checkout --last 90d`, `causeline dora --team T --last 90d --step week`,
    `causeline dora --group-by service --json | jq '.groups[]'`
    """
    from causeline.deploy.commands.client_exit import exit_with
    from causeline.deploy.commands.dora.command import dora_client, print_metrics

    several = {"service": service, "team": team, "repo": repo, "project": project, "environment": environment}
    single = {
        "tz": tz,
        "step": step,
        "group_by": group_by,
        "attribution": attribution,
        "attribution_window": attribution_window,
        "definition": str(definition or ""),
    }
    filters = [(name, value) for name, values in several.items() for value in values or ()]
    parameters = [*filters, ("from", f"now-{last}"), *((name, value) for name, value in single.items() if value)]
    exit_with(lambda: dora_client(url, token, tenant), lambda client: print_metrics(client, parameters, as_json=as_json))
