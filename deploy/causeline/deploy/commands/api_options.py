"""Options that commands beside a running server have in common, for typer. Loads nothing heavy."""

from typing import Annotated, Final

import typer

HERE: Final = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option(help="Address of a running server")]
Tenant = Annotated[str, typer.Option(help="Tenant, where the server asks for no token", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, whole")]
