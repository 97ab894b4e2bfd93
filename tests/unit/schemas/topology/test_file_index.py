"""Whose files a change touched: as wildcards say, in bounded steps, however many services there are and whatever they wrote."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from causeline.schemas.topology.file_index import MOST_FILES, MOST_STEPS, FileIndex, OwnFiles
from causeline.schemas.topology.globs import NameGlob, parse_name
from causeline.schemas.topology.paths import MAX_FILE_PATH, refusal_of_pattern
from causeline.schemas.topology.service import Service
from tests.wildcards import HOSTILE, LONG, fits_name, fits_path, is_own, services_of

PIECES = ["a", "b", "ab", "*", "**", "?", "[ab]", "[!a]", "[a-b]", "[]x]", "a*", "\\a", "/", "/", "/"]
WILDCARDS = st.lists(st.sampled_from([*PIECES, "!", "#"]), min_size=1, max_size=8).map("".join)
PATTERNS = WILDCARDS.filter(lambda one: not refusal_of_pattern(one))
FILES = st.lists(st.sampled_from(["a", "b", "ab", "abc", "!a", "#a", "ba", "x", "]"]), min_size=1, max_size=5).map("/".join)
NAMES = st.lists(st.sampled_from([*PIECES[:-3], "*", "*"]), max_size=9).map("".join)


def owners(services: list[Service], *files: str, repo: str = "") -> list[str]:
    return list(FileIndex(services).owners(repo, files).services)


def is_matched(patterns: list[str], file: str) -> bool:
    return owners([Service(name="s", paths=tuple(patterns))], file) == ["s"]


@given(
    NAMES | st.lists(st.sampled_from(["a", "a", "b", "?", "*"]), max_size=9).map("".join),
    st.text("abx]", max_size=7) | st.text("aab", max_size=6),
)
@example("*aa*aa*", "aaa")
def test_a_name_fits_as_the_plain_way_says(pattern: str, name: str) -> None:
    glob = parse_name(pattern)
    assert (glob.fits(name) if isinstance(glob, NameGlob) else glob == name) is fits_name(pattern, name)


@given(st.lists(PATTERNS, max_size=4), FILES)
def test_files_match_as_the_plain_way_says(patterns: list[str], file: str) -> None:
    assert is_matched(patterns, file) is is_own(patterns, file)


@given(st.lists(PATTERNS.filter(lambda one: not one.endswith("**/") and "[!" not in one), max_size=4), FILES)
def test_files_match_as_pathspec_says(patterns: list[str], file: str) -> None:
    """But for `a/**/`, which is the folders below a for git, and a with its files for pathspec; and `[!a]`, which there is a slash too."""
    assert is_matched(patterns, file) is PathSpec.from_lines(GitIgnoreSpecPattern, patterns).match_file(file)


@given(st.lists(st.lists(PATTERNS, max_size=3), min_size=1, max_size=4), st.lists(FILES, min_size=1, max_size=4))
def test_services_together_are_each_as_it_is_alone(lists: list[list[str]], files: list[str]) -> None:
    services = [Service(name=f"s{number}", paths=tuple(patterns)) for number, patterns in enumerate(lists)]
    together = FileIndex(services).owners("", files)
    own_files = {one.name: [file for file in files if is_own(one.paths, file)] for one in services}
    assert together.services == {name: OwnFiles(own[0], len(own)) for name, own in own_files.items() if own}
    assert (together.files, together.is_cut) == (len(files), False)


@pytest.mark.parametrize(
    ("pattern", "file", "is_own_file"),
    [
        ("foo", "foo", True),
        ("foo", "a/foo/b", True),
        ("foo/", "foo", False),
        ("foo/", "a/foo/b", True),
        ("/foo", "a/foo", False),
        ("a/*", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b/z", True),
        ("**", "a", True),
        ("**/", "a", False),
        ("**/", "a/b", True),
        ("a/**/", "a/b", False),
        ("a/**/", "a/b/c", True),
        ("a**b", "axxb", True),
        ("a**b", "a/b", False),
        ("*.py", "x/y.py", True),
        ("x/*.py", "x/y/z.py", False),
        ("[a-c]?", "bz", True),
        ("[!a-c]?", "bz", False),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("[\\]]", "]", True),
        ("#a", "#a", False),
        ("\\#a", "#a", True),
        ("ä*", "äö", True),
        ("A", "a", False),
    ],
)
def test_wildcards_are_those_of_git(pattern: str, file: str, is_own_file: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_matched([pattern], file) is is_own_file
    if "\\]" not in pattern and not pattern.startswith("#"):
        assert fits_path(pattern, file) is is_own_file


def test_what_is_no_part_of_a_path_is_passed_over() -> None:
    for file in ("./a/b", "/a/b", "a//b", "a/./b"):
        assert is_matched(["a/b"], file)
    for file in ("", "/", ".", "a/" + "b" * MAX_FILE_PATH):
        assert not is_matched(["**"], file)


def lines_of(ask: Callable[[], Any]) -> int:
    """Return how many lines of Python a call executes: what it does, whatever the machine. What is called in C is one of them."""
    count = 0

    def trace(_frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ask()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("file", LONG)
def test_one_file_takes_no_more_than_its_letters_times_those_of_a_wildcard(pattern: str, file: str) -> None:
    assert refusal_of_pattern(pattern) == ""
    index = FileIndex([Service(name="s", paths=(pattern,))])
    assert lines_of(lambda: index.owners("", [file])) <= 4 * MAX_FILE_PATH * len(pattern) + 2_000


@pytest.mark.parametrize("pattern", HOSTILE)
def test_what_a_change_takes_follows_its_steps_and_these_are_bounded(pattern: str) -> None:
    index, files = FileIndex(services_of(pattern)), [f"{number}/{file}"[:MAX_FILE_PATH] for number in range(40) for file in LONG]
    answer = index.owners("", files)
    assert answer.steps <= MOST_STEPS + 2 * MAX_FILE_PATH * MAX_FILE_PATH // 16
    assert lines_of(lambda: index.owners("", files)) <= 20 * MOST_STEPS + 4 * MAX_FILE_PATH * MAX_FILE_PATH


def test_a_thousand_services_that_claim_all_files_end_soon_and_say_so() -> None:
    services = [Service(name=f"s{n}", paths=("**", f"*{n}*")) for n in range(3_000)]
    answer = FileIndex(services).owners("", [f"f{n}" for n in range(MOST_FILES)])
    assert answer.is_cut
    assert answer.files < 10
    assert answer.steps <= MOST_STEPS + 3_000


def test_a_repository_of_a_thousand_files_is_looked_at_whole() -> None:
    services = [Service(name=f"s{n}", paths=(f"apps/s{n}/**", f"!apps/s{n}/**/*.md", f"libs/*/s{n}/")) for n in range(500)]
    files = [f"apps/s{n % 300}/src/pkg{n % 7}/file{n}.py" for n in range(MOST_FILES + 1)]
    answer = FileIndex(services).owners("", files)
    assert (len(answer.services), answer.files, answer.is_cut) == (300, MOST_FILES, True)
    assert not FileIndex(services).owners("", files[:-1]).is_cut
    assert answer.steps < MOST_STEPS


def test_the_first_file_and_the_number_of_files_are_those_of_the_service() -> None:
    services = [Service(name="b", paths=("b/",)), Service(name="a", paths=("a/", "!*.md"))]
    answer = FileIndex(services).owners("", ["a/1.md", "b/1", "a/2", "a/3", "c"])
    assert answer.services == {"a": OwnFiles("a/2", 2), "b": OwnFiles("b/1", 1)}
    assert list(answer.services) == ["a", "b"]


def test_a_repository_that_both_name_must_be_the_same() -> None:
    services = [
        Service(name="checkout", repo="acme/shop", paths=("apps/checkout/**", "!**/*.md")),
        Service(name="web", repo="acme/shop", paths=("/apps/web/", "*.css")),
        Service(name="tools", paths=("tools/**",)),
        Service(name="other", repo="acme/other", paths=("apps/checkout/**",)),
        Service(name="silent"),
    ]
    address = "https://github.com/Acme/shop.git"
    assert owners(services, "./apps/checkout/a/b.py", repo=address) == ["checkout"]
    assert owners(services, "apps/checkout/README.md", repo=address) == []
    assert owners(services, "apps/web/x", "tools/y", repo=address) == ["tools", "web"]
    assert owners(services, "apps/checkout/a") == ["checkout", "other"]
    assert owners(services, "lib/x.css", "lib/apps/web/x", repo="acme/shop") == ["web"]
    assert owners(services, "", "x" * 401, "unknown", repo="acme/shop") == []
    assert owners(services, repo="acme/shop") == []
