"""The options of `causeline subscriptions`. It loads neither the HTTP client nor anything else heavy until a command runs."""

import sys
from typing import Annotated, Final, Never

import typer

_VARIABLE: Final = "CAUSELINE_SUBSCRIPTIONS_TOKEN"
_HERE: Final = "http://127.0.0.1:8080"

app = typer.Typer(help="Show who is told what, and how each subscription fares.", no_args_is_help=True)

Url = Annotated[str, typer.Option(help="Address of a running server")]
Token = Annotated[str, typer.Option(envvar=_VARIABLE, help="Token, where the server asks for one", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Tenant, where the server asks for no token", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, whole")]


@app.command("list")
def subscriptions_list(
    url: Url = _HERE,
    token: Token = "",
    tenant: Tenant = "",
    state: Annotated[str, typer.Option(help="Only active, paused, disabled or backfilling", show_default=False)] = "",
    *,
    as_json: Json = False,
) -> None:
    """Show subscriptions: where they are told, what they follow, what waits, and what went wrong last.

    Examples: `causeline subscriptions list --state disabled`, `causeline subscriptions list --json | jq .health.waiting`
    """
    from causeline.deploy.subscription_commands import SubscriptionError, show_list  # noqa: PLC0415 - see the module

    try:
        show_list(url, token, tenant, state=state, as_json=as_json)
    except SubscriptionError as error:
        _refuse(str(error))


@app.command("show")
def subscriptions_show(
    subscription_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline subscriptions list`")],
    url: Url = _HERE,
    token: Token = "",
    tenant: Tenant = "",
    *,
    as_json: Json = False,
) -> None:
    """Show everything of one subscription but its secrets.

    Example: `causeline subscriptions show 018bcfe5-6800-7902-aafb-be94a46fbad1`
    """
    from causeline.deploy.subscription_commands import SubscriptionError, show_one  # noqa: PLC0415 - see the module

    try:
        show_one(url, token, tenant, subscription_id, as_json=as_json)
    except SubscriptionError as error:
        _refuse(str(error))


def _refuse(message: str) -> Never:
    print(f"causeline: {message}", file=sys.stderr)
    raise SystemExit(1)
