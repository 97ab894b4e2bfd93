from pathlib import Path

import pytest
from pydantic import ValidationError

from causeline.deploy.hosts import is_loopback
from causeline.deploy.setting_types import duration_text
from causeline.deploy.settings import Settings, mask_setting
from causeline.deploy.variables import source, unknown_variables

URL = "https://user:s3cret@clickhouse:8443/causeline"


def test_the_defaults_are_the_embedded_stack_on_loopback() -> None:
    settings = Settings()
    assert (settings.host, settings.http_port, settings.kafka_port, settings.grpc_port) == ("127.0.0.1", 8080, 19092, 8765)
    assert settings.embedded_kafka
    assert settings.data_dir == Path("causeline-data").absolute()
    assert settings.dedup_window_ms == 3_600_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [("http_port", "flag"), ("partitions", "environment"), ("host", "default"), ("kafka", "default")],
)
def test_the_source_of_a_setting_is_told(name: str, expected: str) -> None:
    environment = {"CAUSELINE_HTTP_PORT": "1", "causeline_partitions": "8", "CAUSELINE_KAFKA": ""}
    assert source(name, {"http_port": "2"}, environment) == expected


@pytest.mark.parametrize(("text", "ms"), [("250ms", 250), ("30s", 30_000), ("15m", 900_000), ("2h", 7_200_000), ("7d", 604_800_000)])
def test_a_duration_is_read_and_written_in_the_same_words(text: str, ms: int) -> None:
    assert Settings.model_validate({"dedup_window": text}).dedup_window == ms
    assert duration_text(ms) == text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dedup_window", "soon", "not a duration"),
        ("dedup_window", "0s", "greater than 0"),
        ("jwt_jwks", "/no/such/keys.json", "neither an http(s) URL nor a file"),
        ("http_port", "70000", "65535"),
        ("kafka", "kafka-1", "not host:port"),
        ("kafka", "a:1,,b:2", "not host:port"),
        ("clickhouse", "clickhouse:8123", "http(s)://"),
        ("auth", "maybe", "'off'"),
        ("kafka_heap", "lots", "pattern"),
        ("tracker_profile", "other", "released"),
        ("maven", "ftp://x", "pattern"),
        ("secrets_key", "short", "Fernet key"),
        ("delivery_allow", "10.0.0.0/40", "neither a host name"),
        ("causes_delays", "jira=30s", "not api=duration with one of tracker"),
        ("causes_delays", "desk=soon", "not a duration"),
        ("causes_delays", "desk=2h", "more than an hour"),
        ("causes_kinds", "rollout,no/tenant=schema", "neither a kind nor tenant=kind"),
        ("causes_kinds", "shop=", "neither a kind nor tenant=kind"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_reason(name: str, value: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: value})
    assert message in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "causeline.example"])
def test_an_address_beyond_loopback_needs_auth_said_explicitly(host: str) -> None:
    with pytest.raises(ValidationError, match="auth=off"):
        Settings(host=host)
    assert Settings(host=host, auth="off").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_auth_can_be_required_on_any_address(host: str) -> None:
    assert Settings(host=host, auth="required").auth_required
    assert not Settings(auth="off").auth_required
    assert not Settings().auth_required


def test_several_servers_on_one_port_need_a_store_that_they_can_share() -> None:
    with pytest.raises(ValidationError, match="reuse_port=true needs clickhouse=URL"):
        Settings(reuse_port=True)
    assert Settings(reuse_port=True, clickhouse="http://127.0.0.1:8123/causeline").reuse_port


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(ValidationError, match="32 bytes") as refused:
        Settings(jwt_secret="guess-me")
    assert "guess-me" not in str(refused.value)


@pytest.mark.parametrize(("host", "expected"), [("localhost", True), ("127.8.8.8", True), ("::1", True), ("0.0.0.0", False), ("x", False)])
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_loopback(host) is expected


def test_the_password_of_clickhouse_is_masked() -> None:
    assert mask_setting("clickhouse", URL) == "https://user:***@clickhouse:8443/causeline"
    assert mask_setting("clickhouse", "http://clickhouse:8123/x") == "http://clickhouse:8123/x"
    assert mask_setting("kafka", "a:1") == "a:1"
    assert mask_setting("kafka", "me:hush@a:1?tls=1") == "me:***@a:1?tls=1"


def test_the_secret_of_jwts_is_masked() -> None:
    assert mask_setting("jwt_secret", "s" * 32) == "***"
    assert mask_setting("jwt_secret", "") == ""


def test_a_misspelled_variable_is_found() -> None:
    assert unknown_variables({"CAUSELINE_HTTPPORT": "1", "CAUSELINE_HTTP_PORT": "1", "PATH": ""}) == ["CAUSELINE_HTTPPORT"]


@pytest.mark.parametrize(
    ("name", "text", "written"),
    [
        ("tenant_quotas", " shop=500, ,ci=0,", "shop=500,ci=0"),
        ("causes_delays", "desk=30s , tracker=2m", "desk=30s,tracker=2m"),
        ("causes_kinds", ",rollout,", "rollout"),
        ("cors_origins", "https://ops.example, http://localhost:3000", "https://ops.example,http://localhost:3000"),
        ("delivery_allow", "10.1.0.0/16, a.internal", "10.1.0.0/16,a.internal"),
    ],
)
def test_a_list_is_written_without_blanks_and_a_part_that_cannot_be_is_named(name: str, text: str, written: str) -> None:
    assert getattr(Settings.model_validate({name: text}), name) == written
    with pytest.raises(ValidationError, match="no=such=/part") as refused:
        Settings.model_validate({name: f"{text},no=such=/part"})
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


def test_delays_and_kinds_of_causes_are_read_as_they_are_written() -> None:
    settings = Settings(causes_delays="desk=30s, tracker=2m", causes_kinds="Rollout,shop=schema_change,shop=dns")
    assert settings.detection_delays == {"desk": 30_000, "tracker": 120_000}
    assert settings.change_kinds == {"": frozenset({"rollout"}), "shop": frozenset({"schema_change", "dns"})}
    assert (Settings().detection_delays, Settings().change_kinds) == ({}, {})
