"""Version: the problem names what runs, or what was switched, and a change brought just that. Or brought another one of that service.

Names are taken from tags that are meant for them; in a text only what can be nothing else: a commit of seven digits and more, a version
of three parts or one that is called so, a key with an inner `_`, `-` or `.`. Against a change speaks less: a text may name the version of
a database, and what looks like a commit may be a trace.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate, ProblemFacts

_VERSION_TAGS: Final = ("version", "release", "build")
_COMMIT_TAGS: Final = ("commit", "sha", "git_sha", "revision")
_KEY_TAGS: Final = ("flag", "feature_flag", "config_key", "key", "image")
_VERSION: Final = re.compile(
    r"\b(?:version|release|build|v)[ :=]*v?(\d+(?:\.\d+)*(?:-[\w.]+)?)\b|(?<![\d.])v?(\d+\.\d+\.\d+(?:-[\w.]+)?)(?!\.?\d)", re.IGNORECASE
)
_COMMIT: Final = re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b", re.IGNORECASE)
_LEAST_COMMIT: Final = 7
_LEAST_KEY: Final = 6


def weigh_version(problem: ProblemFacts, change: Candidate) -> Evidence | None:
    """Return +1 for the change that introduced what the problem names, -1 for another version of its service, else nothing."""
    versions = _tag_values(problem.tags, _VERSION_TAGS) | _versions_in(problem.title, problem.text)
    commits = _tag_values(problem.tags, _COMMIT_TAGS) | _commits_in(problem.title, problem.text)
    if not versions and not commits and change.tags.keys().isdisjoint(_KEY_TAGS):
        return None
    own_versions = _tag_values(change.tags, _VERSION_TAGS) | ({_plain(change.release)} - {""})
    own_commits = _tag_values(change.tags, _COMMIT_TAGS) | ({change.commit.lower()} - {""})
    if common := versions & own_versions:
        return _credit(f"version {min(common)}")
    if common := {own for own in own_commits for other in commits if _is_one_commit(own, other)}:
        return _credit(f"commit {min(common)[:_LEAST_COMMIT]}")
    if common := {key for key in _keys(change.tags) if key in _keys(problem.tags) or _says(f"{problem.title}\n{problem.text}", key)}:
        return _credit(min(common))
    if problem.service and change.service == problem.service and (other := _other_name(problem, own_versions, own_commits)):
        return Evidence((Term("version", -1.0),), f"brought another version than {other}, which the problem names")
    return None


def _other_name(problem: ProblemFacts, own_versions: set[str], own_commits: set[str]) -> str:
    """Return what the problem surely says of its own service and a change did not bring: a tag, or a version behind the service's name."""
    text = f"{problem.title}\n{problem.text}"
    versions = _tag_values(problem.tags, _VERSION_TAGS) | {
        version for version in _versions_in(problem.title, problem.text) if _follows(text, problem.service, version)
    }
    if versions and own_versions:
        return min(versions)
    commits = _tag_values(problem.tags, _COMMIT_TAGS)
    return min(commits)[:_LEAST_COMMIT] if commits and own_commits else ""


def _follows(text: str, service: str, version: str) -> bool:
    return re.search(rf"{re.escape(service)}[\s:@/_-]+(?:version |release |build )?v?{re.escape(version)}", text, re.IGNORECASE) is not None


def _credit(name: str) -> Evidence:
    return Evidence((Term("version", 1.0),), f"brought {name}, which the problem names")


def _plain(version: str) -> str:
    text = version.strip().lower()
    return text[1:] if re.match(r"v\d", text) else text


def _tag_values(tags: Mapping[str, str], keys: tuple[str, ...]) -> set[str]:
    return {_plain(tags[key]) for key in keys if tags.get(key, "").strip()}


@lru_cache(maxsize=64)
def _versions_in(*texts: str) -> frozenset[str]:
    """Return the versions that texts name. They are the problem's, so they are asked for with every candidate: the answer is kept."""
    return frozenset(_plain("".join(match)) for match in _VERSION.findall("\n".join(texts)))


@lru_cache(maxsize=64)
def _commits_in(*texts: str) -> frozenset[str]:
    return frozenset(commit.lower() for commit in _COMMIT.findall("\n".join(texts)))


def _keys(tags: Mapping[str, str]) -> set[str]:
    return {tags[key].strip() for key in _KEY_TAGS if len(tags.get(key, "").strip()) >= _LEAST_KEY}


def _is_one_commit(first: str, second: str) -> bool:
    shorter, longer = sorted((first, second), key=len)
    return len(shorter) >= _LEAST_COMMIT and longer.startswith(shorter)


def _says(text: str, key: str) -> bool:
    """Tell whether a text holds a key as a word of its own. A plain word is none: it may mean anything."""
    if key.lower() not in text.lower() or re.search(r"\w[-_.:/]\w", key) is None:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(key)}(?![\w-])", text, re.IGNORECASE) is not None
