"""Makes the jars ready and shows how it goes: a progress bar on a terminal, plain lines elsewhere, nothing when all are there."""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from causeline.deploy.embedded.jars import Jar, class_path, fetch_jars, missing_jars, pinned_jars

_MIB: Final = 1 << 20


def ready_class_path(cache: Path, *, repository: str = "", console: Console | None = None) -> str:
    """Return the class path of the embedded Kafka, after downloading what the cache lacks. Raises JarError."""
    jars = pinned_jars()
    missing = missing_jars(jars, cache)
    if missing:
        _download(missing, cache, repository, console or Console(stderr=True))
    return class_path(jars, cache)


def _download(jars: list[Jar], cache: Path, repository: str, console: Console) -> None:
    total = sum(jar.size for jar in jars)
    title = f"Apache Kafka: {len(jars)} jars, {total / _MIB:.0f} MiB, into {cache}"
    if not console.is_terminal:
        console.print(f"downloading {title}", soft_wrap=True, highlight=False)
        fetch_jars(jars, cache, repository=repository)
        console.print("downloaded and verified", highlight=False)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console.print(title, soft_wrap=True, highlight=False)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("downloading", total=total)
        fetch_jars(jars, cache, repository=repository, report=lambda jar: progress.advance(task, jar.size))
