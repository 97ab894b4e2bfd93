"""What a supervisor supervises: the embedded broker and the processes of Causeline itself, behind one small interface."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from causeline.deploy.embedded import spawn
from causeline.deploy.embedded.broker import EmbeddedBroker


class Part(Protocol):
    """A child process that can be started again. The calls block; `stop` may come from another thread while `start` runs."""

    name: str
    stop_s: float
    """How long it may take to stop in order before it is killed."""

    def start(self) -> None:
        """Start it; return once it can be used by the parts that come after it. Raises where that fails."""

    def wait(self) -> int:
        """Wait until it ends; return its exit code, or the signal that ended it as a negative number."""

    def stop(self, deadline_s: float) -> None:
        """Ask it to stop, kill it after the deadline. Does nothing when it does not run."""

    @property
    def pid(self) -> int | None:
        """Its process id, None where it was never started."""


class BrokerPart:
    """The embedded broker as a part."""

    name = "broker"
    stop_s = 10.0

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises BrokerError."""
        self._broker.start()

    def wait(self) -> int:
        """Wait for the JVM's end."""
        return self._broker.wait()

    def stop(self, deadline_s: float) -> None:
        """Stop the JVM."""
        self._broker.stop(deadline_s)

    @property
    def pid(self) -> int | None:
        """The JVM's process id."""
        return self._broker.pid if self._broker.has_started else None


class CommandPart:
    """A program, e.g. `causeline server`, in a process of its own that writes where this one writes."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], stop_s: float) -> None:
        self.name = name
        self.stop_s = stop_s
        self._argv, self._env = list(argv), dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it is not waited for until it serves."""
        self._process = spawn.spawn(self._argv, env=self._env)

    def wait(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        return self._process.wait()

    def stop(self, deadline_s: float) -> None:
        """Stop the process."""
        if self._process is not None:
            spawn.stop_process(self._process, deadline_s)

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return None if self._process is None else self._process.pid


def causeline_argv(command: str) -> list[str]:
    """Return how to run a command of this installation, so that `causeline <command>` is visible in the process list."""
    for place in (Path(sysconfig.get_path("scripts")) / "causeline", shutil.which("causeline")):
        if place is not None and Path(place).is_file():
            return [sys.executable, str(place), command]
    return [sys.executable, "-m", "causeline.deploy.cli", command]
