"""The client is a distribution of its own, which is not installed here: its folder is put on the path."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci_server import CiServer, ci_server
from tests.source_tree import ROOT

sys.path.insert(0, str(ROOT / "deploy" / "ci"))


@pytest.fixture
def server() -> Iterator[CiServer]:
    with ci_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"
