import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.values.tag_texts import tag_of, tag_text

TEXTS = st.text(st.sampled_from(":\\ab é"))


@given(TEXTS.filter(bool), TEXTS)
def test_every_tag_with_a_name_can_be_asked_for(key: str, value: str) -> None:
    assert tag_of(tag_text(key, value)) == (key, value)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("region:eu", ("region", "eu")),
        ("region:eu:1", ("region", "eu:1")),
        ("k:", ("k", "")),
        (r"a\:b:v", ("a:b", "v")),
        (r"a\:b\:c:v\:w", ("a:b:c", r"v\:w")),
        (r"a\\:v", ("a\\", "v")),
        (r"c\dir:v", (r"c\dir", "v")),
    ],
)
def test_the_first_colon_ends_the_key_unless_it_is_escaped(text: str, tag: tuple[str, str]) -> None:
    assert tag_of(text) == tag


@pytest.mark.parametrize("text", ["", ":", ":v", "key", r"a\:b", r"\:"])
def test_what_has_no_key_or_no_colon_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a tag"):
        tag_of(text)
