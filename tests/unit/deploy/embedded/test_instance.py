import os
from pathlib import Path

import pytest

from causeline.deploy.embedded.instance import InstanceError, hold_folder


def test_a_second_instance_on_the_folder_is_refused_by_the_first_ones_process_id(tmp_path: Path) -> None:
    refused = pytest.raises(InstanceError, match=rf"in use by another Causeline \(process {os.getpid()}\)")
    with hold_folder(tmp_path / "data"), refused, hold_folder(tmp_path / "data"):
        pass
    with hold_folder(tmp_path / "data"):
        assert (tmp_path / "data" / "causeline.lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_file_of_an_ended_instance_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "causeline.lock").write_text("1234567\n")
    with hold_folder(tmp_path):
        assert (tmp_path / "causeline.lock").read_text() == f"{os.getpid()}\n"


def test_a_file_is_not_a_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    for folder in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(InstanceError, match="is not a folder"), hold_folder(folder):
            pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write")
def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InstanceError, match="cannot be written"), hold_folder(Path("/proc/self/causeline")):
        pass


def test_what_lies_in_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    own, foreign = tmp_path / "made", tmp_path / "given"
    foreign.mkdir(mode=0o755)
    (foreign / "kafka").mkdir(mode=0o755)
    (foreign / "other").mkdir(mode=0o755)
    for folder in (own, foreign):
        with hold_folder(folder):
            pass
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in (own, foreign, foreign / "kafka", foreign / "other", own / "causeline.lock")
    }
    assert modes == {"made": 0o700, "given": 0o755, "kafka": 0o700, "other": 0o755, "causeline.lock": 0o600}
