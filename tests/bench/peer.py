"""A peer in the same run: Prometheus' Alertmanager, where it is installed, taking alerts of the same content over HTTP.

It keeps alerts in memory and writes a snapshot now and then; Causeline answers when the broker has the event. The comparison is of what
a client sees: requests that are answered, events a second.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import patience
from tests.ports import free_port

_NAMES = ("prometheus-alertmanager", "alertmanager")
_CONFIG = "route: {receiver: nobody, group_wait: 1h}\nreceivers: [{name: nobody}]\n"


def installed() -> str | None:
    """Return the path of Alertmanager, None where it is not installed."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def alertmanager(binary: str) -> Iterator[int]:
    """Run it on a free port in a folder of its own; give the port once it is ready."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder:
        config = Path(folder) / "alertmanager.yml"
        config.write_text(_CONFIG)
        command = [binary, f"--config.file={config}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}"]
        process = subprocess.Popen([*command, "--cluster.listen-address=", "--log.level=error"])
        try:
            _wait_ready(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _wait_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "alertmanager ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            patience.pause(0.05, "between two tries")
    raise AssertionError("alertmanager is not ready after 30 s")


def version(binary: str) -> str:
    """Return the first line of its version."""
    done = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0]
