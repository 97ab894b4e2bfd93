"""A command whose options are made when something asks for them: to list it among others, its name and its words are enough.

typer makes the options of every command before it prints one line of help. Those of a command that runs with settings are made of
`Settings`, and to load that takes longer than everything else that a help needs. typer also reads the absent `--help` of every call through
pydantic, unless its default is a bool.
"""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

Function = Callable[..., None]


def put_off(body: Function, make: Callable[[], Function]) -> Function:
    """Return a function with the name and the words of `body` and no parameters, for `LateCommand` to have `make` called when needed."""

    def stub() -> None:
        make()()

    function: Any = stub
    function.__name__, function.__doc__, function.make = body.__name__, body.__doc__, make
    return stub


class LateCommand(TyperCommand):
    """The command of a function that was put off, or of any other one."""

    _params: list[Any]

    @property
    def params(self) -> list[Any]:
        """The options and arguments. The first look makes them, and what runs with them."""
        make = getattr(self.callback, "make", None)
        if make is not None:
            alone = typer.Typer(add_completion=False)
            alone.command()(make())
            whole = typer.main.get_command(alone)
            self.callback, self._params = whole.callback, whole.params
        return self._params

    @params.setter
    def params(self, params: list[Any]) -> None:
        self._params = params

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Return `--help`."""
        return _absent_as_false(super().get_help_option(ctx))


class CommandGroup(TyperGroup):
    """Commands with a name in common."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Return `--help`."""
        return _absent_as_false(super().get_help_option(ctx))


def _absent_as_false(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.default = False
    return option
