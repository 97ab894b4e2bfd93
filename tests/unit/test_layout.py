"""The three traps of a namespace over five folders: every portion installed, typed and shipped with its data."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PORTIONS = ("schemas", "ingest", "processors", "query_api", "deploy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


def test_the_namespace_has_no_init_of_its_own() -> None:
    for portion in PORTIONS:
        assert not (ROOT / portion / "causeline" / "__init__.py").exists()
        assert (ROOT / portion / "causeline" / portion / "__init__.py").exists()


def test_an_editable_install_exposes_every_portion() -> None:
    for portion in PORTIONS:
        found = importlib.util.find_spec(f"causeline.{portion}")
        assert found is not None
        assert found.origin is not None
        assert Path(found.origin).is_relative_to(ROOT / portion)


def test_the_type_checker_sees_every_portion() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert {*PORTIONS, "tests"} <= set(settings["files"])
    assert set(PORTIONS) <= set(settings["mypy_path"].split(":"))


def test_the_wheel_holds_every_file_of_every_portion(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for portion in PORTIONS:
        for path in (ROOT / portion / "causeline").rglob("*"):
            if path.is_file() and path.suffix not in (".pyc", ".pyo"):
                assert str(path.relative_to(ROOT / portion)) in names
    assert "causeline/__init__.py" not in names


def test_an_installed_wheel_reads_its_schemas_topics_and_migrations(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import causeline; causeline.__path__ = [p for p in causeline.__path__ if p.startswith(sys.path[0])]\n"
        "from causeline.schemas import migrations, topics\n"
        "from causeline.schemas.wire import codec\n"
        "print(codec.__file__, len(codec.registry()), len(topics.topics()), len(migrations.migrations()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    place, schemas, topics, migrations = done.stdout.split()
    assert place.startswith(str(tmp_path))
    assert int(schemas) >= 4
    assert int(topics) == 12
    assert int(migrations) >= 3


def test_the_lock_file_names_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "--index-url" not in lock


def _sleeps(path: Path) -> list[int]:
    """Return the lines of a file that sleep."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if ast.unparse(call.func) in ("time.sleep", "asyncio.sleep", "sleep")]


def test_tests_wait_for_conditions_and_only_one_file_of_them_sleeps() -> None:
    found = {str(path.relative_to(ROOT)): lines for path in sorted((ROOT / "tests").rglob("*.py")) if (lines := _sleeps(path))}
    assert set(found) == {"tests/patience.py"}
