"""A real Apache Kafka broker as a child JVM: one node, loopback only, its data in a folder.

`causeline up` and the tests run the same class. Kafka's log on disk is what makes a stop safe, not the way it stops: the broker may be
killed at any moment and started again on the same folder. It ends with this process, also when that is killed with SIGKILL (`spawn.py`).
"""

import base64
import os
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
import structlog

from causeline.deploy.embedded import broker_secret, spawn
from causeline.deploy.embedded.broker_config import jvm_options, properties
from causeline.deploy.embedded.cache_folder import default_cache
from causeline.deploy.embedded.free_ports import free_port, is_free
from causeline.deploy.embedded.java import Java, find_java
from causeline.deploy.embedded.provision import ready_class_path

_log = structlog.get_logger(__name__)

_START_S: Final = 90.0
_STOP_S: Final = 20.0
_POLL_S: Final = 0.05
_TAIL_LINES: Final = 15
_LOG_LIMIT: Final = 20 << 20
_MAIN: Final = "kafka.Kafka"


class EmbeddedBrokerError(Exception):
    """The broker does not start or has ended; the message holds the end of its log."""


class EmbeddedBroker:
    """One broker. `data_dir/kafka` holds its data, `data_dir/logs/kafka.log` what it says.

    `port` 0 takes a free one, kept over restarts. `cache_dir` holds the jars (default: `jars.default_cache`), `repository` is where missing
    ones come from (a Maven repository's address, Maven Central if empty), `java` overrides the search, `heap` is the JVM's, as `512m`.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        cache_dir: Path | None = None,
        heap: str = "512m",
        host: str = "127.0.0.1",
        java: Java | None = None,
        repository: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._cache = cache_dir or default_cache(self._environment)
        self._host, self._port = host, port
        self._options = jvm_options(heap)
        self._java, self._repository = java, repository
        self._data_dir = data_dir.absolute()
        self._password = ""
        self._home = self._data_dir / "kafka"
        self._log_file = self._data_dir / "logs" / "kafka.log"
        self._log_offset = 0
        self._pid_file = self._home / "broker.pid"
        self._properties = self._home / "server.properties"
        self._class_path = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port clients connect to; 0 until the first start when a free one was asked for."""
        return self._port

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients, with user and password, as `kafka_address` reads it; of use once the port is known."""
        return broker_secret.address(f"{self._host}:{self._port}", self._known_password())

    @property
    def client_properties(self) -> Path:
        """The settings of Kafka's own tools, with the password; written when the broker starts."""
        return broker_secret.client_properties_file(self._data_dir)

    @property
    def pid(self) -> int:
        """The process id of the JVM. Raises BrokerError before the first start."""
        return self._running().pid

    @property
    def log_file(self) -> Path:
        """Where the broker's output goes."""
        return self._log_file

    @property
    def has_started(self) -> bool:
        """Tell whether there is, or was, a JVM."""
        return self._process is not None

    def alive(self) -> bool:
        """Tell whether the JVM runs."""
        return self._process is not None and self._process.poll() is None

    def provision(self) -> None:
        """Find a Java and make the jars ready, once; `start` does it too. Raises JarError or JavaError."""
        self._java = self._java or find_java(self._environment)
        self._class_path = self._class_path or ready_class_path(self._cache, repository=self._repository)

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises BrokerError, JarError, JavaError or PortError."""
        if self.alive():
            return
        self.provision()
        self._make_room()
        self._port = self._port or free_port(self._host)
        if not is_free(self._host, self._port):
            raise EmbeddedBrokerError(
                f"port {self._port} on {self._host} is taken: another Kafka? Choose another port for the embedded one"
            )
        controller_port = free_port(self._host)
        password = self._known_password()
        broker_secret.keep(self._data_dir, f"{self._host}:{self._port}", password)
        text = properties(self._home / "data", self._host, self._port, controller_port, broker_secret.USER, password)
        broker_secret.write_for_owner(self._properties, text)
        with self._log_file.open("ab") as log:
            self._log_offset = log.tell()
            self._format(log.fileno())
            self._process = self._launch([_MAIN, str(self._properties)], log.fileno())
        self._pid_file.write_text(f"{self._process.pid} {os.getpid()}\n", "ascii")
        self._await_answer()

    def wait(self) -> int:
        """Wait until the JVM ends; return its exit code, or the signal that ended it as a negative number."""
        return self._running().wait()

    def stop(self, deadline_s: float = _STOP_S) -> None:
        """Stop the broker in order (SIGTERM); kill it if that takes too long. Does nothing when it does not run."""
        if self._process is not None:
            spawn.stop_process(self._process, deadline_s)
            self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a power cut of the process would."""
        process = self._running()
        process.kill()
        process.wait()

    def restart(self) -> None:
        """Start again on the same port and data, whatever happened before."""
        self.stop()
        self.start()

    def kafka_tool(self, main_class: str, args: Sequence[str], *, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run one of Kafka's command-line tools, e.g. `org.apache.kafka.tools.ProducerPerformance`, and return what it printed."""
        self.provision()
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
        command = [self._java_path(), *jvm_options("256m"), quiet, "-cp", self._class_path, main_class, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)

    def _known_password(self) -> str:
        """Return the password, the same as long as this object lives: who got the address before the first start shall be let in later."""
        self._password = self._password or broker_secret.kept_password(self._data_dir)
        return self._password

    def _make_room(self) -> None:
        if "," in str(self._home):
            raise EmbeddedBrokerError(f"Kafka takes a comma in a folder's name for a separator: {self._home}. Choose another data folder")
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        self._end_leftover()
        if self._log_file.exists() and self._log_file.stat().st_size > _LOG_LIMIT:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))

    def _end_leftover(self) -> None:
        """End a broker that outlived its owner (where the kernel cannot tie them). Refuse a folder whose broker has a living owner."""
        try:
            pid, owner = (int(number) for number in self._pid_file.read_text("ascii").split())
            process = psutil.Process(pid)
            ours = {_MAIN, str(self._properties)} <= set(process.cmdline())
            in_use = ours and process.ppid() == owner and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return
        if in_use:
            raise EmbeddedBrokerError(f"the broker of this folder already runs as process {pid}, started by process {owner}")
        if ours:
            _log.warning("ending a broker that was left over", pid=pid)
            process.terminate()
            if psutil.wait_procs([process], timeout=_STOP_S)[1]:
                process.kill()
                process.wait()

    def _format(self, output: int) -> None:
        """Write the node's identity at the first start; `meta.properties` is the last file Kafka writes for it."""
        if (self._home / "data" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")
        command = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(self._properties)]
        if code := self._launch(command, output).wait():
            raise EmbeddedBrokerError(f"Kafka could not format {self._home / 'data'} (exit code {code}):\n{self._tail()}")

    def _launch(self, command: list[str], output: int) -> subprocess.Popen[bytes]:
        argv = [self._java_path(), *self._options, "-cp", self._class_path, *command]
        return spawn.spawn(argv, env=self._environment, output=output)

    def _java_path(self) -> str:
        assert self._java is not None
        return str(self._java.path)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise EmbeddedBrokerError("the broker was not started")
        return self._process

    def _await_answer(self) -> None:
        until = time.monotonic() + _START_S
        while not answers(self._host, self._port):
            code = self._running().poll()
            if code is not None:
                raise EmbeddedBrokerError(
                    f"Kafka ended while starting (exit code {code}), its log {self._log_file} ends with:\n{self._tail()}"
                )
            if time.monotonic() > until:
                spawn.stop_process(self._running(), _STOP_S)
                raise EmbeddedBrokerError(
                    f"Kafka did not answer within {_START_S:.0f} s, its log {self._log_file} ends with:\n{self._tail()}"
                )
            time.sleep(_POLL_S)

    def _tail(self) -> str:
        """Return the end of what this start wrote: an earlier one's lines would tell of another trouble, or of none."""
        with self._log_file.open("rb") as log:
            log.seek(self._log_offset)
            lines = log.read().decode("utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:]) or "(nothing since this start)"


def answers(host: str, port: int) -> bool:
    """Ask for the API versions (Kafka protocol, ApiVersions v0), which a broker answers anybody once it takes requests."""
    client = b"causeline"
    request = struct.pack(f">hhih{len(client)}s", 18, 0, 1, len(client), client)
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            header = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(header) == 10 and struct.unpack(">iih", header)[1:] == (1, 0)  # noqa: PLR2004 - size, correlation id, error code
