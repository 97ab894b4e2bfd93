"""Every setting is a flag of every command that runs with settings: `with_settings` makes it so, here and nowhere else.

    @app.command("list", cls=LateCommand)
    @with_settings
    def dlq_list(settings: "Settings", *, limit: Annotated[int, typer.Option(help="How many at most")] = 100) -> None: ...

Why they are made and not written down: `Settings` alone states the settings, and fifty flags written at a dozen commands would be stated a
dozen times. typer reads the options of a command from the signature of its function, so the function that it gets has one that says them:
the command's own options first, as they are declared, then a flag for each setting in the order of `Settings`. That one is made when
typer needs it (`late_command.py`): whatever lists commands loads neither `Settings` nor what it is made of.
"""

import inspect
import os
import sys
from collections.abc import Mapping
from functools import cache, wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causeline.deploy.commands.late_command import Function, put_off
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import USAGE

if TYPE_CHECKING:
    from pydantic import ValidationError

    from causeline.deploy.settings import Settings

Flags = Mapping[str, str | bool]
"""The settings that were given as flags, by name."""


def with_settings(body: Function) -> Function:
    """Return the command of a function of settings and its own options."""

    @wraps(body)
    def of_flags(flags: Flags, **options: Any) -> None:
        body(settings_of(flags), **options)

    return with_flags(of_flags)


def with_flags(body: Function) -> Function:
    """Return the command of a function that takes, before its own options, the settings that were given as flags."""
    return put_off(body, lambda: _function_of_all(body))


def _function_of_all(body: Function) -> Function:
    """Return a function of a body's own options and of every setting's flag, as typer reads them from its signature."""
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in inspect.signature(body).parameters.values()][1:]

    def command(**values: Any) -> None:
        options = {parameter.name: values.pop(parameter.name) for parameter in own}
        body({name: value for name, value in values.items() if value is not None}, **options)

    function: Any = command
    function.__name__, function.__doc__ = body.__name__, body.__doc__
    function.__signature__ = inspect.Signature([*own, *_flags()])
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *_flags())}
    return command


def settings_of(flags: Flags) -> "Settings":
    """Return the settings of a command. Ends it where they cannot be, and warns of variables that name no setting."""
    from pydantic import ValidationError

    from causeline.deploy.settings import Settings
    from causeline.deploy.variables import unknown_variables

    for variable in unknown_variables(os.environ):
        print(f"causeline: there is no setting {variable} (see `causeline settings`)", file=sys.stderr)
    try:
        return Settings(**dict[str, Any](flags))
    except ValidationError as error:
        refuse("; ".join(_problems(error, flags)), USAGE)


def _problems(error: "ValidationError", flags: Flags) -> list[str]:
    """Return what is wrong with each setting, named as it was given: as a flag or as a variable."""
    from causeline.deploy.settings import PREFIX
    from causeline.deploy.variables import source

    lines = []
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]).lower().removeprefix(PREFIX.lower()) if problem["loc"] else ""
        label = _flag(name) if source(name, flags, os.environ) == "flag" else PREFIX + name.upper()
        what = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{label}: {what}" if name else what)
    return lines


@cache
def _flags() -> tuple[inspect.Parameter, ...]:
    """Return one keyword parameter for each setting; None means that the flag was not given."""
    from causeline.deploy.settings import Settings

    return tuple(_parameter(name, field.description, switch=field.annotation is bool) for name, field in Settings.model_fields.items())


def _parameter(name: str, description: str | None, *, switch: bool) -> inspect.Parameter:
    flag = _flag(name)
    option = typer.Option(f"{flag}/--no-{flag[2:]}" if switch else flag, help=description, show_default=False)
    # What a value means is for `Settings` to say, in the same words for flags and variables: so a flag is a text.
    kind: Any = bool | None if switch else str | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
