"""What a document names exists: paths, commands, metrics, settings, links. So a rename that forgets a document fails here."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import typer
from prometheus_client.metrics import MetricWrapperBase

from causeline.deploy.cli import app
from causeline.deploy.variables import unknown_variables
from causeline.processors.adapters.subscription_metrics import SubscriptionMetrics
from causeline.schemas import telemetry
from tests.browser.chromium import VARIABLE as CHROMIUM_VARIABLE
from tests.source_tree import ROOT, SLICES

FOLDERS: Final = (*SLICES, "tests", "docs")
DECISIONS: Final = ROOT / "docs" / "decisions"
SOURCES: Final = ("py", "pyi", "md", "sql", "yaml", "avsc", "json", "toml", "proto", "svg", "html", "lock", "yml")
"""A name that ends like this is one of a file, if it does not begin with a slash: then it is a path of the server's."""


CLIENT_PACKAGE: Final = "causeline_ci"
"""The package of the CI client, which has a name as metrics have."""


class Document(NamedTuple):
    """A document by its path, with its text; `code` is what it shows as code, between single and triple backticks."""

    path: Path
    text: str

    @property
    def code(self) -> list[str]:
        fenced = re.findall(r"^```\w+\n(.*?)^```", self.text, flags=re.MULTILINE | re.DOTALL)
        return [*fenced, *self.words]

    @property
    def words(self) -> list[str]:
        """Return what stands between single backticks, on one line."""
        plain = re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)
        return [" ".join(word.split()) for word in re.findall(r"`([^`]+)`", plain)]


@cache
def documents() -> tuple[Document, ...]:
    """Return every document but the changelog, which tells what was."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / name / "README.md" for name in SLICES)]
    paths += sorted(chain(ROOT.glob("docs/**/*.md"), ROOT.glob("deploy/examples/*.md")))
    return tuple(Document(path, path.read_text("utf-8")) for path in paths)


def wrong(found_in: Callable[[Document], Iterable[str]]) -> dict[str, list[str]]:
    """Return what is wrong in which document; nothing where all is well."""
    words_by_path = {str(each.path.relative_to(ROOT)): list(found_in(each)) for each in documents()}
    return {name: words for name, words in words_by_path.items() if words}


@cache
def files() -> frozenset[str]:
    """Return the path of every file of the repository's folders."""
    files_found = chain.from_iterable((ROOT / folder).rglob("*") for folder in FOLDERS)
    return frozenset(str(path.relative_to(ROOT)) for path in files_found if "__pycache__" not in path.parts)


def is_path(word: str) -> bool:
    """Tell whether a word of code is meant to name a file or a folder: not a call of the server, a header or a topic."""
    if word.startswith(("/", ".", "-", "http", "…")) or re.search(r"[\s()\[\]=:]", word):
        return False
    return word.rpartition(".")[2] in SOURCES or word.endswith("/") or ("/" in word and word.partition("/")[0] in FOLDERS)


def named(word: str, document: Path) -> Iterator[str]:
    """Yield the patterns, below the root, of what a word may stand for: as it is, within a slice, or beside the document."""
    pattern = re.sub(r"<[^<>]*>|NNNN", "*", word.rstrip("/"))
    first, _, rest = pattern.partition("/")
    yield pattern
    if first in SLICES:
        yield f"{first}/causeline/{first}/{rest}"
    beside = document.parent.relative_to(ROOT)
    yield str(beside / pattern)
    own = beside.parts[0] if beside.parts else ""
    if own in SLICES:
        yield f"{own}/causeline/{own}/{pattern}"
    else:
        yield f"*/causeline/*/{pattern}"
    if "/" not in pattern:
        yield from (f"{folder}/**/{pattern}" for folder in ((own, "tests") if own in SLICES else FOLDERS))


def exists(word: str, document: Path) -> bool:
    return any(next(ROOT.glob(pattern), None) is not None for pattern in named(word, document))


def test_every_path_that_a_document_names_exists() -> None:
    assert wrong(lambda document: [word for word in document.words if is_path(word) and not exists(word, document.path)]) == {}


def test_every_file_that_the_code_names_exists() -> None:
    """Names in backticks, as docstrings and comments say them: `pool.py`, `sql/events.py`."""
    sources = [name for name in files() if name.endswith(".py") and "/proto/" not in name]
    stale = {
        (source, word)
        for source in sources
        for word in re.findall(r"`([a-z_/]+\.py)`", (ROOT / source).read_text("utf-8"))
        if not any(f"/{name}".endswith(f"/{word}") for name in sources)
    }
    assert stale == set()


def test_every_relative_link_leads_somewhere() -> None:
    assert wrong(broken_links) == {}


def broken_links(document: Document) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.text):
        if not re.match(r"\w+://", target):
            path, _, anchor = target.partition("#")
            linked = (document.path.parent / path).resolve() if path else document.path
            if not linked.exists() or (anchor and anchor not in anchors(linked)):
                yield target


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@cache
def commands() -> dict[str, frozenset[str]]:
    """Return every command by its words (`up`, `dlq`, `dlq list`), with the flags that it takes."""
    flags_by_command: dict[str, frozenset[str]] = {}

    def walk(words: str, command: Any) -> None:
        flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        flags_by_command[words] = frozenset(flags | {"--help"})
        for name, inner in getattr(command, "commands", {}).items():
            walk(f"{words} {name}".strip(), inner)

    walk("", typer.main.get_command(app))
    return flags_by_command


def is_command(line: str) -> bool:
    """Tell whether words behind `causeline` are a command, and its flags flags that it takes."""
    words = line.split()
    has_commands = any(name.startswith(f"{words[0]} ") for name in commands())
    name = " ".join(words[: 2 if has_commands and words[1:] and words[1].isalpha() else 1])
    return name in commands() and {word for word in words if word.startswith("--")} <= commands()[name]


def unknown_commands(document: Document) -> Iterator[str]:
    code = re.sub(r" #.*", "", "\n".join(document.code))
    for line in re.findall(r"(?<![\w/.:-])causeline ([a-z][^`&;|\n]*)", code):
        if not is_command(line):
            yield f"causeline {line}"


def test_every_command_that_a_document_names_exists() -> None:
    assert wrong(unknown_commands) == {}


def unknown_scripts(document: Document) -> Iterator[str]:
    code = "\n".join(document.code)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    yield from set(re.findall(r"^\s*make ([a-z]+)", code, re.MULTILINE)) - targets
    for name in re.findall(r"python -m (tests\.[\w.]+)", code):
        if not {f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__main__.py"} & files():
            yield name


def test_every_target_of_make_and_every_module_that_a_document_runs_exists() -> None:
    assert wrong(unknown_scripts) == {}


@cache
def metrics() -> set[str]:
    """Return the name of every metric, as a scrape shows it."""
    stated = [family for each in vars(telemetry).values() if isinstance(each, MetricWrapperBase) for family in each.describe()]
    families = [*stated, *SubscriptionMetrics(lambda: 0).collect()]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def unknown_metrics(document: Document) -> set[str]:
    names: set[str] = set()
    for name, choice in re.findall(r"\b(causeline_[a-z_]+)(?:\{([a-z_,]+)\})?", "\n".join(document.code)):
        names |= {name + end for end in choice.split(",")} if name.endswith("_") else {name}
    return names - metrics() - {CLIENT_PACKAGE}


def test_every_metric_that_a_document_names_exists() -> None:
    assert wrong(unknown_metrics) == {}


@cache
def client_variables() -> tuple[str, ...]:
    """Return the variables of the CI client, a distribution that is not installed here."""
    return tuple(re.findall(r'"(CAUSELINE_[A-Z_]+)"', (ROOT / "deploy/ci/causeline_ci/settings.py").read_text("utf-8")))


def unknown_settings(document: Document) -> list[str]:
    names = dict.fromkeys(re.findall(r"\bCAUSELINE_[A-Z_]+\b", document.text), "")
    return [name for name in unknown_variables(names) if name not in ("CAUSELINE_NAME", CHROMIUM_VARIABLE, *client_variables())]


def test_every_setting_that_a_document_names_exists() -> None:
    assert wrong(unknown_settings) == {}


@pytest.mark.parametrize("name", SLICES)
def test_a_map_shows_every_room_of_its_slice(name: str) -> None:
    slice_ = ROOT / name / "causeline" / name
    rooms = {f"{path.name}/" for path in slice_.iterdir() if path.is_dir() and path.name != "__pycache__"}
    table = [line for line in (ROOT / name / "README.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    words_shown = {word for line in table for word in re.findall(r"`([^`]+)`", line.split(" | ")[0])}
    assert rooms - words_shown == set()


def decisions() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


def test_decisions_are_short_dated_and_in_order() -> None:
    dates = []
    for number, path in enumerate(decisions(), 1):
        lines = path.read_text("utf-8").splitlines()
        assert path.name.startswith(f"{number:04}-")
        assert lines[0].startswith(f"# {number:04}: ")
        assert len(lines) <= 15, f"{path.name} has {len(lines)} lines"
        assert all(f"- **{part}.** " in "\n".join(lines) for part in ("Context", "Choice")), path.name
        dates.append(re.fullmatch(r"(20\d\d-\d\d-\d\d), (\w+)", lines[2]))
    assert all(dates)
    days = [date[1] for date in dates if date]
    assert days == sorted(days)


def test_the_index_lists_every_decision_once_by_its_title() -> None:
    entries = re.findall(r"^- \[(\d{4})\]\(([^)]+)\) (.+)$", (DECISIONS / "README.md").read_text("utf-8"), re.MULTILINE)
    titles = {path.name: path.read_text("utf-8").splitlines()[0].partition(": ")[2] for path in decisions()}
    assert sorted((name, title) for _, name, title in entries) == sorted(titles.items())
    assert all(name.startswith(number) for number, name, _ in entries)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 200


def test_decisions_lie_in_their_folder_only() -> None:
    dated = re.compile(r"^#+ (Decisions$|20\d\d-)", re.MULTILINE)
    assert [each.path for each in documents() if dated.search(each.text)] == [DECISIONS / "README.md"]
