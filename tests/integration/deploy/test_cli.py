import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from causeline.deploy.embedded.instance import hold_folder
from causeline.deploy.embedded.parts import causeline_argv
from causeline.deploy.settings import Settings
from tests.ports import free_port

SECRET = "https://user:s3cret@clickhouse:8443/causeline"


def causeline(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command, *flags = args
    return subprocess.run([*causeline_argv(command), *flags], capture_output=True, text=True, timeout=60, check=False, env={**clean, **env})


def row(output: str, variable: str) -> list[str]:
    """Return the words of one line of the table of settings."""
    return next(line.split() for line in output.splitlines() if line.startswith(variable))


def test_settings_shows_value_and_source_and_a_flag_wins_over_the_environment() -> None:
    process = causeline(
        "settings", "--http-port", "9001", CAUSELINE_HTTP_PORT="9000", CAUSELINE_PARTITIONS="8", CAUSELINE_DEDUP_WINDOW="90s"
    )
    assert row(process.stdout, "CAUSELINE_HTTP_PORT")[1:3] == ["9001", "flag"]
    assert row(process.stdout, "CAUSELINE_PARTITIONS")[1:3] == ["8", "environment"]
    assert row(process.stdout, "CAUSELINE_DEDUP_WINDOW")[1:3] == ["90s", "environment"]
    assert row(process.stdout, "CAUSELINE_RETENTION_DAYS")[1:3] == ["730", "default"]
    assert process.returncode == 0


def test_settings_shows_every_setting_and_no_secret() -> None:
    process = causeline("settings", CAUSELINE_CLICKHOUSE=SECRET)
    assert [line.split()[0] for line in process.stdout.splitlines()[1:]] == [f"CAUSELINE_{name.upper()}" for name in Settings.model_fields]
    assert row(process.stdout, "CAUSELINE_CLICKHOUSE ")[1] == "https://user:***@clickhouse:8443/causeline"
    assert "s3cret" not in process.stdout + process.stderr


def test_a_child_sees_exactly_the_settings_of_its_parent() -> None:
    settings = Settings(kafka="127.0.0.1:5000", dedup_window=900_000, free_ports=True, clickhouse=SECRET, data_dir=Path("/x"), auth="off")
    process = causeline("settings", **settings.to_environment())
    values = {line.split()[0]: line.split()[1] for line in process.stdout.splitlines()[1:]}
    assert values["CAUSELINE_KAFKA"] == "127.0.0.1:5000"
    assert values["CAUSELINE_DEDUP_WINDOW"] == "15m"
    assert values["CAUSELINE_FREE_PORTS"] == "true"
    assert values["CAUSELINE_DATA_DIR"] == "/x"
    rows = [re.split(r"\s{2,}", line) for line in process.stdout.splitlines()[1:]]
    assert {source for _, value, source, *_ in rows if value != "-"} == {"environment"}


def test_a_misspelled_variable_is_told() -> None:
    assert "there is no setting CAUSELINE_HTTPPORT" in causeline("settings", CAUSELINE_HTTPPORT="1").stderr


@pytest.mark.parametrize(
    ("args", "env", "message"),
    [
        (("up", "--http-port", "high"), {}, "--http-port: Input should be a valid integer"),
        (("up",), {"CAUSELINE_DEDUP_WINDOW": "soon"}, "CAUSELINE_DEDUP_WINDOW: 'soon' is not a duration"),
        (("up", "--host", "0.0.0.0"), {}, "say auth=required, or auth=off if that is meant"),
        (("up", "--auth", "sometimes"), {}, "--auth: Input should be"),
        (("up", "--auth", "required"), {"CAUSELINE_JWT_SECRET": "short"}, "CAUSELINE_JWT_SECRET"),
        (("up", "--data-dir", "/dev/null"), {}, "/dev/null is not a folder"),
        (("server",), {}, "`causeline server` needs --kafka"),
        (("processors",), {}, "`causeline processors` needs --kafka"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_two(args: tuple[str, ...], env: dict[str, str], message: str) -> None:
    refused = causeline(*args, **env)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_second_instance_on_the_folder_names_the_first(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        refused = causeline("up", "--data-dir", str(tmp_path))
    assert refused.returncode == 2
    assert refused.stderr == (
        f"causeline: {tmp_path} is in use by another Causeline (process {os.getpid()}): stop that one, or choose another --data-dir\n"
    )


@pytest.mark.parametrize("flag", ["--http-port", "--grpc-port", "--kafka-port", "--processors-metrics-port"])
def test_a_taken_port_is_named_with_its_flag(tmp_path: Path, flag: str) -> None:
    ports = {"--http-port": free_port(), "--grpc-port": free_port(), "--kafka-port": free_port(), "--processors-metrics-port": free_port()}
    with socket.create_server(("127.0.0.1", ports[flag])):
        refused = causeline("up", "--data-dir", str(tmp_path), *(str(word) for pair in ports.items() for word in pair))
    assert refused.returncode == 2
    assert f"port {ports[flag]} on 127.0.0.1 is taken: choose another with {flag}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_failed_download_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    refused = causeline("up", "--free-ports", "--data-dir", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--maven", nobody)
    assert refused.returncode == 1
    notice, failed = refused.stderr.splitlines()
    assert notice.startswith("downloading Apache Kafka: 47 jars")
    assert failed.startswith("causeline: ")
    assert "could not be downloaded: [Errno" in failed


def test_the_version_is_that_of_the_distribution() -> None:
    assert causeline("version").stdout == "0.1.0\n"


def test_help_names_every_command_with_an_example() -> None:
    for command in ("up", "server", "processors", "topics", "migrate", "settings"):
        output = causeline(command, "--help").stdout
        assert "Example" in output
        assert "--data-dir" in output


def test_a_rebuild_refuses_a_folder_that_is_in_use_and_one_without_a_log(tmp_path: Path) -> None:
    refused = causeline("rebuild", "--data-dir", str(tmp_path))
    assert (refused.returncode, "has no log" in refused.stderr, len(refused.stderr.splitlines())) == (1, True, 1)
    (tmp_path / "kafka").mkdir()
    (tmp_path / "clickhouse").mkdir()
    with hold_folder(tmp_path):
        refused = causeline("rebuild", "--data-dir", str(tmp_path))
    assert (refused.returncode, "stop that one" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("list", "--kafka", "127.0.0.1:1"), 1, "no broker answers at 127.0.0.1:1: start `causeline up`"),
        (("show", "17"), 2, "'17' is not a position such as 0:17"),
        (("retry", "--reason", "bad"), 2, "--reason takes undecodable, "),
    ],
)
def test_dead_letters_that_cannot_be_asked_for_are_one_line_and_an_exit_code(args: tuple[str, ...], code: int, message: str) -> None:
    refused = causeline("dlq", *args)
    assert (refused.returncode, message in refused.stderr, len(refused.stderr.splitlines()), refused.stdout) == (code, True, 1, "")
