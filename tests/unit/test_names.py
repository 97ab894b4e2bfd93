"""One name, one meaning: a public name that two modules define is listed here, with the reason why both mean the same.

And names that say what a value is: a participle alone (`found`, `told`) is no noun.
"""

import ast
import re
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

PARTICIPLES: Final = re.compile(
    r"(found|held|given|said|told|wanted|shown|known|broken|kept|made|taken|left|sent|got|done|seen|written|gone|lost|met|paid|shut|spent"
    r"|stood|thought|begun|bought|brought|built|caught|chosen|come|cut|put|drawn|driven|fallen|felt|grown|heard|hidden|laid|led|lent|meant"
    r"|proven|risen|sold|spoken|stolen|struck|taught|thrown|torn|worn|[a-z]+ed)"
)
"""What follows a joined word (`known_ids`) is a noun; `is_known` is a question."""

TERMS: Final = {
    "accepted": "an outcome",
    "appended": "a listener's method: what it hears of",
    "applied": "a listener's method: what it hears of",
    "assigned": "Kafka's word for partitions, and the handler of a rebalance",
    "awaited": "a listener's method: what it hears of",
    "changed": "an event (asyncio.Event)",
    "closed": "a member of the broker client",
    "coalesced": "an outcome that is counted",
    "committed": "Kafka's word for offsets, and the state as it was committed",
    "crashed": "an outcome",
    "created": "an instant of a stored record",
    "cut": "an imperative, or a Cut",
    "deduplicated": "an outcome that is counted",
    "deferred": "an outcome",
    "deleted": "how a deleted event is shown",
    "delivered": "an outcome",
    "disabled": "a state of a subscription",
    "done": "a member of a record, or asyncio's own",
    "drained": "an event (asyncio.Event)",
    "ended": "a listener's method, or why a stream ended (its port)",
    "excluded": "what a metric leaves out, as the API has it",
    "expired": "an outcome that is counted",
    "failed": "an outcome",
    "feed": "no participle",
    "finished": "an outcome",
    "fixed": "an adjective: routes without parameters",
    "followed": "a member of a stored rule",
    "found": "a member of a record",
    "gone": "a member of a stored rule",
    "left": "a name that a template reads",
    "matched": "an outcome that is counted",
    "opened": "a member of a record: since when",
    "processed": "the offsets that are processed, beside those that are sunk",
    "put": "an imperative",
    "received": "a member of a record: when it arrived",
    "refused": "an outcome",
    "renamed": "a member of a record",
    "required": "OpenAPI's word",
    "revoked": "Kafka's word for partitions, and the handler of a rebalance",
    "sealed": "how a secret is stored",
    "seed": "no participle",
    "shared": "an adjective: what several have",
    "skipped": "an outcome that is counted",
    "tagged": "a port: the event that has a tag",
    "truncated": "a field of the published ranking, as the API has it",
    "unauthenticated": "how an API refuses",
    "unconfirmed": "an outcome that is counted",
    "unfinished": "what a batch left",
    "unpublished": "a member of a record",
    "unsigned": "a type of numbers",
    "waited": "a listener's method: what it hears of",
    "worked": "an event (asyncio.Event)",
}
"""Participles that are the field's own words, outcomes, instants, what a listener hears of, or members of what is stored."""


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


def valued(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each parameter, local, field, attribute and method of a module, without underscores before it."""
    for node in ast.walk(module):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name.strip("_")
            case ast.MatchAs(name=str(name)) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name.strip("_")
            case _:
                pass


def test_values_are_nouns_and_functions_are_verbs() -> None:
    participles: dict[str, list[str]] = {}
    for source in (path for name in SLICES for path in (ROOT / name).rglob("*.py")):
        if GENERATED not in source.parts:
            for line, name in valued(ast.parse(source.read_text("utf-8"))):
                if PARTICIPLES.fullmatch(name):
                    participles.setdefault(name, []).append(f"{source.relative_to(ROOT)}:{line}")
    assert {name: places for name, places in participles.items() if name not in TERMS} == {}, "say what the value is, or above why not"
    assert [name for name in TERMS if name not in participles] == []


def test_a_participle_is_noticed_wherever_a_value_has_its_name() -> None:
    module = ast.parse(
        "def f(told):\n found = 1\n self._held = 2\n match x:\n  case [shown]: ...\ndef kept(): ...\nknown_ids = is_known = 1\n"
    )
    assert sorted(name for _, name in valued(module) if PARTICIPLES.fullmatch(name)) == ["found", "held", "kept", "shown", "told"]


def test_a_name_that_is_used_twice_is_noticed() -> None:
    module = ast.parse("A = B = 1\nC: int = 2\nclass D: ...\nasync def e(): ...\ndef _f(): ...\nG.h = 3\n")
    assert list(defined(module)) == ["A", "B", "C", "D", "e"]
