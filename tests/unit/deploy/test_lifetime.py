"""However a process of Causeline fails, it says so and ends with the exit code of a failure."""

import subprocess
import sys

import pytest

FAILING = """
import asyncio
from causeline.deploy.lifetime import live
from causeline.deploy.settings import Settings

async def work(settings):
    raise {error}

live("processors", Settings(log_format="json"), work)
"""


@pytest.mark.parametrize("error", ["OSError('the disk is gone')", "asyncio.CancelledError()"])
def test_a_failure_of_any_kind_is_logged_with_its_trace_and_ends_with_70(error: str) -> None:
    ended = subprocess.run([sys.executable, "-c", FAILING.format(error=error)], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, '"event": "process failed"' in ended.stderr) == (70, True), ended.stderr


def test_a_port_that_another_process_has_ends_with_the_code_of_what_cannot_run_and_without_a_trace() -> None:
    script = FAILING.format(error="PortError('port 8081 on 127.0.0.1 is taken')").replace(
        "import asyncio", "from causeline.deploy.embedded.free_ports import PortError"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False), ended.stderr
    assert '"reason": "port 8081 on 127.0.0.1 is taken"' in ended.stderr
