"""The volume benchmark on a volume so small that it is filled in seconds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.volume_fill import kept
from tests.bench.volume_requests import QUERIES

ROWS = 20_000


def _run(*arguments: str) -> str:
    """Run a part in a process of its own: the engine takes one folder a process."""
    return subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("volume")
    _run("tests.bench.volume_fill", str(folder), str(ROWS))
    filled = kept(Path(folder))
    assert filled is not None
    found: dict[str, Any] = json.loads(_run("tests.bench.volume_reads", str(folder), "3").splitlines()[-1])
    return found | {"rows": filled.rows}


def test_a_volume_holds_as_many_events_as_were_asked_for(told: dict[str, Any]) -> None:
    assert told["rows"] == ROWS


def test_every_query_of_the_benchmark_is_answered_by_the_routes_of_a_server(told: dict[str, Any]) -> None:
    assert {name: statuses for name, statuses in told["statuses"].items() if set(statuses) != {200}} == {}
    assert set(told["statuses"]) == set(QUERIES)


def test_every_query_says_how_many_rows_it_read(told: dict[str, Any]) -> None:
    assert [name for name, read in told["reads"].items() if read["read_rows"] <= 0] == []


def test_a_volume_says_how_many_bytes_its_tables_take(told: dict[str, Any]) -> None:
    assert told["stored"] > told["rows"]
