"""The jars of the embedded broker: pinned in `jars.lock`, downloaded once by jgo, verified before every use.

A jar is code that runs with the user's rights, so none is put on a class path that does not have the SHA-256 of the lock: not one fresh
from the network, not one that has lain in the cache. A download goes to a staging folder and is renamed into the cache after it was
verified, so a killed download leaves nothing behind that looks whole. When all are there, the network is not touched.
To move to another Kafka: resolve `org.apache.kafka:kafka_2.13` and `kafka-tools` anew with jgo and rewrite `jars.lock` as a whole.
"""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

_LINE: Final = re.compile(r"([\w.-]+):([\w.-]+):([\w.-]+) sha256:([0-9a-f]{64}) (\d+)")
_PARALLEL: Final = 4
_TIMEOUT_S: Final = 60
_ATTEMPTS: Final = 3
_OFFLINE: Final = "Connect this machine to the network once, set CAUSELINE_MAVEN to a mirror, or CAUSELINE_KAFKA to a cluster"


class JarError(Exception):
    """The jars cannot be had; the message says which, why and what to do."""


class _WrongContentError(Exception):
    """What was downloaded is not what the lock pins."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar; `size` in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file name, as in every Maven repository."""
        return f"{self.artifact}-{self.version}.jar"

    def path(self, cache: Path) -> Path:
        """Where the jar lies in a cache."""
        return cache.joinpath("jars", self.group, self.version, self.name)


JarListener = Callable[[Jar], None]
"""Is told of every jar that was downloaded and verified (from several threads)."""


def pinned_jars() -> tuple[Jar, ...]:
    """Return what the lock names. Raises JarError with the line that is not well formed."""
    text = files("causeline.deploy.embedded").joinpath("jars.lock").read_text("ascii")
    return tuple(_jar(line) for line in text.splitlines() if line and not line.startswith("#"))


def _jar(line: str) -> Jar:
    match = _LINE.fullmatch(line)
    if match is None:
        raise JarError(f"jars.lock: not a pinned jar: {line!r}")
    return Jar(match[1], match[2], match[3], match[4], int(match[5]))


def missing_jars(jars: Iterable[Jar], cache: Path) -> list[Jar]:
    """Return those that are not in the cache with the pinned content (absent, cut short or changed)."""
    return [jar for jar in jars if not _is_whole(jar, jar.path(cache))]


def class_path(jars: Iterable[Jar], cache: Path) -> str:
    """Return the class path of jars that `fetch_jars` has put into the cache."""
    return os.pathsep.join(str(jar.path(cache)) for jar in jars)


def fetch_jars(jars: Iterable[Jar], cache: Path, *, repository: str = "", report: JarListener | None = None) -> None:
    """Download and verify the jars given, a few at a time. `repository` is a Maven repository's address, Maven Central if empty.

    Raises JarError. Another process that fetches into the same cache is waited for, and what it fetched is not fetched again.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _only_one(cache), tempfile.TemporaryDirectory(prefix=".staging-", dir=cache) as staging:
            missing = missing_jars(jars, cache)
            get = partial(_get, cache=cache, staging=Path(staging), repository=repository, report=report)
            _all(get, missing)
    except OSError as error:
        raise JarError(
            f"the cache folder {cache} cannot be used: {error.strerror or error}. Set CAUSELINE_CACHE to another folder"
        ) from error


def _all(get: Callable[[Jar], None], jars: list[Jar]) -> None:
    pool = ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="jars")
    try:
        for _ in pool.map(get, jars):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _get(jar: Jar, *, cache: Path, staging: Path, repository: str, report: JarListener | None) -> None:
    again = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception_type(Exception),
        reraise=True,
    )
    try:
        again(_download, jar, cache, staging, repository)
    except _WrongContentError as error:
        raise JarError(f"{jar.name} was refused: {error}. Something between here and the repository changes what it sends") from error
    except Exception as error:
        raise JarError(f"{jar.name} could not be downloaded: {_reason(error)}. {_OFFLINE}") from error
    if report is not None:
        report(jar)


def _download(jar: Jar, cache: Path, staging: Path, repository: str) -> None:
    from jgo.maven import MavenContext  # noqa: PLC0415 - needed for the first start only, costs every start 0.2 s

    # A folder per attempt: jgo takes a file that an earlier attempt left half written for the whole one.
    with tempfile.TemporaryDirectory(dir=staging) as attempt:
        elsewhere: dict[str, Any] = {"remote_repos": {"configured": repository.rstrip("/")}} if repository else {}
        maven = MavenContext(repo_cache=Path(attempt), local_repos=[], timeout=_TIMEOUT_S, **elsewhere)
        download: Path = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        if not _is_whole(jar, download):
            raise _WrongContentError(f"its SHA-256 is {_digest(download)}, jars.lock pins {jar.sha256}")
        target = jar.path(cache)
        target.parent.mkdir(parents=True, exist_ok=True)
        download.replace(target)


def _is_whole(jar: Jar, path: Path) -> bool:
    try:
        return path.stat().st_size == jar.size and _digest(path) == jar.sha256
    except FileNotFoundError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _reason(error: BaseException) -> str:
    """Say why in one line: the innermost reason of a chain such as requests builds."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
