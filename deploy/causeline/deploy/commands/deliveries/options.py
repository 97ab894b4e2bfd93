"""The options of `causeline deliveries`. It loads neither the HTTP client nor anything else heavy until a command runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final, Never

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url
from causeline.deploy.commands.late_command import CommandGroup, LateCommand

if TYPE_CHECKING:
    from causeline.deploy.commands.deliveries.client import DeliveryClient

_VARIABLE: Final = "CAUSELINE_DELIVERIES_TOKEN"

app = typer.Typer(cls=CommandGroup, help="Show what was delivered to subscriptions, and begin again what died.", no_args_is_help=True)

DeliveriesToken = Annotated[str, typer.Option(envvar=_VARIABLE, help="Token, where the server asks for one", show_default=False)]
DeliveriesSince = Annotated[
    str, typer.Option(help="Only what Causeline took in in the last 30m, 2h, 7d, …, or since a time", show_default=False)
]
DeliveriesUntil = Annotated[str, typer.Option(help="Only what Causeline took in before then", show_default=False)]
Many = list[str] | None


@app.command("list", cls=LateCommand)
def deliveries_list(
    url: Url = HERE,
    token: DeliveriesToken = "",
    tenant: Tenant = "",
    subscription: Annotated[Many, typer.Option(help="Only this subscription; may be given more than once", show_default=False)] = None,
    outcome: Annotated[Many, typer.Option(help="Only delivered, retried, dead or cancelled; may be given more than once")] = None,
    what: Annotated[
        Many, typer.Option(help="Only events, problems, causes or tests: event, problem, causes, test", show_default=False)
    ] = None,
    entity: Annotated[Many, typer.Option(help="Only about this event or problem (its causes too), by id", show_default=False)] = None,
    since: DeliveriesSince = "",
    until: DeliveriesUntil = "",
    limit: Annotated[int, typer.Option(help="How many at most")] = 100,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show deliveries, newest first: to which subscription, how the newest attempt ended, and when the next one is due.

    Examples: `causeline deliveries list --outcome dead --since 2h`, `causeline deliveries list --subscription S --json | jq .detail`
    """
    from causeline.deploy.commands.deliveries import commands

    def body(client: "DeliveryClient") -> int:
        filters = commands.filters_of(subscription or [], outcome or [], what or [], entity or [])
        return commands.print_deliveries(client, [*filters, *commands.window_of(since, until)], limit=limit, as_json=as_json)

    _end(url, token, tenant, body)


@app.command("show", cls=LateCommand)
def deliveries_show(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline deliveries list`: the receiver's webhook-id")],
    url: Url = HERE,
    token: DeliveriesToken = "",
    tenant: Tenant = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one delivery with all its attempts: when, how long, what the endpoint answered.

    Examples: `causeline deliveries show msg_…`, `causeline deliveries show msg_… --json | jq '.attempts[-1].detail'`
    """
    from causeline.deploy.commands.deliveries import commands

    _end(url, token, tenant, lambda client: commands.print_delivery(client, delivery_id, as_json=as_json))


@app.command("retry", cls=LateCommand)
def deliveries_retry(
    ids: Annotated[Many, typer.Argument(metavar="ID", help="Ids of `causeline deliveries list --outcome dead`")] = None,
    url: Url = HERE,
    token: DeliveriesToken = "",
    tenant: Tenant = "",
    subscription: Annotated[str, typer.Option(help="With --all: whose dead deliveries", show_default=False)] = "",
    since: DeliveriesSince = "",
    until: DeliveriesUntil = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead ones of --subscription, oldest first")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --all: only say how many there are")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask before")] = False,
) -> None:
    """Begin dead deliveries again, under their ids; each has ten attempts anew. It takes a token with the scope admin.

    Exit code 0 where all of them went, 1 where some were refused, 2 where the options cannot be meant.

    Examples: `causeline deliveries retry msg_… msg_…`, `causeline deliveries retry --subscription S --since 2h --all --yes`
    """
    from causeline.deploy.adapters.api_client import ApiError
    from causeline.deploy.commands.deliveries import commands

    def body(client: "DeliveryClient") -> int:
        if bool(ids) == every or every != bool(subscription):
            raise ApiError("name deliveries (`causeline deliveries list --outcome dead`), or choose with --subscription S --all", 2)
        if ids:
            if since or until or dry_run or yes:
                raise ApiError("--since, --until, --dry-run and --yes go with --all", 2)
            return commands.retry_these(client, ids)
        return commands.retry_all(client, subscription, since, until, dry_run=dry_run, yes=yes)

    _end(url, token, tenant, body)


def _end(url: str, token: str, tenant: str, body: "Callable[[DeliveryClient], int]") -> Never:
    from causeline.deploy.commands.client_exit import exit_with
    from causeline.deploy.commands.deliveries.client import DeliveryClient

    exit_with(lambda: DeliveryClient(url, token, tenant), body)
