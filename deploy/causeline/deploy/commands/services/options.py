"""The options of `causeline services`. It loads neither the HTTP client nor anything else heavy until a command runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Never

import typer

from causeline.deploy.commands.api_options import HERE, JsonOption, Tenant, Url
from causeline.deploy.commands.late_command import CommandGroup, LateCommand

if TYPE_CHECKING:
    from causeline.deploy.commands.services.client import ServiceClient

_VARIABLE: Final = "CAUSELINE_SERVICES_TOKEN"

app = typer.Typer(cls=CommandGroup, help="Show what is known of services, and bring catalogs in.", no_args_is_help=True)

ServicesToken = Annotated[str, typer.Option(envvar=_VARIABLE, help="Token, where the server asks for one", show_default=False)]


@app.command("import", cls=LateCommand)
def services_import(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="catalog-info.yaml of Backstage, or Tracker's catalog as JSON")],
    url: Url = HERE,
    token: ServicesToken = "",
    tenant: Tenant = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be written, one JSON object a line")] = False,
) -> None:
    """Bring services in from catalogs: what they depend on, who owns them, where their code lies. Paths, aliases and tiers stay.

    Exit code 0 where all were taken, 1 where some were refused, 2 where a file cannot be read (then nothing is imported).

    Examples: `causeline services import catalog-info.yaml`, `causeline services import */catalog-info.yaml --dry-run`
    """
    from causeline.deploy.commands.services import commands

    _end(url, token, tenant, lambda client: commands.import_catalogs(client, files, dry_run=dry_run))


@app.command("list", cls=LateCommand)
def services_list(
    url: Url = HERE,
    token: ServicesToken = "",
    tenant: Tenant = "",
    team: Annotated[list[str] | None, typer.Option(help="Only this team; may be given more than once", show_default=False)] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show services: whose they are, what they depend on, what else they are called.

    Examples: `causeline services list --team shop`, `causeline services list --json | jq .depends_on`
    """
    from causeline.deploy.commands.services import commands

    _end(url, token, tenant, lambda client: commands.print_services(client, team or [], as_json=as_json))


@app.command("show", cls=LateCommand)
def services_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of `causeline services list`")],
    url: Url = HERE,
    token: ServicesToken = "",
    tenant: Tenant = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show everything of one service.

    Example: `causeline services show checkout`
    """
    from causeline.deploy.commands.services import commands

    _end(url, token, tenant, lambda client: commands.print_service(client, name, as_json=as_json))


def _end(url: str, token: str, tenant: str, body: "Callable[[ServiceClient], int]") -> Never:
    from causeline.deploy.commands.client_exit import exit_with
    from causeline.deploy.commands.services.client import ServiceClient

    exit_with(lambda: ServiceClient(url, token, tenant), body)
