"""The options of `causeline mcp`. It loads neither the SDK nor the HTTP client until it runs."""

from typing import Annotated

import typer

from causeline.deploy.commands.api_options import HERE, Tenant, Url
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import COMMAND_FAILED


def mcp(
    url: Url = HERE,
    token: Annotated[str, typer.Option(envvar="CAUSELINE_MCP_TOKEN", help="Token, where the server asks for one", show_default=False)] = "",
    tenant: Tenant = "",
) -> None:
    """Offer a running server's tools to a language model over standard input and output (Model Context Protocol).

    Example: `CAUSELINE_MCP_TOKEN=… causeline mcp --url https://causeline.example`
    """
    from causeline.deploy.adapters.mcp_bridge import ServerUnreachable, run_bridge

    try:
        run_bridge(url, token, tenant)
    except ServerUnreachable as error:
        refuse(str(error), COMMAND_FAILED)
