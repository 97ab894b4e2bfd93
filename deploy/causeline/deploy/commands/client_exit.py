"""How a command beside a running server ends. It loads the HTTP client: options import it when they run."""

from collections.abc import Callable
from contextlib import closing
from typing import Never, Protocol, TypeVar

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.refusing import escape_what_cannot_be_shown, refuse


class Closable(Protocol):
    """What holds a connection."""

    def close(self) -> None:
        """Close it."""
        ...


_Client = TypeVar("_Client", bound=Closable)


def exit_with(connect: Callable[[], _Client], body: Callable[[_Client], int]) -> Never:
    """End the command with the exit code of what it did with a client; an ApiError is one line on standard error and its own code."""
    escape_what_cannot_be_shown()
    try:
        with closing(connect()) as client:
            code = body(client)
    except ApiError as error:
        refuse(str(error), error.code)
    raise SystemExit(code)
