"""What every page loads stays small: figures of `gzip -9`, as a proxy in front may send it."""

import gzip
from importlib.resources import files

import pytest

KB = 1_000
LIMITS = {"causeline.css": 10 * KB, "causeline.js": 12 * KB, "icon.svg": KB}


@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
def test_an_asset_stays_within_its_bytes(name: str, limit: int) -> None:
    body = files("causeline.query_api.ui").joinpath("assets", name).read_bytes()
    assert len(gzip.compress(body, 9)) <= limit


def test_the_script_makes_no_html_of_text() -> None:
    script = files("causeline.query_api.ui").joinpath("assets", "causeline.js").read_text("utf-8")
    refused = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser")
    assert [word for word in refused if word in script] == []
