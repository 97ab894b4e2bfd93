"""A whole Causeline as a user runs it: `causeline up` as a child process on free ports, in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from causeline.deploy.embedded.broker_secret import address_file
from tests import patience
from tests.ports import free_port

READY_S = 120.0
STOP_S = 40.0


class Stack:
    """One running stack. `url` is where it answers, `kafka` where its broker listens."""

    cwd: Path | None = None
    """The folder that it is started in, None for that of the tests."""

    def __init__(self, data_dir: Path, **env: str) -> None:
        self.data_dir = data_dir
        self.http_port, self.grpc_port, self.kafka_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.processors_metrics_port, self.deliveries_metrics_port = free_port(), free_port()
        self.metrics = {
            "server": f"{self.url}/metrics",
            "processors": f"http://127.0.0.1:{self.processors_metrics_port}/metrics",
            "deliver": f"http://127.0.0.1:{self.deliveries_metrics_port}/metrics",
        }
        self.log = data_dir.parent / f"{data_dir.name}.log"
        ports = {
            "CAUSELINE_GRPC_PORT": self.grpc_port,
            "CAUSELINE_PROCESSORS_METRICS_PORT": self.processors_metrics_port,
            "CAUSELINE_DELIVERIES_METRICS_PORT": self.deliveries_metrics_port,
        }
        self._env = {**os.environ, **{name: str(port) for name, port in ports.items()}, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """How it is started; the ports come after it."""
        return [str(Path(sys.executable).with_name("causeline")), "up", "--data-dir", str(self.data_dir)]

    def start(self) -> "Stack":
        ports = ["--http-port", str(self.http_port), "--kafka-port", str(self.kafka_port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*self.command(), *ports], env=self._env, stdout=log, stderr=log, cwd=self.cwd)
        self.wait_ready()
        return self

    @property
    def kafka(self) -> str:
        return address_file(self.data_dir).read_text("ascii").strip()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_ready(self, seconds: float = READY_S) -> float:
        """Wait until events flow end to end; return how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if not self.alive():
                raise AssertionError(f"causeline up ended:\n{self.tail()}")
            if self.ready():
                return time.monotonic() - began
            patience.pause(0.05, "between two looks")
        raise AssertionError(f"not ready after {seconds} s:\n{self.tail()}")

    def wait_flow(self, seconds: float = READY_S) -> float:
        """Wait until an event sent now is acknowledged and listed; return how long it took. Readiness lags, this does not."""
        began = time.monotonic()
        tenant = {"Causeline-Tenant": "probe"}
        name = f"probe-{began}"
        acknowledged = ""
        with httpx.Client(base_url=self.url, headers=tenant, timeout=10) as http:
            while time.monotonic() - began < seconds:
                assert self.alive(), f"causeline up ended:\n{self.tail()}"
                try:
                    if not acknowledged:
                        body = {"kind": "probe", "title": name, "idempotency_key": name}
                        acknowledged = http.post("/v1/events", json=body).raise_for_status().json()["id"]
                    listed = http.get("/v1/events", params={"limit": 1}).raise_for_status().json()["events"]
                except httpx.HTTPError:
                    patience.pause(0.05, "between two tries")
                    continue
                if listed and listed[0]["id"] == acknowledged and self.ready():
                    return time.monotonic() - began
                patience.pause(0.05, "between two looks")
        raise AssertionError(f"events do not flow after {seconds} s:\n{self.tail()}")

    def child(self, words: str) -> psutil.Process:
        """Return the child whose command line contains the words: `causeline server`, `causeline processors` or `kafka.Kafka`."""
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                if words in " ".join(process.cmdline()):
                    return process
            except psutil.Error:
                continue
        raise LookupError(words)

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to stop and wait; return how long it took. Fails where it takes longer than it promises."""
        assert self._process is not None
        children = psutil.Process(self.pid).children(recursive=True)
        began = time.monotonic()
        self._process.send_signal(signum)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill(children)
            raise AssertionError(f"not stopped after {STOP_S} s:\n{self.tail()}") from None
        _, left = psutil.wait_procs(children, timeout=5)
        assert not left, f"left running: {left}"
        return time.monotonic() - began

    def kill(self, children: list[psutil.Process]) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for child in children:
            if child.is_running():
                child.kill()


@contextmanager
def running(data_dir: Path, **env: str) -> Iterator[Stack]:
    """Run a stack for the length of a with block."""
    stack = Stack(data_dir, **env)
    try:
        yield stack.start()
    finally:
        if stack.alive():
            stack.stop()
