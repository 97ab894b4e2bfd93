"""No text of a client makes a pattern slow: each compiled pattern is found by itself and is fed the texts that are worst for it.

A pattern that starts again at each of n characters takes n² steps: 20 kB are seconds then, and less than a millisecond where it is linear.
"""

import ast
import importlib
import itertools
import re
import time
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from causeline.query_api.dialects.cto_ai import parameters as cto_ai_query
from causeline.query_api.dialects.tracker import parameters as tracker_parameters
from causeline.query_api.questions import parameters
from causeline.schemas.values import times
from causeline.schemas.web.errors import Invalid

ROOT = Path(__file__).parents[2]
METHODS = frozenset({"match", "fullmatch", "search", "findall", "finditer", "split", "sub", "subn"})
LONG, SHORT = 100_000, 20_000
BOUND_S = 1.0
"""Far above what a linear pattern takes of either length, far below n²."""
TRIES = 3
"""A virtual machine that is stopped for a moment counts that as work of the thread: a pattern of n² is slow each time."""


class Use(typing.NamedTuple):
    name: str
    pattern: re.Pattern[typing.Any]
    method: str


def _uses() -> Iterator[Use]:
    for path in sorted(ROOT.glob("*/causeline/*/**/*.py")):
        text = path.read_text()
        if "import re\n" not in text:
            continue
        tree = ast.parse(text)
        with warnings.catch_warnings(action="ignore"):  # what a library says about its own future is not asked here
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts[1:]))
        called = {
            (node.value.id, node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in METHODS
        }
        for name, value in vars(module).items():
            place = f"{path.parent.name}.{path.stem}.{name}"
            if isinstance(value, re.Pattern):
                yield from (Use(place, value, method) for owner, method in sorted(called) if owner == name)
            elif isinstance(getattr(value, "__self__", None), re.Pattern):
                yield Use(place, value.__self__, value.__name__)


USES = sorted(set(_uses()), key=lambda use: (use.name, use.method))
_COMMON = ' T0aZ:.-"\\[]\n'


def _samples(pattern: re.Pattern[typing.Any]) -> str:
    """Characters that the pattern's text speaks of, and some that most patterns care about."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return "".join(dict.fromkeys(_COMMON + "".join(letter for letter in source if letter.isascii() and letter.isprintable())))[:24]


def _attacks(pattern: re.Pattern[typing.Any]) -> Iterator[typing.Any]:
    samples = _samples(pattern)
    texts = itertools.chain(
        (letter * LONG for letter in samples),
        (first + letter * SHORT + "!" for first, letter in itertools.product(samples, samples[:12])),
        ((first + second) * (SHORT // 2) for first, second in itertools.combinations(samples, 2)),
    )
    binary = isinstance(pattern.pattern, bytes)
    return (text.encode("latin-1") if binary else text for text in texts)


def _ask(use: Use, text: typing.Any) -> None:
    if use.method in ("sub", "subn"):
        getattr(use.pattern, use.method)(b"" if isinstance(text, bytes) else "", text)
    elif use.method == "finditer":
        list(use.pattern.finditer(text))
    else:
        getattr(use.pattern, use.method)(text)


def test_the_patterns_are_found() -> None:
    assert {"cto_ai.parameters._FIELD", "desk.vocabulary._HOST", "subscriptions.endpoints._HOST", "wire.glance.glance"} <= {
        use.name for use in USES
    }


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.name}.{use.method}")
def test_no_pattern_starts_again_at_each_character(use: Use) -> None:
    for text in _attacks(use.pattern):
        assert any(_is_quick(use, text) for _ in range(TRIES)), (use.pattern.pattern, text[:20], len(text))


def _is_quick(use: Use, text: str) -> bool:
    began = time.thread_time()
    _ask(use, text)
    return time.thread_time() - began < BOUND_S


@pytest.mark.parametrize(
    "text", ["T" * 64_000, "T0 " * 30_000, "0" * 100_000, "2026-11-28T16:00:00." + "0" * 100_000 + "Z", "now-" + "9" * 100_000]
)
def test_a_time_is_bounded_before_it_is_looked_at(text: str) -> None:
    time_readers = (
        lambda: parameters.parse_time(text, 0),
        lambda: times.ms_of(text),
        lambda: times.parse_moment(text),
        lambda: tracker_parameters.search("acme", {"start_date": [text]}),
        lambda: cto_ai_query.workflow_question([("team_id", "x"), ("timestamp[$gt]", text[:-1] + "x")], "acme", None),
    )
    began = time.thread_time()
    for ask in time_readers:
        with pytest.raises((ValueError, Invalid)) as refused:
            ask()
        assert len(str(refused.value)) < 500
    assert time.thread_time() - began < 0.05
