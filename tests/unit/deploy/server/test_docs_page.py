"""The page of the documentation runs nothing but itself."""

import base64
import hashlib
import re
from importlib.resources import files

from causeline.deploy.server.operations import page_headers

PAGE = files("causeline.deploy.server").joinpath("docs.html").read_bytes()


def test_the_policy_lets_in_what_the_page_holds_and_nothing_else() -> None:
    policy = dict(part.strip().split(" ", 1) for part in page_headers(PAGE)["Content-Security-Policy"].split(";"))
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>".encode(), PAGE, re.DOTALL)
        assert policy[f"{tag}-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)


def test_the_page_has_no_script_or_style_that_the_policy_would_stop() -> None:
    assert not re.findall(rb"\son\w+=|\sstyle=|<link|<img|<script\s", PAGE)
