"""The options of `causeline causes`. It loads neither the HTTP client nor anything else heavy until a command runs."""

from pathlib import Path
from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, Tenant, Url
from causeline.deploy.commands.late_command import CommandGroup, LateCommand

app = typer.Typer(cls=CommandGroup, help="Fit the weights of rankings to what people said of causes.", no_args_is_help=True)


@app.command("fit", cls=LateCommand)
def causes_fit(
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="File of JSON lines with problem_id, event_id and verdict, in place of the server's feedback"),
    ] = None,
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_CAUSES_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    output: Annotated[Path, typer.Option(help="File that the weights are written to")] = Path("causes-model.json"),
    limit: Annotated[int, typer.Option(help="How many problems at most, the newest", min=1)] = 500,
) -> None:
    """Fit weights to what people confirmed and rejected, print what that is worth, and write them to a file. Nothing uses it by itself.

    The fit begins at the weights that the server uses. `unseen` is what fits of the other problems say of each.

    Examples: `causeline causes fit`, `causeline causes fit pairs.jsonl --output ours.json`
    """
    from causeline.deploy.commands.causes import fitting
    from causeline.deploy.commands.causes.client import CauseClient
    from causeline.deploy.commands.client_exit import exit_with

    exit_with(lambda: CauseClient(url, token, tenant), lambda client: fitting.fit_weights(client, pairs, output, limit))


@app.command("use", cls=LateCommand)
def causes_use(file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights, as `causeline causes fit` writes them")]) -> None:
    """Look whether a file holds weights, and print the setting with which servers rank by them, once they are started with it.

    Example: `causeline causes use causes-model.json`
    """
    from causeline.deploy.commands.causes.use import print_setting

    raise SystemExit(print_setting(file))
