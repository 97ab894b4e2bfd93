"""The options of `causeline insights`. It loads no HTTP client until it runs."""

from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url


def insights(
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_INSIGHTS_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    team: Annotated[list[str] | None, typer.Option(help="Only this team; may be given more than once", show_default=False)] = None,
    repo: Annotated[list[str] | None, typer.Option(help="Only this repository; may be given more than once", show_default=False)] = None,
    last: Annotated[str, typer.Option(help="How far back from now, such as 12h or 90d; at most 731d")] = "30d",
    tz: Annotated[str, typer.Option(help="IANA time zone of the series and hours that --json shows")] = "UTC",
    step: Annotated[str, typer.Option(help="What a part of that series is: day, week or month")] = "day",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show what became of a team's tickets, builds, tests, deployments: how many, how many went well, and how long they took.

    Examples: `causeline insights --team T --last 30d`, `causeline insights --repo api --last 90d --step week --json | jq '.series[]'`
    """
    from causeline.deploy.commands.client_exit import exit_with
    from causeline.deploy.commands.insights.command import insights_client, print_insights

    filters = [*(("team", one) for one in team or ()), *(("repo", one) for one in repo or ())]
    parameters = [*filters, ("from", f"now-{last}"), ("tz", tz), ("step", step)]
    exit_with(lambda: insights_client(url, token, tenant), lambda client: print_insights(client, parameters, as_json=as_json))
