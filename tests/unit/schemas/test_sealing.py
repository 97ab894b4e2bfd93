import pytest
from cryptography.fernet import Fernet

from causeline.schemas.sealing import Sealer, Unsealed

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_a_key_that_was_replaced_still_opens() -> None:
    sealed = Sealer(OLD).seal("secret")
    assert "secret" not in sealed
    assert Sealer(f"{NEW}, {OLD}").open(sealed) == "secret"
    assert Sealer(NEW).open(Sealer(f"{NEW},{OLD}").seal("x")) == "x"


def test_another_key_does_not_open() -> None:
    with pytest.raises(Unsealed):
        Sealer(NEW).open(Sealer(OLD).seal("secret"))
    with pytest.raises(Unsealed):
        Sealer(NEW).open("nothing that was sealed")


@pytest.mark.parametrize("keys", ["", " , ", "short"])
def test_what_is_no_key_is_refused(keys: str) -> None:
    with pytest.raises(ValueError, match=r"key|Fernet|empty|needed"):
        Sealer(keys)
