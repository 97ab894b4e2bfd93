import gc
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from causeline.deploy.embedded.cache_folder import default_cache
from causeline.deploy.embedded.free_ports import free_port
from causeline.deploy.embedded.jars import Jar, JarError, class_path, fetch_jars, missing_jars, pinned_jars
from causeline.deploy.embedded.provision import ready_class_path

# jgo does not close the answer of a failed download; its socket is collected later, with a warning.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

CONTENT = b"a jar, as far as anybody here can tell" * 100


class Repository:
    """A Maven repository of one jar on loopback that counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.jar = Jar("org.example.deep", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
        self.file = folder / "org" / "example" / "deep" / "thing" / "1.0" / "thing-1.0.jar"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(CONTENT)
        self.asked: list[str] = []
        paths = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 - as the base class calls them
                paths.append(self.path)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Let the warnings of a test come while its filters are in force."""
    yield
    gc.collect()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    opened = Repository(tmp_path / "repository")
    yield opened
    opened.close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_jar_is_downloaded_once_and_then_no_network_is_touched(repository: Repository, cache: Path) -> None:
    reports: list[Jar] = []
    fetch_jars([repository.jar], cache, repository=repository.url, report=reports.append)
    assert repository.jar.path(cache).read_bytes() == CONTENT
    assert reports == [repository.jar]
    assert repository.asked
    repository.asked.clear()
    fetch_jars([repository.jar], cache, repository=repository.url, report=reports.append)
    assert not repository.asked
    assert class_path([repository.jar], cache) == str(repository.jar.path(cache))


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"X"])
def test_a_cached_jar_that_was_cut_short_or_changed_is_downloaded_again(repository: Repository, cache: Path, content: bytes) -> None:
    fetch_jars([repository.jar], cache, repository=repository.url)
    repository.jar.path(cache).write_bytes(content)
    assert missing_jars([repository.jar], cache) == [repository.jar]
    fetch_jars([repository.jar], cache, repository=repository.url)
    assert repository.jar.path(cache).read_bytes() == CONTENT


def test_a_download_with_other_content_than_pinned_never_reaches_the_cache(repository: Repository, cache: Path) -> None:
    repository.file.write_bytes(CONTENT[:-1] + b"X")
    with pytest.raises(JarError, match=r"thing-1\.0\.jar was refused: its SHA-256 is [0-9a-f]{64}, jars\.lock pins"):
        fetch_jars([repository.jar], cache, repository=repository.url)
    assert not list(cache.rglob("*.jar"))


def test_a_jar_that_the_repository_does_not_have_is_named(repository: Repository, cache: Path) -> None:
    repository.file.unlink()
    with pytest.raises(JarError, match=r"thing-1\.0\.jar could not be downloaded"):
        fetch_jars([repository.jar], cache, repository=repository.url)


def test_an_unreachable_repository_is_one_line_that_says_what_why_and_what_to_do(repository: Repository, cache: Path) -> None:
    with pytest.raises(JarError) as refused:
        fetch_jars([repository.jar], cache, repository=f"http://127.0.0.1:{free_port()}")
    message = str(refused.value)
    assert "thing-1.0.jar could not be downloaded: [Errno" in message
    assert "refused" in message
    assert "CAUSELINE_MAVEN" in message
    assert "\n" not in message


def test_a_cache_that_cannot_be_made_is_named(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JarError, match=r"the cache folder .* cannot be used.*CAUSELINE_CACHE"):
        fetch_jars([repository.jar], tmp_path / "file", repository=repository.url)


def test_the_lock_pins_the_whole_of_kafka_by_hash_and_size() -> None:
    jars = pinned_jars()
    assert {"kafka_2.13", "kafka-clients", "kafka-tools", "slf4j-simple"} <= {jar.artifact for jar in jars}
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.1.0"}
    assert len({jar.sha256 for jar in jars}) == len(jars) == len({(jar.group, jar.artifact) for jar in jars})
    assert [jar.artifact for jar in jars if "slf4j" in jar.artifact and jar.artifact != "slf4j-api"] == ["slf4j-simple"]


def test_without_a_terminal_the_download_is_told_in_plain_lines(cache: Path, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as out:
        with pytest.raises(JarError):
            ready_class_path(cache, repository=f"http://127.0.0.1:{free_port()}", console=Console(file=out))
        out.seek(0)
        assert out.read() == f"downloading Apache Kafka: 47 jars, 43 MiB, into {cache}\n"


def test_the_cache_folder_follows_the_environment() -> None:
    assert default_cache({"CAUSELINE_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c")
    assert default_cache({"XDG_CACHE_HOME": "/x"}) == Path("/x/causeline")
    assert default_cache({}) == Path.home() / ".cache" / "causeline"
