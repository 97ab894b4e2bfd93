"""The three traps of a namespace over five folders: every portion installed, typed and shipped with its data."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from causeline.schemas.dialects.all import DIALECTS
from tests.source_tree import ROOT, SLICES


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


def test_the_namespace_has_no_init_of_its_own() -> None:
    for portion in SLICES:
        assert not (ROOT / portion / "causeline" / "__init__.py").exists()
        assert (ROOT / portion / "causeline" / portion / "__init__.py").exists()


def test_an_editable_install_exposes_every_portion() -> None:
    for portion in SLICES:
        spec = importlib.util.find_spec(f"causeline.{portion}")
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).is_relative_to(ROOT / portion)


def test_the_type_checker_sees_every_portion() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert {*SLICES, "tests"} <= set(settings["files"])
    assert set(SLICES) <= set(settings["mypy_path"].split(":"))


def test_the_wheel_holds_every_file_of_every_portion(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for portion in SLICES:
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
        "print(codec.__file__, len(codec.registry()), len(topics.all_topics()), len(migrations.migrations()))\n"
    )
    process = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    place, schemas, topics, migrations = process.stdout.split()
    assert place.startswith(str(tmp_path))
    assert int(schemas) >= 4
    assert int(topics) == 13
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
    sleeps_by_path = {str(path.relative_to(ROOT)): lines for path in sorted((ROOT / "tests").rglob("*.py")) if (lines := _sleeps(path))}
    assert set(sleeps_by_path) == {"tests/patience.py"}


def _api_files() -> list[tuple[str, Path]]:
    """Return every module in the folders of an API, with the name of the API."""
    folders = [folder for portion in SLICES for folder in (ROOT / portion / "causeline" / portion / "dialects").glob("*/")]
    return [(folder.name, path) for folder in folders for path in sorted(folder.rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    """Return what a module imports, each with what is taken of it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    taken = {f"{node.module}.{name.name}" for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return taken | {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}


def test_no_folder_of_an_api_reads_the_folder_of_another_one_in_whatever_slice() -> None:
    apis = {api for api, _ in _api_files()}
    assert apis == set(DIALECTS.names)
    for api, path in _api_files():
        apis_read = {match[1] for imported in _imports(path) if (match := re.search(r"\.dialects\.(\w+)", imported))}
        assert apis_read & apis <= {api}, path


SPELLED_ELSEWHERE = {
    "schemas/causeline/schemas/catalog/registry_api.py": {"native"},  # metrics count the schema registry as a part of it
    "schemas/causeline/schemas/subscriptions/rules.py": {"escapekit"},  # a word in a hash that is on the log
    "processors/causeline/processors/delivery/incidents.py": {"native"},  # the event that tells of a dead endpoint
    "query_api/causeline/query_api/dora/dora_facts.py": {"cto_ai", "escapekit", "native"},  # no environment, or no outcome
    "query_api/causeline/query_api/sql/events.py": {"desk"},  # an index is made for its events
}


def test_the_name_of_an_api_is_spelled_in_its_own_folders_only() -> None:
    own = {path: api for api, path in _api_files()}
    spelled: dict[str, set[str]] = {}
    for portion in SLICES:
        for path in sorted((ROOT / portion).rglob("*.py")):
            nodes = ast.walk(ast.parse(path.read_text()))
            texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            if names := texts & set(DIALECTS.names) - {own.get(path)}:
                spelled[str(path.relative_to(ROOT))] = names
    assert spelled == SPELLED_ELSEWHERE
