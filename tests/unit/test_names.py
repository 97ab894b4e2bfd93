"""One name, one meaning: a public name that two modules define is listed here, with the reason why both mean the same."""

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from tests.source_tree import ROOT, SLICES

GENERATED: Final = "proto"

SHARED: Final = {
    "ANSWERS": "each API's answers module states the named schemas of what it answers",
    "CreateBody": "each API's body module states what a create takes",
    "DEFAULT_LIMIT": "each list states the bounds of its `limit`, in the words of its API",
    "MAX_LIMIT": "see DEFAULT_LIMIT",
    "PART": "each openapi module states its part of the OpenAPI document",
    "PATHS": "each openapi module states its operations by path",
    "SCHEMAS": "each openapi module states its named schemas",
    "TIME_KEY": "each stateful processor keeps its task time under a key of its changelog",
    "UpdateBody": "each API's body module states what an update takes",
    "app": "each group of commands is a typer application",
    "columns": "each API's mapping states how it fills the normalized columns",
    "consume": "the example programs do the same with different clients",
    "create": "each API's writes state how a body becomes an event; the command `tokens create` has its name from the function",
    "main": "the entry point of a program",
    "merge": "each API's mapping states how a patch changes an event",
    "normalize_content": "each mapping whose contents have several spellings states what a repeat must say again",
    "routes": "every room of handlers states its routes",
    "rpcs": "each slice states the gRPC half of its routes",
    "summary": "an example program without the package prints what the package's client makes",
    "update": "each API's writes state how a patch and the current event become the next version",
    "view": "each API's mapping states how it shows an event",
    "view_many": "each profile of Tracker states how it shows a list",
    "view_one": "each profile of Tracker states how it shows one event",
}


def defined(module: ast.Module) -> Iterator[str]:
    """Yield the public names that a module defines at its top."""
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


@pytest.fixture(scope="module")
def homes() -> dict[str, set[str]]:
    """Return in which modules each public name is defined."""
    homes: dict[str, set[str]] = {}
    for source in (path for name in SLICES for path in (ROOT / name).rglob("*.py")):
        path = source.relative_to(ROOT)
        if GENERATED not in path.parts:
            for name in defined(ast.parse(source.read_text("utf-8"))):
                homes.setdefault(name, set()).add(str(path))
    return homes


def test_a_name_has_one_meaning(homes: dict[str, set[str]]) -> None:
    several = {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1 and name not in SHARED}
    assert several == {}, "rename all but one, or say above why they mean the same"


def test_what_is_excepted_is_still_shared(homes: dict[str, set[str]]) -> None:
    assert [name for name in SHARED if len(homes.get(name, ())) < 2] == []


def test_a_name_that_is_used_twice_is_noticed() -> None:
    module = ast.parse("A = B = 1\nC: int = 2\nclass D: ...\nasync def e(): ...\ndef _f(): ...\nG.h = 3\n")
    assert list(defined(module)) == ["A", "B", "C", "D", "e"]
