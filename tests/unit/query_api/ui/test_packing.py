"""Packed pages: who accepts gzip gets it, who does not gets the same unpacked."""

import gzip

import pytest

from causeline.query_api.ui.packing import pack_answer, takes_gzip
from causeline.schemas.web.errors import Answer
from tests.pages import Pages


@pytest.mark.parametrize(
    ("accepted", "is_taken"),
    [
        ("gzip, deflate, br, zstd", True),
        ("GZIP;q=0.5", True),
        ("br, gzip ; q=1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("x-gzip2, br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_taken_by_its_name_and_with_some_weight(accepted: str, is_taken: bool) -> None:  # noqa: FBT001 - a row of the table
    assert takes_gzip({"accept-encoding": accepted}) == is_taken


def test_a_short_answer_is_not_packed_and_caches_are_told_all_the_same() -> None:
    short = Answer(200, {"ETag": "x"}, b"x" * 100)
    assert pack_answer(short, {"accept-encoding": "gzip"}) == short._replace(headers={"ETag": "x", "Vary": "Accept-Encoding"})


async def test_a_page_and_the_stylesheet_are_packed_for_a_browser() -> None:
    plain, packed = Pages(), Pages(accept_encoding="gzip, br")
    for address in (
        "/problems",
        next(str(link["href"]) for link in (await plain.visit("/problems")).all("link") if link["rel"] == "stylesheet"),
    ):
        whole = await plain.get(address)
        small = await packed.get(address)
        assert ("Content-Encoding" in whole.headers, small.headers["Content-Encoding"]) == (False, "gzip")
        assert gzip.decompress(small.body) == whole.body
        assert len(small.body) < len(whole.body) / 2
