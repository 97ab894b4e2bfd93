"""The key of a data folder: made once, readable by its owner alone, refused where it is none."""

import stat
from pathlib import Path

import pytest

from causeline.deploy.secrets_key import SecretsKeyError, kept_key
from causeline.schemas.subscriptions.sealing import Sealer


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    key = kept_key(tmp_path)
    assert Sealer(key)
    assert kept_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.key"]
    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600


def test_what_a_crash_left_half_written_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "secrets.new").write_text("half", "ascii")
    assert Sealer(kept_key(tmp_path))


@pytest.mark.parametrize("text", ["", "hunter2", "ü"])
def test_a_file_that_holds_no_key_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.key"
    path.write_text(text, "utf-8")
    with pytest.raises(SecretsKeyError, match="holds no key") as refused:
        kept_key(tmp_path)
    assert "hunter2" not in str(refused.value)
    assert path.read_text("utf-8") == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecretsKeyError, match="cannot be read or written"):
        kept_key(tmp_path / "missing")
