"""The options of `causeline subscriptions`. It loads neither the HTTP client nor anything else heavy until a command runs."""

from typing import Annotated, Final

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url
from causeline.deploy.commands.late_command import CommandGroup, LateCommand
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import COMMAND_FAILED

_VARIABLE: Final = "CAUSELINE_SUBSCRIPTIONS_TOKEN"

app = typer.Typer(cls=CommandGroup, help="Show who is told what, and how each subscription fares.", no_args_is_help=True)

SubscriptionsToken = Annotated[str, typer.Option(envvar=_VARIABLE, help="Token, where the server asks for one", show_default=False)]


@app.command("list", cls=LateCommand)
def subscriptions_list(
    url: Url = HERE,
    token: SubscriptionsToken = "",
    tenant: Tenant = "",
    state: Annotated[str, typer.Option(help="Only active, paused, disabled or backfilling", show_default=False)] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show subscriptions: where they are told, what they follow, what waits, and what went wrong last.

    Examples: `causeline subscriptions list --state disabled`, `causeline subscriptions list --json | jq .health.waiting`
    """
    from causeline.deploy.adapters.api_client import ApiError
    from causeline.deploy.commands.subscriptions.commands import print_subscriptions

    try:
        print_subscriptions(url, token, tenant, state=state, as_json=as_json)
    except ApiError as error:
        refuse(str(error), COMMAND_FAILED)


@app.command("show", cls=LateCommand)
def subscriptions_show(
    subscription_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline subscriptions list`")],
    url: Url = HERE,
    token: SubscriptionsToken = "",
    tenant: Tenant = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show everything of one subscription but its secrets.

    Example: `causeline subscriptions show 018bcfe5-6800-7902-aafb-be94a46fbad1`
    """
    from causeline.deploy.adapters.api_client import ApiError
    from causeline.deploy.commands.subscriptions.commands import print_subscription

    try:
        print_subscription(url, token, tenant, subscription_id, as_json=as_json)
    except ApiError as error:
        refuse(str(error), COMMAND_FAILED)
