"""Several processes of Causeline on one Kafka and one ClickHouse, each part a process of its own: what a cluster's operator runs.

Two servers, three processors, a broker and a ClickHouse server (`clickhouse_http.py`). What ends is started again, as Kubernetes or
systemd would do it. It is a `Stack` to whoever drives one: `url` is its first server.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from causeline.deploy.embedded import spawn
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.deploy.embedded.parts import causeline_argv
from tests import patience
from tests.clickhouse_http import ClickHouseHttp
from tests.ports import free_port
from tests.stack import READY_S, STOP_S, Stack

SERVERS: Final = 2
PROCESSORS: Final = 3
_POLL_S: Final = 0.05


class Member:
    """One `causeline server` or `causeline processors`."""

    def __init__(self, name: str, command: str, env: dict[str, str], log: Path, metrics_port: int) -> None:
        self.name = name
        self.metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        self._command, self._env, self._log = command, {**os.environ, **env, "CAUSELINE_LOG_FORMAT": "json"}, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = spawn.spawn(causeline_argv(self._command), env=self._env, output=log)

    def answers(self) -> bool:
        try:
            return httpx.get(self.metrics, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process


class Fleet(Stack):
    """The parts, and the watch that starts the members again."""

    def __init__(self, folder: Path, *, processors: int = PROCESSORS, replica: bool = False) -> None:
        super().__init__(folder / "data")
        self.broker = EmbeddedBroker(folder / "broker")
        self.clickhouse = ClickHouseHttp(folder / "clickhouse", replica=replica)
        self._processors = processors
        self.log = folder / "fleet.log"
        self._ports = [self.http_port, *(free_port() for _ in range(SERVERS - 1))]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self.members: dict[str, Member] = {}
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    @property
    def kafka(self) -> str:
        return self.broker.bootstrap

    def start(self) -> "Fleet":
        self.broker.start()
        self.clickhouse.start()
        common = {"CAUSELINE_KAFKA": self.kafka, "CAUSELINE_CLICKHOUSE": self.clickhouse.url}
        for number, port in enumerate(self._ports, 1):
            env = {**common, "CAUSELINE_HTTP_PORT": str(port), "CAUSELINE_GRPC_PORT": str(free_port())}
            self._add(Member(f"server {number}", "server", env, self.log, port))
        for number in range(1, self._processors + 1):
            port = free_port()
            env = {**common, "CAUSELINE_PROCESSORS_METRICS_PORT": str(port)}
            self._add(Member(f"processors {number}", "processors", env, self.log, port))
        self.metrics = {"server": self.members["server 1"].metrics, "processors": self.members["processors 1"].metrics}
        for member in self.members.values():
            member.start()
        self._keeper.start()
        self.wait_ready()
        return self

    def _add(self, member: Member) -> None:
        self.members[member.name] = member

    def _keep(self) -> None:
        while not self._stopping.wait(_POLL_S):
            for member in self.members.values():
                if (code := member.process.poll()) is not None and not self._stopping.is_set():
                    line = {"process": "keeper", "event": "member ended", "member": member.name, "exit_code": code}
                    with self.log.open("a") as log:
                        log.write(json.dumps(line) + "\n")
                    member.start()

    def alive(self) -> bool:
        return self.broker.alive()

    def ready(self) -> bool:
        """Tell whether every server says so: each judges the whole, not itself alone."""
        try:
            return all(httpx.get(f"{url}/readyz", timeout=2).status_code == 200 for url in self.urls)
        except httpx.HTTPError:
            return False

    def end(self, name: str, how: signal.Signals) -> float:
        """End a member, wait until another one answers in its place and all is ready; return how long that took."""
        began = time.monotonic()
        member = self.members[name]
        process = member.process
        process.send_signal(how)
        process.wait(STOP_S)
        patience.asked(lambda: member.process is not process and member.answers(), seconds=READY_S, every=_POLL_S)
        self.wait_ready()
        return time.monotonic() - began

    def close(self) -> None:
        """End the members in order, then what they need."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for member in self.members.values():
            spawn.stop_process(member.process, STOP_S)
        self.clickhouse.stop()
        self.broker.stop()


@contextmanager
def fleet_running(folder: Path, *, processors: int = PROCESSORS, replica: bool = False) -> Iterator[Fleet]:
    """Run a fleet for the length of a with block. `replica`: ClickHouse is two replicas, one of which can be held back."""
    fleet = Fleet(folder, processors=processors, replica=replica)
    try:
        yield fleet.start()
    finally:
        fleet.close()


class Rotating(httpx.AsyncBaseTransport):
    """A load balancer without health checks: each request goes to the next server, whatever became of it."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = [httpx.URL(url) for url in urls]
        self._inner = httpx.AsyncHTTPTransport()
        self._turn = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._turn += 1
        chosen = self._urls[self._turn % len(self._urls)]
        request.url = request.url.copy_with(host=chosen.host, port=chosen.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
