"""A ClickHouse server for tests where no container runs: the real engine (chDB) behind ClickHouse's HTTP interface.

`python -m tests.clickhouse_http FOLDER PORT` serves; `ClickHouseHttp` runs that as a process of its own, which a test may kill, freeze and
start again on the same folder. It speaks what `clickhouse_connect` and curl use: the query in the body or as `query`, `database`, bound
values as `param_*`, settings as any other parameter, inserts with their data behind the first line of the body, `/ping`, and errors with
`X-ClickHouse-Exception-Code`. Answers are not compressed (a client must take that); request bodies may be gzip or LZ4. It has no users,
sessions, roles or progress headers.

With `--replica` it plays a cluster of two replicas behind one address: inserts are acknowledged by the first, and reach the second, a
database beside it, at once or when `release` is asked for after `hold`. Plain reads meet the second one; those with
`select_sequential_consistency` meet both in turn, and the second refuses them while it is behind, as ClickHouse does.
"""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame  # type: ignore[import-untyped] # the package has no types

from causeline.deploy.embedded import spawn
from tests import patience
from tests.ports import free_port

_TRANSPORT: Final = frozenset(
    {
        "query",
        "database",
        "session_id",
        "query_id",
        "wait_end_of_query",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    }
)
"""Parameters that are for the interface, not for the engine."""
_INSERT: Final = re.compile(rb"\s*INSERT\s+INTO\s.+?\bFORMAT\s+\w+\s*\n", re.IGNORECASE | re.DOTALL)
_FORMAT: Final = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE: Final = re.compile(r"Code: (\d+)\.")
_DECODED: Final[dict[str, Callable[[bytes], bytes]]] = {"": bytes, "gzip": gzip.decompress, "lz4": lz4.frame.decompress}
"""The codings of bodies: `clickhouse_connect` sends rows of Python in LZ4, containers as they are."""
_ROOT: Final = Path(__file__).parents[1]
_START_S: Final = 60.0
_STOP_S: Final = 20.0
_ASK_S: Final = 2.0
_CATCH_UP_S: Final = 60.0


class Asked(NamedTuple):
    """One request in the engine's terms. `data` belongs to an insert and ends the statement."""

    statement: bytes
    data: bytes | None
    database: str
    settings: dict[str, str]
    values: dict[str, str]


class Told(NamedTuple):
    """The engine's answer; no format where the statement has no result."""

    body: bytes
    format: str


def asked(parameters: dict[str, str], body: bytes) -> Asked:
    """Read a request as ClickHouse does: the statement is the parameter `query`, then the body."""
    statement = parameters.get("query", "").encode()
    statement = statement + b"\n" + body if statement else body
    insert = _INSERT.match(statement)
    return Asked(
        statement=statement if insert is None else insert.group().strip(),
        data=None if insert is None else statement[insert.end() :],
        database=parameters.get("database", "default"),
        settings={name: value for name, value in parameters.items() if name not in _TRANSPORT and not name.startswith("param_")},
        values={name.removeprefix("param_"): value for name, value in parameters.items() if name.startswith("param_")},
    )


def run(engine: str, request: Asked) -> Told:
    """Run a request on a handle of its own, so that its database and settings end with it. Raises what the engine raises."""
    handle = chdb.connect(engine)  # type: ignore[no-untyped-call] # the engine has no types
    try:
        handle.query(f"USE `{request.database}`", "TabSeparated")
        for name, value in request.settings.items():
            handle.query(f"SET {name} = {_quoted(value)}", "TabSeparated")
        if request.data is not None:
            return _inserted(handle, request.statement, request.data)
        format_match = _FORMAT.search(request.statement)
        if format_match is not None:
            return Told(
                handle.query(request.statement, "TabSeparated", params=request.values).bytes() or b"", format_match.group(1).decode()
            )
        # Names first: a statement with a result writes at least that line, one without writes nothing.
        output = handle.query(request.statement, "TabSeparatedWithNames", params=request.values).bytes() or b""
        return Told(output.partition(b"\n")[2], "TabSeparated" if output else "")
    finally:
        handle.close()


def _inserted(handle: Any, statement: bytes, data: bytes) -> Told:
    """Insert data of any format: a file is the engine's own way to take bytes."""
    into, _, of_format = statement.decode().rpartition("FORMAT")
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        handle.query(f"{into} FROM INFILE {_quoted(file.name)} FORMAT {of_format}", "TabSeparated")
    return Told(b"", "")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SEQUENTIAL: Final = b"select_sequential_consistency = 1"
_READS: Final = re.compile(rb"\s*(SELECT|SHOW|DESCRIBE|EXISTS)\b", re.IGNORECASE)
_DATABASE: Final = "causeline"
_LATE: Final = "causeline_late"


class Replicas:
    """Two replicas of the database `causeline` in one engine; the second may be held back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_held = False
        self._behind: list[Asked] = []
        self._turn = 0

    def run(self, engine: str, request: Asked) -> Told:
        """Run a request on the replica that it meets. Raises what the engine raises."""
        if _READS.match(request.statement) is None:
            answer = run(engine, request)
            with self._lock:
                self._behind.append(_late(request))
            self._follow(engine)
            return answer
        if _SEQUENTIAL not in request.statement:
            return run(engine, _late(request))
        self._turn += 1
        if self._turn % 2:
            return run(engine, request)
        if self._behind:
            raise RuntimeError(
                "Code: 289. DB::Exception: Replica doesn't have part which was successfully written to quorum of other replicas"
            )
        return run(engine, _late(request))

    def hold(self, engine: str, *, is_held: bool) -> None:
        """Hold the second replica back from now on, or let it catch up."""
        self._is_held = is_held
        self._follow(engine)

    def _follow(self, engine: str) -> None:
        with self._lock:
            while self._behind and not self._is_held:
                run(engine, self._behind[0])
                self._behind.pop(0)


def _late(request: Asked) -> Asked:
    values = {name: _LATE if value == _DATABASE else value for name, value in request.values.items()}
    statement = re.sub(rb"\bcauseline\b", _LATE.encode(), request.statement)
    return request._replace(statement=statement, values=values, database=request.database.replace(_DATABASE, _LATE))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine = ""
    replicas: Replicas | None = None

    def do_GET(self) -> None:
        """Answer a ping or a query in the address."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Answer a query in the body."""
        body = self._chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else None
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) if body is None else body
        coding = self.headers.get("Content-Encoding", "")
        if coding not in _DECODED:  # the engine takes such bytes for a statement that does nothing
            self._answer(500, f"Code: 36. no such Content-Encoding here: {coding}".encode(), {"X-ClickHouse-Exception-Code": "36"})
            return
        self._serve(_DECODED[coding](body))

    def _chunks(self) -> bytes:
        read = bytearray()
        while size := int(self.rfile.readline(), 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(read)

    def _serve(self, body: bytes) -> None:
        address = urlsplit(self.path)
        request = asked(dict(parse_qsl(address.query, keep_blank_values=True)), body)
        if address.path in {"/hold", "/release"} and self.replicas is not None:
            self.replicas.hold(self.engine, is_held=address.path == "/hold")
        if address.path != "/" or not request.statement:
            self._answer(200, b"Ok.\n", {})
            return
        try:
            answer = run(self.engine, request) if self.replicas is None else self.replicas.run(self.engine, request)
        except Exception as error:  # noqa: BLE001 - whatever the engine raises is the client's answer
            code = _CODE.search(str(error))
            self._answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code.group(1) if code else "1000"})
        else:
            self._answer(200, answer.body, {"X-ClickHouse-Format": answer.format} if answer.format else {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "X-ClickHouse-Timezone": "UTC"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing of each request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away while it is answered is no event."""


def serve(folder: Path, port: int, *, replica: bool = False) -> None:
    """Serve until killed: what is acknowledged is on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    engine: Any = chdb.connect(str(folder))  # type: ignore[no-untyped-call] # one handle that stays keeps the engine open between requests
    _Handler.engine = str(folder)
    _Handler.replicas = Replicas() if replica else None
    with _Server(("127.0.0.1", port), _Handler) as server:
        try:
            server.serve_forever()
        finally:
            engine.close()


class ClickHouseHttp:
    """The server as a child process that ends with this one. `url` is for `CAUSELINE_CLICKHOUSE`."""

    def __init__(self, folder: Path, *, replica: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._argv = [sys.executable, "-m", "tests.clickhouse_http", str(folder), str(self.port), *(["--replica"] if replica else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "ClickHouseHttp":
        """Start, again too, and wait until it answers."""
        self._process = spawn.spawn(self._argv, env={**os.environ, "PYTHONPATH": str(_ROOT)})
        patience.asked(self._answers_or_ended, seconds=_START_S)
        assert self._process.poll() is None, f"the ClickHouse server ended: exit code {self._process.returncode}"
        return self

    def _answers_or_ended(self) -> bool:
        return self.answers() or (self._process is not None and self._process.poll() is not None)

    def answers(self) -> bool:
        """Tell whether it answers now."""
        return self._ask("/ping")

    def hold(self) -> None:
        """Keep what is inserted from now on from the second replica."""
        assert self._ask("/hold", _CATCH_UP_S)

    def release(self) -> None:
        """Let the second replica catch up."""
        assert self._ask("/release", _CATCH_UP_S)

    def _ask(self, path: str, seconds: float = _ASK_S) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The running process, to be signalled."""
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """End it at once, as a power cut of the process would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it in order. Does nothing where it does not run."""
        if self._process is not None:
            spawn.stop_process(self._process, _STOP_S)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), replica="--replica" in sys.argv)
