"""The options of `causeline demo`. It loads no HTTP client until it runs."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from causeline.deploy.commands.api_options import HERE, Url
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import USAGE

if TYPE_CHECKING:
    from causeline.deploy.commands.demo.client import DemoClient

_DEMO_TENANT: Final = "demo"


def demo(
    url: Url = HERE,
    token: Annotated[
        str,
        typer.Option(envvar="CAUSELINE_DEMO_TOKEN", help="Token, where the server asks for one: its tenant is filled", show_default=False),
    ] = "",
    tenant: Annotated[
        str, typer.Option(help="Tenant to fill, where the server asks for no token; without it demo", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Which demo: the same number tells the same story")] = 1,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Go on until Ctrl-C: a small change every few seconds, now and then a problem")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take away what the demo made, and nothing else")] = False,
) -> None:
    """Fill a running server with a day of a fleet of forty services, and twelve weeks before it in outline; or take that away again.

    Everything has the tag `demo` and lies in the tenant `demo` unless told otherwise. Within an hour it completes what is missing.

    Examples: `causeline demo`, `causeline demo --live`, `causeline demo --remove`, `causeline demo --tenant try --seed 7`
    """
    from causeline.deploy.commands.client_exit import exit_with
    from causeline.deploy.commands.demo.client import DemoClient
    from causeline.deploy.commands.demo.command import fill_demo, follow_demo, remove_demo

    if live and remove:
        refuse("--live and --remove do not go together", USAGE)

    def body(client: "DemoClient") -> int:
        if remove:
            return remove_demo(client)
        run = fill_demo(client, seed)
        if live:
            follow_demo(client, run)
        return 0

    exit_with(lambda: DemoClient(url, token, tenant or ("" if token else _DEMO_TENANT)), body)
