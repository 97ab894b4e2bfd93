"""Secrets at rest: sealed by the first key, opened by any, and never told by an error."""

from collections.abc import Callable

import pytest

from causeline.schemas.subscriptions.sealing import Sealer, UnsealFailed, new_key

SECRET = "whsec_ünïcode"
DAMAGES: list[Callable[[str], str]] = [lambda text: text[:-8], lambda text: "x" + text, lambda _: "", lambda _: SECRET]


def test_what_was_sealed_opens_and_does_not_show() -> None:
    sealer = Sealer(new_key())
    sealed = sealer.seal(SECRET)
    assert sealer.open(sealed) == SECRET
    assert SECRET not in sealed
    assert sealer.seal(SECRET) != sealed


def test_the_first_key_seals_and_every_key_opens() -> None:
    old, new = new_key(), new_key()
    before, after = Sealer(old), Sealer(f"{new}, {old}")
    assert after.open(before.seal(SECRET)) == SECRET
    assert Sealer(new).open(after.seal(SECRET)) == SECRET
    with pytest.raises(UnsealFailed):
        before.open(after.seal(SECRET))


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_does_not_open_and_is_not_shown(damage: Callable[[str], str]) -> None:
    sealer = Sealer(new_key())
    with pytest.raises(UnsealFailed) as refused:
        sealer.open(damage(sealer.seal(SECRET)))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "keys", ["", " , ", "guess-me", f"{new_key()},guess-me", "A" * 43], ids=["none", "blank", "word", "one of two", "short"]
)
def test_a_key_that_is_none_is_refused_without_being_shown(keys: str) -> None:
    with pytest.raises(ValueError, match="Fernet key") as refused:
        Sealer(keys)
    assert "guess-me" not in str(refused.value)
